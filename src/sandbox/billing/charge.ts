// Charges: what a payment intent leaves behind each time it was tried. Announces nothing itself.
import type { Charge, PaymentIntent, PaymentMethod } from '../store/entity-payment.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import type { Decline } from './card.ts';

export type ChargeFacts = {
  status: Charge['status'];
  captured?: boolean;
  amount_captured?: number;
  metadata?: Metadata;
  description?: string | null;
  decline?: Decline;
  failure_code?: string;
  failure_message?: string;
};

/** A pending charge of this intent settles in place; otherwise a new one is made. */
export const settledCharge = (
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  facts: ChargeFacts,
): Charge => {
  const pending =
    intent.latest_charge === null ? undefined : world.store.get('charge', intent.latest_charge);
  if (pending?.status !== 'pending') return addCharge(world, intent, method, facts);
  const { decline: _decline, ...patch } = facts;
  return world.store.update('charge', pending.id, { ...patch });
};

/** What a charge takes money for: an intent, or nothing but an amount (a charge of the old kind). */
type Payable = Pick<PaymentIntent, 'amount' | 'currency' | 'customer'> & { id: string | null };

export const addCharge = (
  world: World,
  intent: Payable,
  method: PaymentMethod,
  facts: ChargeFacts,
): Charge => {
  const { decline, ...patch } = facts;
  const id = newId('ch');
  return world.store.put('charge', {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_refunded: 0,
    created: customerNow(world, intent.customer),
    currency: intent.currency,
    customer: intent.customer,
    livemode: false,
    metadata: {},
    payment_intent: intent.id,
    refunded: false,
    ...patch,
    ...{
      payment_method: method.id,
      payment_method_details: methodDetails(method),
      receipt_url: `${world.publicUrl}/receipts/${id}`,
      outcome: {
        advice_code: null,
        network_advice_code: null,
        network_decline_code: null,
        network_status: decline === undefined ? 'approved_by_network' : 'declined_by_network',
        reason: decline?.decline_code ?? null,
        risk_level: 'normal',
        seller_message:
          decline === undefined ? 'Payment complete.' : 'The bank did not accept this payment.',
        type: decline === undefined ? 'authorized' : 'issuer_declined',
      },
    },
  });
};

const methodDetails = (method: PaymentMethod): object =>
  method.type === 'customer_balance'
    ? { customer_balance: {}, type: 'customer_balance' }
    : cardOrDebit(method);

const cardOrDebit = (method: PaymentMethod): object =>
  method.card === undefined
    ? {
        sepa_debit: {
          bank_code: '37040044',
          branch_code: '',
          country: 'DE',
          fingerprint: null,
          last4: method._number.slice(-4),
          mandate: null,
        },
        type: 'sepa_debit',
      }
    : {
        card: {
          ...method.card,
          amount_authorized: null,
          authorization_code: null,
          checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
          country: 'US',
          electronic_commerce_indicator: null,
          funding: 'credit',
          installments: null,
          mandate: null,
          network: method.card.brand,
          network_transaction_id: null,
          regulated_status: 'unregulated',
          three_d_secure: null,
          transaction_link_id: null,
          wallet: null,
        },
        type: 'card',
      };

const customerNow = (world: World, customer: string | null): number =>
  nowOn(world, customer === null ? null : world.store.need('customer', customer).test_clock);
