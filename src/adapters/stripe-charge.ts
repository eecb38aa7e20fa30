// How a charge at Stripe becomes our facts: whether its money went back in full, whether a bank has taken it back for
// now, and what it had paid for. Reads fields, decides nothing.
import type Stripe from 'stripe';
import { assertIs } from './stripe-answer.ts';
import { invoiceFacts } from './stripe-invoice.ts';

export type ChargeFacts = {
  /** Given back in full, by refund or because a dispute was lost. */
  refunded: boolean;
  /** The bank holds the money while it decides; an inquiry, which moves none, is not meant. */
  disputed: boolean;
  /** Null where it paid for no subscription. */
  paidFor: { subscriptionId: string; until: Date } | null;
};

const disputesMax = 100;
const open = new Set(['needs_response', 'under_review']);

export async function fetchCharge(stripe: Stripe, id: string): Promise<ChargeFacts> {
  const charge = await stripe.charges.retrieve(id);
  assertIs(charge, 'charge', id);
  const disputes = charge.disputed
    ? (await stripe.disputes.list({ charge: id, limit: disputesMax })).data
    : [];
  const lost = disputes
    .filter(({ status }) => status === 'lost')
    .reduce((sum, { amount }) => sum + amount, 0);
  return {
    refunded: charge.refunded || charge.amount_refunded + lost >= charge.amount,
    disputed: disputes.some(({ status }) => open.has(status)),
    paidFor: await paidFor(stripe, charge),
  };
}

/** By way of the payment and its invoice (https://docs.stripe.com/api/invoice-payment/list). */
async function paidFor(stripe: Stripe, charge: Stripe.Charge): Promise<ChargeFacts['paidFor']> {
  const intent = idOf(charge.payment_intent);
  if (!intent) return null;
  const { data } = await stripe.invoicePayments.list({
    payment: { type: 'payment_intent', payment_intent: intent },
    limit: 1,
  });
  const invoiceId = idOf(data[0]?.invoice);
  if (!invoiceId) return null;
  const invoice = await stripe.invoices.retrieve(invoiceId);
  const subscriptionId = idOf(invoice.parent?.subscription_details?.subscription);
  if (!subscriptionId) return null;
  return { subscriptionId, until: invoiceFacts(invoice).period_end };
}

function idOf(value: string | { id: string } | null | undefined): string | null {
  return typeof value === 'string' ? value : (value?.id ?? null);
}
