// Subscription schedules: phases that the clock begins one after the other
// (https://docs.stripe.com/billing/subscriptions/subscription-schedules).
import { invalid } from '../api/error.ts';
import { announce, change } from '../delivery/event.ts';
import { clearTimer, setTimer } from '../engine/timer.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { SchedulePhase, SubscriptionSchedule } from '../store/entity-session.ts';
import { newId, nowOn, type World } from '../world.ts';
import { redeem } from './discount.ts';
import { isSameInterval } from './interval.ts';
import { addOnceItems } from './once-item.ts';
import { days } from './period.ts';
import { beginSchedule } from './schedule-begin.ts';
import { cancelScheduleRow, endSubscription } from './subscription-end.ts';
import { changePlan } from './subscription-plan.ts';
import { periodEnd } from './subscription-timer.ts';

const table = 'subscription_schedule';
const updated = 'subscription_schedule.updated';
const expiringDays = 7;

/** A schedule over a living subscription: its current period is the first phase. */
export const scheduleFrom = (
  world: World,
  subscription: Subscription,
  metadata: Record<string, string>,
): SubscriptionSchedule => {
  if (subscription.schedule !== null) {
    throw invalid(
      `You cannot migrate a subscription that is already attached to a schedule: \`${subscription.schedule}\`.`,
      { param: 'from_subscription' },
    );
  }
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired') {
    throw invalid('You cannot migrate a subscription that has ended.', {
      param: 'from_subscription',
    });
  }
  const phase: SchedulePhase = {
    items: subscription.items.map(({ price, quantity }) => ({ price, quantity })),
    start_date: subscription.items[0]!.current_period_start,
    end_date: periodEnd(subscription),
    proration_behavior: 'create_prorations',
    metadata: {},
    currency: subscription.currency,
    trial_end: subscription.trial_end,
  };
  const row = world.store.put(table, {
    id: newId('sub_sched'),
    object: table,
    canceled_at: null,
    completed_at: null,
    created: nowOn(world, subscription.test_clock),
    current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    customer: subscription.customer,
    end_behavior: 'release',
    livemode: false,
    metadata,
    phases: [phase],
    released_at: null,
    released_subscription: null,
    status: 'active',
    subscription: subscription.id,
    test_clock: subscription.test_clock,
  });
  announce(world, 'subscription_schedule.created', row);
  change(
    world,
    'subscription',
    subscription.id,
    { schedule: row.id },
    'customer.subscription.updated',
  );
  armNext(world, row);
  return row;
};

export const updateSchedule = (
  world: World,
  schedule: SubscriptionSchedule,
  patch: Partial<SubscriptionSchedule>,
): SubscriptionSchedule => {
  requireActive(schedule, 'update');
  const changed = change(world, table, schedule.id, patch, updated);
  const current = currentPhase(world, changed);
  const moved = change(world, table, schedule.id, {
    current_phase:
      current === null ? null : { start_date: current.start_date, end_date: current.end_date },
  });
  armNext(world, moved);
  const { subscription: id } = moved;
  const subscription = id === null ? undefined : world.store.get('subscription', id);
  if (current !== null && subscription !== undefined && !isApplied(subscription, current)) {
    applyPhase(world, subscription, current);
  }
  return moved;
};

const isApplied = (subscription: Subscription, phase: SchedulePhase): boolean =>
  subscription.items.length === phase.items.length &&
  phase.items.every(({ price, quantity }, i) => {
    const item = subscription.items[i];
    return item?.price === price && item.quantity === quantity;
  });

const requireActive = (schedule: SubscriptionSchedule, verb: string): void => {
  if (schedule.status === 'active' || schedule.status === 'not_started') return;
  throw invalid(
    `You cannot ${verb} a subscription schedule that is currently in the \`${schedule.status}\` status. It must be in the \`not_started\` or \`active\` status.`,
  );
};

const currentPhase = (world: World, schedule: SubscriptionSchedule): SchedulePhase | null => {
  const now = nowOn(world, schedule.test_clock);
  return schedule.phases.find((phase) => phase.start_date <= now && now < phase.end_date) ?? null;
};

/** Waits for the end of the phase, or for the first one to begin, and a week before it is over. */
export const armNext = (world: World, schedule: SubscriptionSchedule): void => {
  const { id, test_clock: clock, phases } = schedule;
  const first = schedule.status === 'not_started' ? phases[0]?.start_date : undefined;
  const at = schedule.current_phase?.end_date ?? first;
  if (at === undefined) clearTimer(world, 'schedule.phase', id);
  else setTimer(world, 'schedule.phase', id, { clock, at });
  const warning = (phases.at(-1)?.end_date ?? 0) - days(expiringDays);
  if (warning > nowOn(world, clock)) {
    setTimer(world, 'schedule.expiring', id, { clock, at: warning });
  } else clearTimer(world, 'schedule.expiring', id);
};

