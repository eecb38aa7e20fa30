// What the calendar does to a subscription: the next period with its draft invoice, the trial's
// end, the weekly warning. The period moves on before any money does, as at Stripe.
import { announce, change } from '../delivery/event.ts';
import type { Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import {
  announceUpcoming,
  createInvoice,
  finalizeInvoice,
  markUncollectible,
  takePendingLines,
  voidInvoice,
} from './invoice.ts';
import { buildInvoice } from './invoice-build.ts';
import { lineOfItem, pendingItems, periodLines } from './invoice-line.ts';
import { share } from './money.ts';
import { defaultMethod } from './payment-method.ts';
import { boundaryAfter, cycleAt, hourSeconds } from './period.ts';
import { endSubscription, pauseSubscription } from './subscription-end.ts';
import { periodEnd, rearm } from './subscription-timer.ts';
import { isMetered } from './usage.ts';

const updated = 'customer.subscription.updated';

/** The period's (or trial's) end came: the next period begins with a draft invoice. */
export const renew = (world: World, subscription: Subscription): void => {
  const wasTrial = subscription.status === 'trialing';
  if (wasTrial && endsWithoutMethod(world, subscription)) return;
  const now = nowOn(world, subscription.test_clock);
  const invoiceId = newId('in');
  const moved = change(
    world,
    'subscription',
    subscription.id,
    {
      items: nextPeriod(world, subscription),
      latest_invoice: invoiceId,
      status: wasTrial ? 'active' : subscription.status,
    },
    updated,
  );
  rearm(world, moved, now);
  const collects = moved.pause_collection === null && moved.status !== 'unpaid';
  const draft = createInvoice(world, {
    id: invoiceId,
    subscription: moved,
    reason: 'subscription_cycle',
    lines: [
      ...takePendingLines(world, moved.id, invoiceId),
      ...renewalLines(world, subscription, moved),
    ],
    period: {
      start: dueItems(subscription)[0]!.current_period_start,
      end: periodEnd(subscription),
    },
    finalizesAt: collects ? now + hourSeconds : null,
  });
  if (moved.pause_collection !== null) writeOff(world, moved.pause_collection.behavior, draft);
};

/** A trial that ends with nobody to pay does what its settings say. */
export const endsWithoutMethod = (world: World, subscription: Subscription): boolean => {
  const behavior = subscription.trial_settings.end_behavior.missing_payment_method;
  if (behavior === 'create_invoice' || subscription.collection_method === 'send_invoice')
    return false;
  if (defaultMethod(world, subscription.customer, subscription) !== null) return false;
  if (behavior === 'pause')
    pauseSubscription(world, subscription, 'trial_end_without_payment_method');
  else endSubscription(world, subscription, null);
  return true;
};

/** The items whose period ends first: with mixed intervals not all of them. */
const dueItems = (subscription: Subscription): SubscriptionItem[] => {
  const end = periodEnd(subscription);
  return subscription.items.filter((item) => item.current_period_end <= end);
};

/** The items with the next period of those that are due; an end that comes within it cuts it. */
export const nextPeriod = (world: World, subscription: Subscription): SubscriptionItem[] => {
  const due = new Set(dueItems(subscription));
  return subscription.items.map((item) => {
    if (!due.has(item)) return item;
    const { recurring } = world.store.need('price', item.price);
    const { _since: _, _used: __, ...rest } = item;
    const start = item.current_period_end;
    const end = boundaryAfter(subscription.billing_cycle_anchor, recurring!, start);
    const last = subscription.cancel_at ?? Infinity;
    const cut = last > start ? Math.min(end, last) : end;
    return { ...rest, current_period_start: start, current_period_end: cut };
  });
};

/** The new periods of what is due, and the usage of those that are over. */
const renewalLines = (world: World, before: Subscription, after: Subscription): InvoiceLine[] => {
  const due = dueItems(before);
  const items = after.items.filter((item) => due.some(({ id }) => id === item.id));
  const wasTrial = before.status === 'trialing';
  const past = wasTrial && !isFlexible(before) ? [] : due;
  return periodLines(world, { ...after, items }, false, past, wasTrial).map((line) =>
    cutLine(world, after, line),
  );
};

/** A period that an end cuts is charged for what there is of it. */
const cutLine = (world: World, { cancel_at, ...row }: Subscription, line: InvoiceLine) => {
  const price = world.store.need('price', line.price ?? '');
  if (cancel_at !== line.period.end || isMetered(price)) return line;
  const cycle = cycleAt(row.billing_cycle_anchor, price.recurring!, line.period.start);
  const amount = share(line.amount, line.period.end - line.period.start, cycle.end - cycle.start);
  return cycle.end === cancel_at ? line : { ...line, amount, proration: true };
};

/** Collection is paused: the invoice is made all the same, and nobody owes it. */
const writeOff = (
  world: World,
  behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void',
  draft: Invoice,
): void => {
  if (behavior === 'keep_as_draft') return;
  const open = finalizeInvoice(world, draft);
  if (open.status !== 'open') return;
  if (behavior === 'void') voidInvoice(world, open);
  else markUncollectible(world, open);
};

/** The next invoice as it would be; nothing is kept. */
export const upcomingInvoice = (world: World, subscription: Subscription): Invoice => {
  const next = { ...subscription, items: nextPeriod(world, subscription) };
  const end = periodEnd(subscription);
  const built = buildInvoice(world, {
    id: newId('upcoming_in'),
    subscription: next,
    reason: 'subscription_cycle',
    lines: [
      ...pendingItems(world, subscription.id).map(lineOfItem),
      ...renewalLines(world, subscription, next),
    ],
    period: { start: dueItems(subscription)[0]!.current_period_start, end },
    finalizesAt: end + hourSeconds,
  });
  return { ...built, created: end };
};

export const warnUpcoming = (world: World, subscription: Subscription): void => {
  announceUpcoming(world, upcomingInvoice(world, subscription));
};

export const warnTrialEnd = (world: World, subscription: Subscription): void => {
  announce(world, 'customer.subscription.trial_will_end', subscription);
};

export const resumeCollection = (world: World, subscription: Subscription): void => {
  const resumed = change(
    world,
    'subscription',
    subscription.id,
    { pause_collection: null },
    updated,
  );
  rearm(world, resumed, nowOn(world, subscription.test_clock));
};
