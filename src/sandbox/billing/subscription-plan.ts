// Changing what a subscription is for in the middle of a period: new items, prorations, perhaps a
// new cycle, and an invoice at once or later
// (https://docs.stripe.com/billing/subscriptions/change, .../pending-updates).
import { invalid } from '../api/error.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { InvoiceItem, Invoice } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { createInvoice, finalizeInvoice, takePendingLines, voidInvoice } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { itemAmount, pendingItems, periodLines, prorationItems } from './invoice-line.ts';
import { boundary, hourSeconds } from './period.ts';
import { refuseUnpaid, type PaymentBehavior } from './subscription-create.ts';
import { nextItems, type ItemChange } from './subscription-item.ts';
import { periodEnd, rearm } from './subscription-timer.ts';

export type Proration = 'create_prorations' | 'always_invoice' | 'none';
export type PlanChange = {
  items: ItemChange[];
  proration: Proration;
  prorationDate: number | null;
  behavior: PaymentBehavior;
  /** `now` ends the trial, an instant (re)starts one. */
  trialEnd: 'now' | number | null;
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
  const plan = planOf(world, subscription, asked, now);
  const invoiceId = newId('in');
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
    ...(subscription.cancel_at_period_end
      ? { cancel_at: periodEnd({ ...subscription, items: plan.items }) }
      : {}),
    ...(invoices ? { latest_invoice: invoiceId } : {}),
  };
  if (invoices && asked.behavior === 'pending_if_incomplete') {
    return changeOncePaid(world, subscription, plan, invoiceId, now);
  }
  const changed = change(world, 'subscription', subscription.id, patch, updated);
  rearm(world, changed, now);
  if (invoices) {
    const invoice = invoiceNow(world, changed, plan, invoiceId, now);
    const collected =
      asked.behavior === 'default_incomplete' ? null : collect(world, invoice, 'schedule');
    if (collected !== null && asked.behavior === 'error_if_incomplete') refuseUnpaid(collected);
  }
  return world.store.need('subscription', subscription.id);
};

type Plan = {
  items: SubscriptionItem[];
  /** A new cycle begins now: the whole new period is charged at once. */
  resets: boolean;
  startsTrial: boolean;
  anchor: number;
  trial: Partial<Subscription>;
};

const planOf = (world: World, subscription: Subscription, asked: PlanChange, now: number): Plan => {
  const items = nextItems(world, subscription, asked.items);
  const { trialEnd } = asked;
  if (typeof trialEnd === 'number') return trialPlan(subscription, items, trialEnd, now);
  const isTrial = subscription.status === 'trialing';
  const endsTrial = trialEnd === 'now' && isTrial;
  const resets =
    endsTrial ||
    (!isTrial &&
      (asked.resetAnchor ||
        !sameCycle(world, subscription, items) ||
        becomesPaid(world, subscription, items)));
  const trial: Partial<Subscription> = endsTrial ? { status: 'active', trial_end: now } : {};
  if (!resets)
    return { items, resets, startsTrial: false, anchor: subscription.billing_cycle_anchor, trial };
  const fresh = items.map((item) => {
    const { recurring } = world.store.need('price', item.price);
    return { ...item, current_period_start: now, current_period_end: boundary(now, recurring!, 1) };
  });
  return { items: fresh, resets, startsTrial: false, anchor: now, trial };
};

const trialPlan = (
  subscription: Subscription,
  items: SubscriptionItem[],
  trialEnd: number,
  now: number,
): Plan => {
  if (trialEnd <= now)
    throw invalid('Invalid timestamp: must be an integer Unix timestamp in the future.', {
      param: 'trial_end',
    });
  const isTrial = subscription.status === 'trialing';
  const start = isTrial ? subscription.items[0]!.current_period_start : now;
  return {
    items: items.map((item) => ({
      ...item,
      current_period_start: start,
      current_period_end: trialEnd,
    })),
    resets: false,
    startsTrial: !isTrial,
    anchor: trialEnd,
    trial: {
      status: 'trialing',
      trial_end: trialEnd,
      trial_start: isTrial ? subscription.trial_start : now,
    },
  };
};

const sameCycle = (
  world: World,
  subscription: Subscription,
  items: SubscriptionItem[],
): boolean => {
  const cycle = (item: SubscriptionItem): string => {
    const { recurring } = world.store.need('price', item.price);
    return `${recurring!.interval_count} ${recurring!.interval}`;
  };
  const cycles = new Set(items.map(cycle));
  if (cycles.size > 1) {
    throw invalid(
      'Currency and interval fields must match across all plans on this subscription.',
      { param: 'items' },
    );
  }
  return cycles.has(cycle(subscription.items[0]!));
};

/** From free to paid begins a new cycle: the customer pays from now on. */
const becomesPaid = (
  world: World,
  subscription: Subscription,
  items: SubscriptionItem[],
): boolean => {
  const total = (of: SubscriptionItem[]): number =>
    of.reduce((sum, item) => sum + itemAmount(world, item), 0);
  return total(subscription.items) === 0 && total(items) > 0;
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
  if (at === periodEnd(subscription)) return [];
  const what = plan.resets || plan.startsTrial ? 'credits' : 'both';
  return prorationItems(world, subscription, plan.items, at, what);
};

/** The invoice of a change: waiting prorations, and the whole period where a new cycle begins. */
const invoiceNow = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  id: string,
  now: number,
): Invoice => {
  const periods =
    plan.resets || plan.startsTrial
      ? periodLines(world, { ...subscription, items: plan.items }, plan.startsTrial)
      : [];
  const draft = createInvoice(world, {
    id,
    subscription,
    reason: 'subscription_update',
    lines: [...takePendingLines(world, subscription.id, id), ...periods],
    period: { start: now, end: now },
    finalizesAt: null,
  });
  return finalizeInvoice(world, { ...draft, auto_advance: subscription._pending === null });
};

/** `pending_if_incomplete`: the change holds only once its invoice is paid. */
const changeOncePaid = (
  world: World,
  subscription: Subscription,
  plan: Plan,
  invoiceId: string,
  now: number,
): Subscription => {
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
  const invoice = invoiceNow(world, waiting, plan, invoiceId, now);
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
