// How a subscription at Stripe and its invoices become our facts: the only place that reads their fields.
// Pure once fetched; which plan a price belongs to and which row is meant is decided by whoever writes.
import type Stripe from 'stripe';
import { assertInvoices, assertSubscription } from './stripe-answer.ts';
import { invoiceFacts } from './stripe-invoice.ts';
import type { InvoiceFacts } from './stripe-invoice.ts';
import { instant } from './stripe-time.ts';

const pageSize = 100;
const invoicesMax = 500;
const itemsMax = 200;

export type ItemFacts = {
  id: string;
  priceId: string;
  quantity: number;
  periodStart: Date;
  periodEnd: Date;
};
export type StripeSubscriptionFacts = {
  id: string;
  customerId: string;
  status: string;
  /** Set by us at creation: the row that is meant, and the purchase it came from. */
  rowHint: string | null;
  purchaseHint: string | null;
  items: ItemFacts[];
  trialEnd: Date | null;
  cancelAt: Date | null;
  canceledAt: Date | null;
  endedAt: Date | null;
  pastDueSince: Date | null;
  collectionPaused: boolean;
  pausedAtTrialEnd: boolean;
  everPaid: boolean;
  /** A change that waits for its payment. */
  unpaidChange: { items: PriceQuantity[] } | null;
  /** The next phase of an attached schedule. */
  nextPhase: { items: PriceQuantity[]; startsAt: Date } | null;
  latestInvoiceId: string | null;
  /** What pays for it instead of the customer's default. */
  paymentMethodId: string | null;
  startedAt: Date;
  invoices: InvoiceFacts[];
};
export type PriceQuantity = { priceId: string; quantity: number };

/** Everything we want to know of one subscription, in a bounded number of calls. */
export async function fetchSubscription(
  stripe: Stripe,
  id: string,
): Promise<StripeSubscriptionFacts> {
  const subscription = await stripe.subscriptions.retrieve(id, { expand: ['schedule'] });
  assertSubscription(subscription, id);
  const invoices = await stripe.invoices
    .list({ subscription: id, limit: pageSize })
    .autoPagingToArray({ limit: invoicesMax });
  assertInvoices(invoices, subscription);
  return subscriptionFacts(subscription, await allItems(stripe, subscription), invoices);
}

/** Lists inside an object are cut at ten (https://docs.stripe.com/api/pagination). */
export async function allItems(
  stripe: Stripe,
  { id, items }: Stripe.Subscription,
): Promise<Stripe.SubscriptionItem[]> {
  if (!items.has_more) return items.data;
  return stripe.subscriptionItems
    .list({ subscription: id, limit: pageSize })
    .autoPagingToArray({ limit: itemsMax });
}

function subscriptionFacts(
  subscription: Stripe.Subscription,
  items: Stripe.SubscriptionItem[],
  invoices: Stripe.Invoice[],
): StripeSubscriptionFacts {
  const { metadata, status } = subscription;
  const itemFacts = items.map(factsOfItem);
  return {
    id: subscription.id,
    customerId: idOf(subscription.customer)!,
    status,
    rowHint: metadata['tollgate_subscription'] ?? null,
    purchaseHint: metadata['tollgate_purchase'] ?? null,
    items: itemFacts,
    trialEnd: instant(subscription.trial_end),
    cancelAt: cancelAt(subscription, itemFacts),
    canceledAt: instant(subscription.canceled_at),
    endedAt: instant(subscription.ended_at),
    pastDueSince: status === 'past_due' || status === 'unpaid' ? oldestOpen(invoices) : null,
    collectionPaused: subscription.pause_collection !== null,
    pausedAtTrialEnd: isPausedAtTrialEnd(subscription),
    everPaid: invoices.some((invoice) => invoice.amount_paid > 0),
    unpaidChange: unpaidChange(subscription),
    nextPhase: nextPhase(subscription),
    latestInvoiceId: idOf(subscription.latest_invoice),
    paymentMethodId: idOf(subscription.default_payment_method),
    startedAt: instant(subscription.start_date),
    invoices: invoices.map((invoice) => invoiceFacts(invoice)),
  };
}

/** Since 2025-03-31.basil the period lives on the items. */
function factsOfItem(item: Stripe.SubscriptionItem): ItemFacts {
  return {
    id: item.id,
    priceId: item.price.id,
    quantity: item.quantity ?? 1,
    periodStart: instant(item.current_period_start),
    periodEnd: instant(item.current_period_end),
  };
}

/** Classic subscriptions say "at the period's end" with a boolean, flexible ones with the instant alone. */
function cancelAt(subscription: Stripe.Subscription, items: ItemFacts[]): Date | null {
  if (subscription.cancel_at !== null) return instant(subscription.cancel_at);
  if (!subscription.cancel_at_period_end) return null;
  return new Date(Math.min(...items.map((item) => item.periodEnd.getTime())));
}

/** When the debt began: a retry changes neither which invoice is oldest nor when it was finalised. */
function oldestOpen(invoices: Stripe.Invoice[]): Date | null {
  const since = invoices
    .filter((invoice) => invoice.status === 'open' && invoice.attempted)
    .map((invoice) => invoice.status_transitions.finalized_at ?? invoice.created);
  return since.length === 0 ? null : instant(Math.min(...since));
}

function isPausedAtTrialEnd(subscription: Stripe.Subscription): boolean {
  if (subscription.status !== 'paused') return false;
  const cause = subscription.status_details?.paused?.subscription?.type;
  // Before 2026-09-30.endive nothing but the end of a trial could pause a subscription.
  if (cause === undefined) return subscription.trial_end !== null;
  return cause === 'trial_end_without_payment_method';
}

function unpaidChange({ pending_update: pending }: Stripe.Subscription) {
  if (!pending?.subscription_items) return null;
  const items = pending.subscription_items.map((item) => ({
    priceId: item.price.id,
    quantity: item.quantity ?? 1,
  }));
  return { items };
}

function nextPhase({ schedule }: Stripe.Subscription) {
  if (schedule === null || typeof schedule === 'string' || !schedule.current_phase) return null;
  const currentEnd = schedule.current_phase.end_date;
  const phase = schedule.phases.find((candidate) => candidate.start_date >= currentEnd);
  if (!phase) return null;
  const items = phase.items.map((item) => ({
    priceId: idOf(item.price)!,
    quantity: item.quantity ?? 1,
  }));
  return { items, startsAt: instant(phase.start_date) };
}

function idOf(value: string | { id: string } | null | undefined): string | null {
  return typeof value === 'string' ? value : (value?.id ?? null);
}
