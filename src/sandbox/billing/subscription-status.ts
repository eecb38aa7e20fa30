// How money changes a subscription's status (https://docs.stripe.com/billing/subscriptions/overview):
// called after an invoice was paid, failed or written off. Moves no money.
import { announce, change } from '../delivery/event.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { rearm } from './subscription-timer.ts';

const updated = 'customer.subscription.updated';

export const afterInvoicePaid = (world: World, invoice: Invoice): void => {
  const subscription = subscriptionOf(world, invoice);
  if (subscription === null) return;
  const now = nowOn(world, subscription.test_clock);
  if (subscription._pending?.invoice === invoice.id) return applyPending(world, subscription, now);
  if (subscription.status === 'incomplete') {
    const trialing = subscription.trial_end !== null && subscription.trial_end > now;
    return setStatus(world, subscription, trialing ? 'trialing' : 'active', now);
  }
  afterInvoiceSettled(world, invoice);
};

/** A settled latest invoice ends `past_due` and `unpaid`. */
export const afterInvoiceSettled = (world: World, invoice: Invoice): void => {
  const subscription = subscriptionOf(world, invoice);
  if (subscription === null) return;
  if (subscription.status !== 'past_due' && subscription.status !== 'unpaid') return;
  const latest = latestFinalized(world, subscription.id);
  if (latest !== null && latest.status === 'open') return;
  setStatus(world, subscription, 'active', nowOn(world, subscription.test_clock));
};

export const afterInvoiceFailed = (world: World, invoice: Invoice): void => {
  const subscription = subscriptionOf(world, invoice);
  if (subscription === null || subscription._pending?.invoice === invoice.id) return;
  if (subscription.status !== 'active' && subscription.status !== 'trialing') return;
  setStatus(world, subscription, 'past_due', nowOn(world, subscription.test_clock));
};

export const setStatus = (
  world: World,
  subscription: Subscription,
  status: Subscription['status'],
  now: number,
): void => {
  const changed = change(world, 'subscription', subscription.id, { status }, updated);
  rearm(world, changed, now);
};

/** The change that waited for this payment holds from now on. */
const applyPending = (world: World, subscription: Subscription, now: number): void => {
  const pending = subscription._pending!;
  const changed = change(
    world,
    'subscription',
    subscription.id,
    { items: pending.items, billing_cycle_anchor: pending.anchor, _pending: null },
    updated,
  );
  if (pending.shown) announce(world, 'customer.subscription.pending_update_applied', changed);
  rearm(world, changed, now);
};

/** The newest invoice that was finalised: what "latest" means for the status. */
export const latestFinalized = (world: World, subscription: string): Invoice | null => {
  let latest: Invoice | null = null;
  for (const invoice of world.store.all('invoice')) {
    if (invoice._subscription !== subscription) continue;
    if (invoice.status_transitions.finalized_at !== null) latest = invoice;
  }
  return latest;
};

const subscriptionOf = (world: World, invoice: Invoice): Subscription | null =>
  invoice._subscription === null ? null : world.store.need('subscription', invoice._subscription);
