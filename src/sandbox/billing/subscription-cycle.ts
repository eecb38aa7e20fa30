// What a change makes of a subscription's items, periods, anchor and trial. Classic billing begins a
// new cycle by itself where flexible billing only does when asked
// (https://docs.stripe.com/billing/subscriptions/billing-mode/compare). Keeps nothing.
import { invalid } from '../api/error.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { isSameInterval, requireTogether } from './interval.ts';
import { itemAmount } from './invoice-line.ts';
import { boundary, cycleAt } from './period.ts';
import { storedPrice } from './price-currency.ts';
import { nextItems, type ItemChange } from './subscription-item.ts';
import { isMetered } from './usage.ts';

export type CycleAsked = {
  items: ItemChange[];
  /** `now` ends the trial, an instant (re)starts one. */
  trialEnd: 'now' | number | null;
  resetAnchor: boolean;
  /** When the subscription will end, after the change. */
  cancelAt: number | null;
};

export type Plan = {
  items: SubscriptionItem[];
  /** A new cycle begins now: the whole new period is charged at once. */
  resets: boolean;
  startsTrial: boolean;
  anchor: number;
  trial: Partial<Subscription>;
};

export const planOf = (
  world: World,
  subscription: Subscription,
  asked: CycleAsked,
  now: number,
): Plan => {
  const flexible = isFlexible(subscription);
  const items = nextItems(world, subscription, asked.items).map((item) =>
    stretched(world, subscription, item, now),
  );
  requireTogether(
    items.map((item) => storedPrice(world, item.price, subscription.currency)),
    flexible,
  );
  const { trialEnd } = asked;
  if (typeof trialEnd === 'number') return trialPlan(subscription, items, trialEnd, now);
  const isTrial = subscription.status === 'trialing';
  const endsTrial = trialEnd === 'now' && isTrial;
  const resets =
    endsTrial ||
    (!isTrial && (asked.resetAnchor || (!flexible && beginsAnew(world, subscription, items))));
  const trial: Partial<Subscription> = endsTrial ? { status: 'active', trial_end: now } : {};
  if (resets) {
    const fresh = items.map((item) => freshPeriod(world, item, now));
    return { items: fresh, resets, startsTrial: false, anchor: now, trial };
  }
  const aligned = isTrial
    ? items
    : items.map((item) => alignedPeriod(world, subscription, item, now));
  return endedAt(subscription, { items: aligned, trial, now }, asked.cancelAt);
};

/** What was used so far at a metered price that holds no more. */
const stretched = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  now: number,
): SubscriptionItem => {
  const old = subscription.items.find((one) => one.id === item.id);
  if (old === undefined) {
    return isMetered(world.store.need('price', item.price)) ? { ...item, _since: now } : item;
  }
  if (old.price === item.price) return item;
  const counted = isMetered(world.store.need('price', old.price));
  const start = old._since ?? old.current_period_start;
  const used = counted ? [{ price: old.price, start, end: now }] : [];
  return { ...item, _since: now, _used: [...(old._used ?? []), ...used] };
};

const freshPeriod = (world: World, item: SubscriptionItem, now: number): SubscriptionItem => {
  const { recurring } = world.store.need('price', item.price);
  const { _since: _, _used: __, ...rest } = item;
  return { ...rest, current_period_start: now, current_period_end: boundary(now, recurring!, 1) };
};

/** An item of another interval than before lives in the natural period that the anchor gives it. */
const alignedPeriod = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  now: number,
): SubscriptionItem => {
  const { recurring } = world.store.need('price', item.price);
  const old = subscription.items.find((one) => one.id === item.id);
  const alike = [...(old === undefined ? [] : [old]), ...subscription.items].find((one) =>
    isSameInterval(world.store.need('price', one.price).recurring!, recurring!),
  );
  const anchor = subscription.billing_cycle_anchor;
  if (alike !== undefined) {
    const { current_period_start: start, current_period_end: end } = alike;
    const wasCut = end === subscription.cancel_at;
    return {
      ...item,
      current_period_start: start,
      current_period_end: wasCut ? cycleAt(anchor, recurring!, start).end : end,
    };
  }
  const cycle = cycleAt(anchor, recurring!, now);
  return { ...item, current_period_start: cycle.start, current_period_end: cycle.end };
};

/** Where the end comes within a period, the period ends with it; where it goes away, it is whole again. */
const endedAt = (
  subscription: Subscription,
  about: { items: SubscriptionItem[]; trial: Partial<Subscription>; now: number },
  cancelAt: number | null,
): Plan => {
  const plan = { resets: false, startsTrial: false, trial: about.trial };
  const anchor = subscription.billing_cycle_anchor;
  const { trial_end: trialEnd } = subscription;
  const isShort = (end: number): boolean => cancelAt !== null && cancelAt < end;
  if (subscription.status === 'trialing') {
    const cuts = !isFlexible(subscription) && trialEnd !== null && isShort(trialEnd);
    const items = cuts
      ? about.items.map((item) => ({ ...item, current_period_end: cancelAt! }))
      : about.items;
    const trial = cuts ? { ...about.trial, trial_end: cancelAt } : about.trial;
    return { ...plan, items, trial, anchor: cuts ? cancelAt! : anchor };
  }
  const items = about.items.map((item) =>
    isShort(item.current_period_end) ? { ...item, current_period_end: cancelAt! } : item,
  );
  const cuts = items.some((item, i) => item !== about.items[i]);
  return { ...plan, items, anchor: cuts && !isFlexible(subscription) ? cancelAt! : anchor };
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
  const keepsStart = isTrial || (!isFlexible(subscription) && subscription.trial_start !== null);
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
      trial_start: keepsStart ? subscription.trial_start : now,
    },
  };
};

/** Classic: another interval, or from free to paid, begins a new cycle. */
const beginsAnew = (
  world: World,
  subscription: Subscription,
  items: SubscriptionItem[],
): boolean => {
  const before = world.store.need('price', subscription.items[0]!.price).recurring!;
  const after = world.store.need('price', items[0]!.price).recurring!;
  const total = (of: SubscriptionItem[]): number =>
    of.reduce((sum, item) => sum + itemAmount(world, item), 0);
  return !isSameInterval(before, after) || (total(subscription.items) === 0 && total(items) > 0);
};
