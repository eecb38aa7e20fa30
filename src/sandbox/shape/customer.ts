// How Stripe shows customers, their payment methods and setup intents, and the account.
import type { PaymentMethod, SetupIntent } from '../store/entity-payment.ts';
import type { Customer, TestClock } from '../store/entity.ts';
import type { World } from '../world.ts';
import { showDiscount } from './catalog.ts';
import { publicPart, type Wire } from './wire.ts';

export const showCustomer = (world: World, customer: Customer): Wire =>
  customer._deleted
    ? { id: customer.id, object: 'customer', deleted: true }
    : {
        address: null,
        customer_account: null,
        default_source: null,
        description: null,
        discount: discountOf(world, customer),
        phone: null,
        preferred_locales: [],
        shipping: null,
        tax_exempt: 'none',
        ...publicPart(customer),
        invoice_settings: {
          custom_fields: null,
          footer: null,
          rendering_options: null,
          ...customer.invoice_settings,
        },
      };

const discountOf = (world: World, { _discounts: [id] }: Customer): Wire | null => {
  const discount = id === undefined ? undefined : world.store.get('discount', id);
  return discount === undefined ? null : showDiscount(discount);
};

export const showPaymentMethod = (method: PaymentMethod): Wire => ({
  allow_redisplay: 'unspecified',
  billing_details: { address: emptyAddress, email: null, name: null, phone: null, tax_id: null },
  customer_account: null,
  ...publicPart(method),
  ...kindOf(method),
});

const kindOf = (method: PaymentMethod): Wire => {
  if (method.type === 'customer_balance') return { customer_balance: {} };
  return method.card === undefined ? { sepa_debit: sepaDebit(method) } : { card: card(method) };
};

const emptyAddress = {
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
};

const card = (method: PaymentMethod): Wire => ({
  ...method.card,
  checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
  country: 'US',
  display_brand: method.card?.brand ?? null,
  fingerprint: `fp${method._number.slice(-14)}`,
  funding: 'credit',
  generated_from: null,
  networks: { available: [method.card?.brand ?? 'visa'], preferred: null },
  regulated_status: 'unregulated',
  three_d_secure_usage: { supported: true },
  wallet: null,
});

const sepaDebit = (method: PaymentMethod): Wire => ({
  bank_code: '37040044',
  branch_code: '',
  country: 'DE',
  fingerprint: `fp${method._number.slice(-14)}`,
  generated_from: { charge: null, setup_attempt: null },
  last4: method._number.slice(-4),
});

export const showSetupIntent = (intent: SetupIntent): Wire => ({
  allowed_payment_method_types: null,
  application: null,
  automatic_payment_methods: null,
  cancellation_reason: null,
  customer_account: null,
  description: null,
  excluded_payment_method_types: null,
  flow_directions: null,
  last_setup_error: null,
  latest_attempt: null,
  managed_payments: null,
  mandate: null,
  next_action: null,
  on_behalf_of: null,
  payment_method_configuration_details: null,
  payment_method_options: {
    card: { mandate_options: null, network: null, request_three_d_secure: 'automatic' },
  },
  payment_method_types: ['card'],
  single_use_mandate: null,
  ...publicPart(intent),
});

const clockLifeSeconds = 30 * 86_400;

export const showTestClock = (clock: TestClock): Wire => ({
  ...publicPart(clock),
  deletes_after: clock.created + clockLifeSeconds,
  livemode: false,
  status_details:
    clock._target === null ? {} : { advancing: { target_frozen_time: clock._target } },
});

/** The account behind the key: enough for a client to tell one account from another. */
export const showAccount = (id: string, created: number): Wire => ({
  id,
  object: 'account',
  business_profile: {
    mcc: null,
    minority_owned_business_designation: null,
    name: 'Sandbox',
    product_description: null,
    specified_commercial_transactions_act_url: null,
    support_address: null,
    support_email: null,
    support_phone: null,
    support_url: null,
    url: null,
  },
  business_type: null,
  capabilities: { card_payments: 'active', transfers: 'active' },
  charges_enabled: true,
  country: 'US',
  created,
  default_currency: 'usd',
  details_submitted: true,
  email: null,
  external_accounts: {
    object: 'list',
    data: [],
    has_more: false,
    url: `/v1/accounts/${id}/external_accounts`,
  },
  metadata: {},
  payouts_enabled: true,
  settings: {
    branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
    card_payments: {
      statement_descriptor_prefix: null,
      statement_descriptor_prefix_kana: null,
      statement_descriptor_prefix_kanji: null,
    },
    dashboard: { display_name: 'Sandbox', timezone: 'Etc/UTC' },
    payments: {
      statement_descriptor: 'SANDBOX',
      statement_descriptor_kana: null,
      statement_descriptor_kanji: null,
      statement_descriptor_prefix_kana: null,
      statement_descriptor_prefix_kanji: null,
    },
  },
  tos_acceptance: { date: null, ip: null, user_agent: null },
  type: 'standard',
});
