// What time does to what a customer stands on: changes that come due, the billing period, and how long all stays as
// it is if nothing new is heard. Decides nothing, and knows no limit and no count.
import type { SubscriptionFacts } from './access.ts';
import { newsPatienceMs } from './access.ts';
import type { CustomerFacts, Footing, Plans } from './entitlement.ts';
import type { LadderStep } from './plan.ts';
import type { Window } from './window.ts';
import { monthlyPeriodAt } from './window.ts';

const hourMs = 3_600_000;

/** From its instant on a scheduled change holds, whether or not Stripe's news of it has come. */
export function withPendingChange(
  subscription: SubscriptionFacts,
  plans: Plans,
  now: number,
): SubscriptionFacts {
  const { pending } = subscription;
  if (!pending || now < pending.effectiveAt || subscription.status === 'incomplete') {
    return subscription;
  }
  const changed = { ...subscription, planVersionId: pending.planVersionId };
  if (plans.byVersion.get(pending.planVersionId)?.price) return changed;
  const { effectiveAt } = pending;
  return { ...changed, status: 'active', atStripe: false, anchor: effectiveAt, cancelAt: null };
}

/** The billing period that holds `now`: of the subscription, or counted from the customer's beginning. */
export function periodOf(
  subscription: SubscriptionFacts | null,
  customer: CustomerFacts,
  now: number,
): Window {
  if (!subscription) return monthlyPeriodAt(customer.createdAt, now);
  const { anchor, periodStart, periodEnd, startedAt } = subscription;
  if (anchor !== null) return monthlyPeriodAt(anchor, now);
  if (periodStart === null || periodEnd === null) return monthlyPeriodAt(startedAt, now);
  if (now < periodEnd) return { start: periodStart, end: periodEnd };
  // The next period has begun though its news has not come: it starts where the last one ended.
  return { start: periodEnd, end: periodEnd + (periodEnd - periodStart) };
}

/** The first instant after `now` at which `footingOf` may say something else than `footing`, which it says at `now`. */
export function footingHoldsUntil(customer: CustomerFacts, footing: Footing, now: number): number {
  const instants = [
    footing.period.end,
    ...customer.overrides.map(({ expiresAt }) => expiresAt),
    ...customer.subscriptions.flatMap((one) => turnsOf(one, footing.plan?.ladder ?? [])),
  ];
  return instants.reduce<number>(
    (first, instant) => (instant !== null && instant > now ? Math.min(first, instant) : first),
    Infinity,
  );
}

/** Every instant at which time alone may change what this subscription is worth. */
export function turnsOf(subscription: SubscriptionFacts, ladder: LadderStep[]): (number | null)[] {
  const { cancelAt, trialEnd, periodEnd, pastDueSince, takenBackUntil, pending } = subscription;
  return [
    cancelAt,
    takenBackUntil,
    trialEnd,
    trialEnd === null ? null : trialEnd + newsPatienceMs,
    periodEnd,
    periodEnd === null ? null : periodEnd + newsPatienceMs,
    pending && pending.effectiveAt,
    ...ladder.map((step) =>
      pastDueSince === null ? null : pastDueSince + step.after_hours * hourMs,
    ),
  ];
}
