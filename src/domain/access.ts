// What a subscription is worth at an instant: the contract's table as data and a few rules of time.
// Knows nothing of keys, routes or limits, and never trusts a status it does not know.
import type { DenialCode } from './denial.ts';
import type { LadderStep } from './plan.ts';
import { ladderStep } from './plan.ts';

/** A subscription as last known; instants in milliseconds since 1970. */
export type SubscriptionFacts = {
  id: string;
  planVersionId: string | null;
  status: string;
  /** Whether Stripe knows it: a free one of ours never waits for news. */
  atStripe: boolean;
  anchor: number | null;
  periodStart: number | null;
  periodEnd: number | null;
  trialEnd: number | null;
  cancelAt: number | null;
  endedAt: number | null;
  pastDueSince: number | null;
  /** Where that is to pause access as well. */
  collectionPaused: boolean;
  pausedAtTrialEnd: boolean;
  everPaid: boolean;
  /** Up to here what was paid has been given back, and the operator's policy is not to serve that. */
  takenBackUntil: number | null;
  startedAt: number;
  /** A change that is due at a known instant: it holds from then on, news or not. */
  pending: { planVersionId: string; effectiveAt: number } | null;
};

export type Grade = 'full' | 'warn' | 'read_only';
export type Standing =
  | { kind: 'live'; grade: Grade; overdueNews: boolean }
  | { kind: 'denied'; code: DenialCode }
  | { kind: 'unverifiable' };

/** Made once: this is looked up on every check. */
const standings: Record<Grade, Standing> = {
  full: { kind: 'live', grade: 'full', overdueNews: false },
  warn: { kind: 'live', grade: 'warn', overdueNews: false },
  read_only: { kind: 'live', grade: 'read_only', overdueNews: false },
};
const fullUntilNews: Standing = { kind: 'live', grade: 'full', overdueNews: true };
const denied = (code: DenialCode): Standing => ({ kind: 'denied', code });

/** How long a period may have ended without news from Stripe before we no longer vouch for it. */
export const newsPatienceMs = 24 * 3_600_000;

/** Stripe ends a subscription when its trial does, give or take the time its own clock takes to get there. */
const trialEndToleranceMs = 3_600_000;

type Rule = (subscription: SubscriptionFacts, ladder: LadderStep[], now: number) => Standing;

const untilNewsIsOverdue: Rule = (subscription, _ladder, now) => {
  const end = subscription.status === 'trialing' ? subscription.trialEnd : subscription.periodEnd;
  if (!subscription.atStripe || end === null || now < end) return standings.full;
  return now < end + newsPatienceMs ? fullUntilNews : { kind: 'unverifiable' };
};

const downTheLadder: Rule = (subscription, ladder, now) => {
  const step = ladderStep(ladder, now - (subscription.pastDueSince ?? now));
  return step === 'deny' || step === 'cancel' ? denied('payment_past_due') : standings[step];
};

/** Stripe's statuses (API reference, the subscription object); one that is not here is not vouched for. */
const rules: Record<string, Rule> = {
  trialing: untilNewsIsOverdue,
  active: untilNewsIsOverdue,
  past_due: downTheLadder,
  unpaid: () => denied('payment_past_due'),
  paused: ({ pausedAtTrialEnd }) =>
    denied(pausedAtTrialEnd ? 'trial_ended' : 'subscription_paused'),
  incomplete: () => denied('payment_incomplete'),
};

function whenCanceled({ everPaid, trialEnd, endedAt }: SubscriptionFacts): Standing {
  const afterTrialMs = trialEnd === null || endedAt === null ? Infinity : endedAt - trialEnd;
  const endedWithTrial = afterTrialMs >= 0 && afterTrialMs <= trialEndToleranceMs;
  return denied(endedWithTrial && !everPaid ? 'trial_ended' : 'subscription_canceled');
}

/** What this one subscription is worth at `now`. */
export function standing(
  subscription: SubscriptionFacts,
  ladder: LadderStep[],
  now: number,
): Standing {
  const { status, endedAt, cancelAt, takenBackUntil } = subscription;
  if (status === 'incomplete_expired') return denied('no_subscription');
  if (isOver(subscription, now)) {
    return whenCanceled({ ...subscription, endedAt: endedAt ?? cancelAt });
  }
  const rule = Object.hasOwn(rules, status) ? rules[status] : undefined;
  if (!rule) return { kind: 'unverifiable' };
  if (subscription.collectionPaused && status !== 'incomplete') {
    return denied('subscription_paused');
  }
  if (takenBackUntil !== null && now < takenBackUntil) return denied('payment_past_due');
  return rule(subscription, ladder, now);
}

/** Ended for good, or its `cancel_at` has come: by the clock, before any event says so. */
export function isOver(subscription: SubscriptionFacts, now: number): boolean {
  const { status, cancelAt, pending } = subscription;
  if (status === 'canceled' || status === 'incomplete_expired') return true;
  if (cancelAt === null || now < cancelAt) return false;
  // What follows the cancellation (paid → free) keeps the customer served from that very instant.
  return !(pending && pending.effectiveAt <= now);
}

/**
 * The subscription that decides: the oldest live one that is not `incomplete`, else the incomplete one,
 * else the one that ended last (an expired attempt tells less than a subscription that was).
 */
export function decisiveSubscription(
  subscriptions: SubscriptionFacts[],
  now: number,
): SubscriptionFacts | null {
  let best: SubscriptionFacts | null = null;
  for (const candidate of subscriptions) {
    if (!best || isMoreDecisive(candidate, best, now)) best = candidate;
  }
  return best;
}

function isMoreDecisive(a: SubscriptionFacts, b: SubscriptionFacts, now: number): boolean {
  const rank = importance(a, now) - importance(b, now);
  if (rank !== 0) return rank > 0;
  if (importance(a, now) >= 2) return isOlder(a, b);
  return (a.endedAt ?? a.cancelAt ?? a.startedAt) > (b.endedAt ?? b.cancelAt ?? b.startedAt);
}

/** Stripe counts whole seconds, we do not: within one, the row that was there first. */
function isOlder(a: SubscriptionFacts, b: SubscriptionFacts): boolean {
  const seconds = Math.floor(a.startedAt / 1000) - Math.floor(b.startedAt / 1000);
  return seconds === 0 ? a.id < b.id : seconds < 0;
}

function importance(subscription: SubscriptionFacts, now: number): number {
  if (isOver(subscription, now)) return subscription.status === 'incomplete_expired' ? 0 : 1;
  return subscription.status === 'incomplete' ? 2 : 3;
}
