// A customer's access as others are told of it: the check's footing in five words, and when the clock alone may
// change it next. Pure.
import type { Grade, SubscriptionFacts } from './access.ts';
import { isOver } from './access.ts';
import type { DenialCode } from './denial.ts';
import type { CustomerFacts, Footing, Plans } from './entitlement.ts';

export type AccessState = {
  plan: string | null;
  plan_version: number | null;
  status: string | null;
  access: Grade | 'deny';
  code: DenialCode | null;
};

/** What a check of any feature begins with: the customer may be blocked, or its footing may deny. */
export function accessState(
  customer: Pick<CustomerFacts, 'blocked'>,
  footing: Footing,
): AccessState {
  const code = customer.blocked ? 'customer_blocked' : footing.code;
  return {
    plan: footing.plan?.key ?? null,
    plan_version: footing.plan?.version ?? null,
    status: footing.subscription?.status ?? null,
    access: code === null ? (footing.grade ?? 'deny') : 'deny',
    code,
  };
}

export function isSameAccess(a: AccessState | null, b: AccessState): boolean {
  return a !== null && (Object.keys(b) as (keyof AccessState)[]).every((key) => a[key] === b[key]);
}

const hourMs = 3_600_000;

/** The first instant after `now` at which access may be another though nothing happened; null: there is none. */
export function nextAccessChange(
  customer: Pick<CustomerFacts, 'subscriptions' | 'overrides'>,
  plans: Pick<Plans, 'byVersion'>,
  now: number,
): number | null {
  let next = Infinity;
  for (const subscription of customer.subscriptions) {
    if (isOver(subscription, now)) continue;
    for (const at of turningPoints(subscription, plans)) if (at > now && at < next) next = at;
  }
  for (const { expiresAt } of customer.overrides) {
    if (expiresAt !== null && expiresAt > now && expiresAt < next) next = expiresAt;
  }
  return next === Infinity ? null : next;
}

/** Where a period's news is missing access ends in `unverifiable`, and of that nobody is told. */
function turningPoints(subscription: SubscriptionFacts, plans: Pick<Plans, 'byVersion'>): number[] {
  const { cancelAt, takenBackUntil, pending, pastDueSince, planVersionId } = subscription;
  const points = [cancelAt, takenBackUntil, pending?.effectiveAt].filter((at) => at != null);
  if (pastDueSince === null) return points;
  // Once a change is due the ladder of the plan it leads to holds, also before Stripe's news of it has come.
  for (const version of [planVersionId, pending?.planVersionId]) {
    const ladder = (version && plans.byVersion.get(version)?.ladder) || [];
    points.push(...ladder.map((step) => pastDueSince + step.after_hours * hourMs));
  }
  return points;
}
