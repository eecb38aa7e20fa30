// Whether an answer of Stripe's is whole. Half a body, or something else's, must never be taken for news: what an
// answer does not say changes nothing.
import type Stripe from 'stripe';

export class BrokenAnswer extends Error {}

/** The very object that was asked for, by its id and kind. */
export function assertIs(answer: unknown, kind: string, id: string): void {
  const { id: given, object } = (answer ?? {}) as { id?: unknown; object?: unknown };
  if (given !== id || object !== kind) throw new BrokenAnswer(`no ${kind} in Stripe's answer`);
}

/** A subscription with what every one has: a status, a customer and at least one item. */
export function assertSubscription(answer: Stripe.Subscription, id: string): void {
  assertIs(answer, 'subscription', id);
  const { status, customer, items } = answer as Partial<Stripe.Subscription>;
  if (!status || !customer || !items?.data?.length) {
    throw new BrokenAnswer("half a subscription in Stripe's answer");
  }
}

/** Lists come newest first: one that is empty although an invoice is known is not the list. */
export function assertInvoices(invoices: Stripe.Invoice[], of: Stripe.Subscription): void {
  if (of.latest_invoice !== null && invoices.length === 0) {
    throw new BrokenAnswer("invoices are missing in Stripe's answer");
  }
}
