// How Stripe shows Checkout and portal sessions, webhook endpoints and events.
import type {
  CheckoutSession,
  PortalConfiguration,
  PortalFlow,
  PortalSession,
  WebhookEndpoint,
} from '../store/entity-session.ts';
import { featuresOf } from '../billing/portal-feature.ts';
import type { World } from '../world.ts';
import { publicPart, type Wire } from './wire.ts';

export const showCheckoutSession = (world: World, session: CheckoutSession): Wire => {
  const customer =
    session.customer === null ? undefined : world.store.get('customer', session.customer);
  const email = customer?.email ?? session.customer_email;
  return {
    ...emptySession,
    ...publicPart(session),
    client_secret: null,
    customer_details:
      email === null && customer === undefined
        ? null
        : {
            address: null,
            business_name: null,
            email,
            individual_name: null,
            name: customer?.name ?? null,
            phone: null,
            tax_exempt: 'none',
            tax_ids: [],
          },
    discounts: session._discounts.map((discount) => ({
      coupon: discount.coupon ?? null,
      promotion_code: discount.promotion_code ?? null,
    })),
    payment_method_collection: session.mode === 'subscription' ? session._collect : null,
    total_details:
      session.amount_subtotal === null
        ? null
        : {
            amount_discount: session.amount_subtotal - (session.amount_total ?? 0),
            amount_shipping: 0,
            amount_tax: 0,
          },
  };
};

const emptySession = {
  adaptive_pricing: null,
  after_expiration: null,
  allowed_payment_method_types: null,
  automatic_tax: { enabled: false, liability: null, provider: null, status: null },
  billing_address_collection: null,
  collected_information: null,
  consent: null,
  consent_collection: null,
  currency_conversion: null,
  custom_fields: [],
  custom_text: {
    after_submit: null,
    shipping_address: null,
    submit: null,
    terms_of_service_acceptance: null,
  },
  customer_account: null,
  customer_creation: null,
  integration_identifier: null,
  invoice_creation: null,
  locale: null,
  managed_payments: null,
  origin_context: null,
  payment_intent: null,
  payment_link: null,
  payment_method_configuration_details: null,
  payment_method_options: { card: { request_three_d_secure: 'automatic' } },
  payment_method_types: ['card'],
  permissions: null,
  phone_number_collection: { enabled: false },
  recovered_from: null,
  saved_payment_method_options: null,
  shipping_address_collection: null,
  shipping_cost: null,
  shipping_options: [],
  submit_type: null,
  ui_mode: 'hosted_page',
  wallet_options: null,
};

export const showPortalSession = (session: PortalSession): Wire => ({
  customer_account: null,
  locale: null,
  on_behalf_of: null,
  ...publicPart(session),
  livemode: false,
  flow: session._flow === null ? null : showFlow(session._flow),
});

const showFlow = (flow: PortalFlow): Wire => ({
  after_completion: {
    hosted_confirmation: null,
    redirect: flow.return_url === null ? null : { return_url: flow.return_url },
    type: flow.return_url === null ? 'portal_homepage' : 'redirect',
  },
  customer_update: null,
  subscription_cancel:
    flow.type === 'subscription_cancel'
      ? { retention: null, subscription: flow.subscription }
      : null,
  subscription_pause: null,
  subscription_update:
    flow.type === 'subscription_update' ? { subscription: flow.subscription } : null,
  subscription_update_confirm: null,
  type: flow.type,
});

export const showPortalConfiguration = (configuration: PortalConfiguration): Wire => ({
  application: null,
  business_profile: { headline: null, privacy_policy_url: null, terms_of_service_url: null },
  default_return_url: null,
  features: featuresOf(configuration),
  livemode: false,
  login_page: { enabled: false, url: null },
  name: null,
  ...publicPart(configuration),
});

export const showWebhookEndpoint = (endpoint: WebhookEndpoint): Wire => ({
  application: null,
  ...publicPart(endpoint),
});
