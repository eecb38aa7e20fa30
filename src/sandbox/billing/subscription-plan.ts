// Changing what a subscription is for in the middle of a period: new items, prorations, perhaps a
// new cycle, and an invoice at once or later
// (https://docs.stripe.com/billing/subscriptions/change, .../pending-updates).
import { invalid } from '../api/error.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { InvoiceItem, InvoiceLine, Invoice } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { createInvoice, finalizeInvoice, takePendingLines, voidInvoice } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { pendingItems, periodLines } from './invoice-line.ts';
import { hourSeconds } from './period.ts';
import { prorationItems } from './proration.ts';
import { refuseUnpaid, type PaymentBehavior } from './subscription-create.ts';
import { planOf, type CycleAsked, type Plan } from './subscription-cycle.ts';
import type { ItemChange } from './subscription-item.ts';
import { periodEnd, rearm } from './subscription-timer.ts';
import { unbilledUsage } from './unbilled-usage.ts';
import { isMetered } from './usage.ts';

export type Proration = 'create_prorations' | 'always_invoice' | 'none';
export type PlanChange = {
  items: ItemChange[];
  proration: Proration;
  prorationDate: number | null;
  behavior: PaymentBehavior;
  trialEnd: CycleAsked['trialEnd'];
  resetAnchor: boolean;
  /** What else the same request changes, announced together. */
  alongside: Partial<Subscription>;
};

const updated = 'customer.subscription.updated';
const pendingHours = 23;

/** Changes items, trial or anchor and invoices what follows from it. */
export const changePlan = (
  world: World,
  subscription: Subscription,
  asked: PlanChange,
): Subscription => {
  const now = nowOn(world, subscription.test_clock);
  const { cancel_at: cancelAt = subscription.cancel_at } = asked.alongside;
  const plan = planOf(world, subscription, { ...asked, cancelAt }, now);
  const invoiceId = newId('in');
  const leaves = left(world, subscription, plan, asked);
  const items = prorationsOf(world, subscription, plan, asked, now);
  for (const item of items) add(world, 'invoiceitem', item, 'invoiceitem.created');
  const waits = items.length > 0 || pendingItems(world, subscription.id).length > 0;
  const invoices =
    plan.resets || plan.startsTrial || (asked.proration === 'always_invoice' && waits);
  const patch: Partial<Subscription> = {
    ...asked.alongside,
    items: plan.items,
    billing_cycle_anchor: plan.anchor,
    ...plan.trial,
    ...((asked.alongside.cancel_at_period_end ?? subscription.cancel_at_period_end)
      ? { cancel_at: periodEnd({ ...subscription, items: plan.items }) }
      : {}),
    ...(invoices ? { latest_invoice: invoiceId } : {}),
  };
  if (invoices && asked.behavior === 'pending_if_incomplete') {
    return changeOncePaid(world, subscription, plan, { id: invoiceId, now, leaves });
  }
  const changed = change(world, 'subscription', subscription.id, patch, updated);
  rearm(world, changed, now);
  if (invoices) {
    const invoice = invoiceNow(world, changed, plan, { id: invoiceId, now, leaves });
    const collected =
      asked.behavior === 'default_incomplete' ? null : collect(world, invoice, 'schedule');
    if (collected !== null && asked.behavior === 'error_if_incomplete') refuseUnpaid(collected);
  }
  return world.store.need('subscription', subscription.id);
};

const prorationsOf = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  asked: PlanChange,
  now: number,
): InvoiceItem[] => {
  if (asked.proration === 'none' || subscription.status === 'trialing') return [];
  if (subscription.status === 'unpaid' || subscription.status === 'paused') return [];
  const at = asked.prorationDate ?? now;
  if (at < subscription.items[0]!.current_period_start || at > periodEnd(subscription)) {
    throw invalid(
      'Invalid value for proration_date: it must be within the current period of the subscription.',
      { param: 'proration_date' },
    );
  }
  const used = unbilledUsage(world, subscription, plan.items, now);
  if (at === periodEnd(subscription)) return used;
  const what = plan.resets || plan.startsTrial ? 'credits' : 'both';
  const own = asked.alongside.discounts ?? subscription.discounts;
  const { _discounts: customers } = world.store.need('customer', subscription.customer);
  const discounts = own.length > 0 ? own : customers;
  return [
    ...prorationItems(world, subscription, { next: plan.items, discounts, at, what }),
    ...used,
  ];
};

/** Classic: an anchor reset that is invoiced at once leaves what waited before it. */
const left = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  asked: PlanChange,
): Set<string> =>
  isFlexible(subscription) || !plan.resets || asked.proration !== 'always_invoice'
    ? new Set()
    : new Set(pendingItems(world, subscription.id).map((item) => item.id));

/** The invoice of a change: waiting prorations, and the whole period where a new cycle begins. */
const invoiceNow = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  { id, now, leaves }: { id: string; now: number; leaves: Set<string> },
): Invoice => {
  const next = { ...subscription, items: plan.items };
  const periods =
    plan.resets || plan.startsTrial
      ? periodLines(world, next, plan.startsTrial)
      : zeroUsageLines(world, subscription, plan.items);
  const draft = createInvoice(world, {
    id,
    subscription,
    reason: 'subscription_update',
    lines: [...takePendingLines(world, subscription.id, id, leaves), ...periods],
    period: { start: now, end: now },
    finalizesAt: null,
  });
  return finalizeInvoice(world, { ...draft, auto_advance: subscription._pending === null });
};

/** Classic billing has a line of nothing for usage that begins. */
const zeroUsageLines = (
  world: World,
  subscription: Subscription,
  items: SubscriptionItem[],
): InvoiceLine[] => {
  const counted = items.filter(
    (item) => item._since !== undefined && isMetered(world.store.need('price', item.price)),
  );
  return periodLines(world, { ...subscription, items: counted }, false);
};

/** `pending_if_incomplete`: the change holds only once its invoice is paid. */
const changeOncePaid = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  invoicing: { id: string; now: number; leaves: Set<string> },
): Subscription => {
  const { id: invoiceId, now } = invoicing;
  const pending = {
    expires_at: Math.min(now + pendingHours * hourSeconds, periodEnd(subscription)),
    items: plan.items,
    trial_end: null,
    anchor: plan.anchor,
    invoice: invoiceId,
    shown: false,
  };
  const waiting = world.store.update('subscription', subscription.id, {
    _pending: pending,
    latest_invoice: invoiceId,
  });
  const invoice = invoiceNow(world, waiting, plan, invoicing);
  collect(world, invoice, 'create');
  if (world.store.need('subscription', subscription.id)._pending === null) {
    return world.store.need('subscription', subscription.id);
  }
  const shown = change(
    world,
    'subscription',
    subscription.id,
    { _pending: { ...pending, shown: true } },
    updated,
  );
  rearm(world, shown, now);
  return shown;
};

/** Nobody paid for the change in time: it is dropped with its invoice. */
export const expirePending = (world: World, subscription: Subscription): void => {
  if (subscription._pending === null) return;
  const invoice = world.store.need('invoice', subscription._pending.invoice);
  const dropped = change(world, 'subscription', subscription.id, { _pending: null }, updated);
  announce(world, 'customer.subscription.pending_update_expired', dropped);
  if (invoice.status === 'open') voidInvoice(world, invoice);
  rearm(world, dropped, nowOn(world, subscription.test_clock));
};
