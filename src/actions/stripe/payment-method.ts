// What pays for a customer or for one subscription by default, as Stripe has it now. Another one than before is worth another try of what
// is owed; the intent is saved here, the try is made by a job. Keeps no number and no name of a card.
import type Stripe from 'stripe';
import type { Tx } from '../../adapters/postgres.ts';
import type { Customer } from '../../generated/prisma/client.ts';
import { wantPaymentWith } from '../dunning/attempt.ts';

/** Known to have none, where null is not yet known. */
const none = '';

export type PaymentMethodFacts = { id: string; cardExpiresAt: Date | null };

/** Of a customer that was retrieved with `invoice_settings.default_payment_method` expanded. */
export function defaultPaymentMethod(customer: Stripe.Customer): PaymentMethodFacts | null {
  const method = customer.invoice_settings.default_payment_method;
  if (method === null) return null;
  if (typeof method === 'string') return { id: method, cardExpiresAt: null };
  return { id: method.id, cardExpiresAt: method.card ? endOfMonth(method.card) : null };
}

export async function savePaymentMethod(
  tx: Tx,
  customer: Customer,
  { method, now }: { method: PaymentMethodFacts | null; now: Date },
): Promise<void> {
  const { id, payment_method: before, card_expires_at: expiry } = customer;
  const paymentMethod = method?.id ?? none;
  const cardExpiresAt = method?.cardExpiresAt ?? null;
  if (paymentMethod === before && expiry?.getTime() === cardExpiresAt?.getTime()) return;
  await tx.customer.update({
    where: { id },
    data: { payment_method: paymentMethod, card_expires_at: cardExpiresAt },
  });
  // Seen for the first time: whatever failed has failed with it.
  if (before === null || paymentMethod === none || paymentMethod === before) return;
  await wantPaymentWith(tx, { customerId: id, paymentMethod, now });
}

/** A subscription's own goes before the customer's (https://docs.stripe.com/api/subscriptions/object). */
export async function saveSubscriptionPaymentMethod(
  tx: Tx,
  {
    subscriptionId: id,
    methodId,
    now,
  }: { subscriptionId: string; methodId: string | null; now: Date },
): Promise<void> {
  const row = await tx.subscription.findUniqueOrThrow({ where: { id } });
  const { payment_method: before, customer_id: customerId } = row;
  const paymentMethod = methodId ?? none;
  if (paymentMethod === before) return;
  await tx.subscription.update({ where: { id }, data: { payment_method: paymentMethod } });
  if (before === null || paymentMethod === none) return;
  await wantPaymentWith(tx, { customerId, subscriptionId: id, paymentMethod, now });
}

/** A card is good to the last day of its month. */
function endOfMonth({ exp_month, exp_year }: { exp_month: number; exp_year: number }): Date {
  return new Date(Date.UTC(exp_year, exp_month, 1));
}