export const warnExpiring = (world: World, id: string): void => {
  announce(world, 'subscription_schedule.expiring', world.store.need(table, id));
};

/** A phase is over: the next one begins, or the schedule lets go. */
export const startPhase = (world: World, id: string): void => {
  const schedule = world.store.need(table, id);
  if (schedule.status === 'not_started') {
    beginSchedule(world, schedule);
    return;
  }
  const subscription =
    schedule.subscription === null
      ? undefined
      : world.store.get('subscription', schedule.subscription);
  if (subscription === undefined || subscription.ended_at !== null)
    return cancelScheduleRow(world, schedule);
  const next = currentPhase(world, schedule);
  if (next === null) return finish(world, schedule, subscription);
  const moved = change(
    world,
    table,
    id,
    { current_phase: { start_date: next.start_date, end_date: next.end_date } },
    updated,
  );
  armNext(world, moved);
  applyPhase(world, subscription, next);
};

/** At a period's end nothing is prorated: what is old is used up when the phase begins. */
const applyPhase = (world: World, subscription: Subscription, phase: SchedulePhase): void => {
  const now = nowOn(world, subscription.test_clock);
  const holder = { customer: subscription.customer, subscription: subscription.id };
  const discounts = redeem(world, phase._discounts ?? [], holder, now);
  addOnceItems(world, subscription, phase._once ?? []);
  const items = phase.items.map((item, i) => {
    const { discounts: own = [], ...rest } = item;
    const named = own.length === 0 ? {} : { discounts: own };
    return { id: subscription.items[i]?.id, ...rest, ...named, isKept: true };
  });
  const surplus = subscription.items.slice(items.length).map(({ id }) => ({ id, deleted: true }));
  changePlan(world, subscription, {
    items: [...items, ...surplus],
    proration: phase.proration_behavior,
    prorationDate: null,
    behavior: 'allow_incomplete',
    trialEnd: phase.trial_end !== null && phase.trial_end > now ? phase.trial_end : null,
    resetAnchor: needsNewCycle(world, subscription, phase),
    alongside: {
      metadata: { ...subscription.metadata, ...phase.metadata },
      ...(phase._discounts === undefined ? {} : { discounts }),
      ...(phase.description == null ? {} : { description: phase.description }),
      ...((phase._tax_rates ?? []).length === 0 ? {} : { _tax_rates: phase._tax_rates ?? [] }),
    },
  });
};

/** `automatic`: the anchor moves where the interval does, and stays otherwise. */
const needsNewCycle = (world: World, subscription: Subscription, phase: SchedulePhase): boolean => {
  if (phase.billing_cycle_anchor === 'phase_start') return true;
  const recurring = (id: string) => world.store.need('price', id).recurring!;
  const before = recurring(subscription.items[0]!.price);
  return !isSameInterval(before, recurring(phase.items[0]!.price));
};

const finish = (world: World, schedule: SubscriptionSchedule, subscription: Subscription): void => {
  const completed_at = nowOn(world, schedule.test_clock);
  if (schedule.end_behavior === 'release') {
    releaseSchedule(world, { ...schedule, completed_at });
    announce(world, 'subscription_schedule.completed', world.store.need(table, schedule.id));
    return;
  }
  change(
    world,
    table,
    schedule.id,
    { status: 'completed', completed_at, current_phase: null },
    updated,
  );
  announce(world, 'subscription_schedule.completed', world.store.need(table, schedule.id));
  endSubscription(
    world,
    world.store.update('subscription', subscription.id, { schedule: null }),
    null,
  );
};

/** The subscription goes on by itself. */
export const releaseSchedule = (
  world: World,
  schedule: SubscriptionSchedule,
): SubscriptionSchedule => {
  requireActive(schedule, 'release');
  clearTimer(world, 'schedule.phase', schedule.id);
  clearTimer(world, 'schedule.expiring', schedule.id);
  const { subscription } = schedule;
  const released = world.store.update(table, schedule.id, {
    completed_at: schedule.completed_at,
    status: 'released',
    released_at: nowOn(world, schedule.test_clock),
    released_subscription: subscription,
    subscription: null,
    current_phase: null,
  });
  announce(world, 'subscription_schedule.released', released);
  if (subscription !== null) {
    change(
      world,
      'subscription',
      subscription,
      { schedule: null },
      'customer.subscription.updated',
    );
  }
  return released;
};

/** Ends the schedule and its subscription with it. */
export const cancelSchedule = (
  world: World,
  schedule: SubscriptionSchedule,
): SubscriptionSchedule => {
  requireActive(schedule, 'cancel');
  const subscription =
    schedule.subscription === null
      ? undefined
      : world.store.get('subscription', schedule.subscription);
  if (subscription?.ended_at === null)
    endSubscription(world, subscription, 'cancellation_requested');
  const left = world.store.need(table, schedule.id);
  if (left.status !== 'canceled') cancelScheduleRow(world, left);
  return world.store.need(table, schedule.id);
};
