// What a subscription waits for, derived from its row: set again after every change of the row.
import { clearTimer, setTimer, type TimerKind } from '../engine/timer.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { days, hourSeconds } from './period.ts';

const incompleteHours = 23;
const upcomingDays = 7;
const trialWillEndDays = 3;

const kinds: TimerKind[] = [
  'subscription.renew',
  'subscription.upcoming',
  'subscription.trial_will_end',
  'subscription.cancel',
  'subscription.incomplete_expire',
  'subscription.resume_collection',
  'subscription.pending_expire',
];

export const periodEnd = (subscription: Subscription): number =>
  Math.min(...subscription.items.map((item) => item.current_period_end));

/** Sets every timer of the subscription to what its row says at `now`. */
export const rearm = (world: World, subscription: Subscription, now: number): void => {
  const due = dueTimes(subscription, now);
  for (const kind of kinds) {
    const at = due[kind];
    if (at === undefined) clearTimer(world, kind, subscription.id);
    else setTimer(world, kind, subscription.id, { clock: subscription.test_clock, at });
  }
};

const dueTimes = (subscription: Subscription, now: number): Partial<Record<TimerKind, number>> => {
  const {
    status,
    trial_end: trialEnd,
    cancel_at: cancelAt,
    pause_collection: pause,
  } = subscription;
  if (status === 'canceled' || status === 'incomplete_expired') return {};
  if (status === 'incomplete') {
    return {
      'subscription.incomplete_expire': subscription.created + incompleteHours * hourSeconds,
    };
  }
  const end = periodEnd(subscription);
  const upcoming = end - days(upcomingDays);
  const willEnd = (trialEnd ?? 0) - days(trialWillEndDays);
  return {
    ...(status === 'paused' ? {} : { 'subscription.renew': end }),
    ...(status !== 'paused' && upcoming > now && (cancelAt ?? Infinity) > end
      ? { 'subscription.upcoming': upcoming }
      : {}),
    ...(status === 'trialing' && willEnd > now ? { 'subscription.trial_will_end': willEnd } : {}),
    ...(cancelAt === null ? {} : { 'subscription.cancel': cancelAt }),
    ...(pause?.resumes_at == null ? {} : { 'subscription.resume_collection': pause.resumes_at }),
    ...(subscription._pending?.shown !== true
      ? {}
      : { 'subscription.pending_expire': subscription._pending.expires_at }),
  };
};
