// The instants at which time alone may change an answer. Looks only forward.
import type { SubscriptionFacts } from '../access.ts';
import type { Check } from '../check.ts';
import { footingOf } from '../entitlement.ts';
import type { Change } from './change.ts';
import { turnsOf } from '../footing.ts';
import type { LimitCheck } from '../limit.ts';
import type { LadderStep } from '../plan.ts';

/** Two hundred years on: beyond it nobody waits. */
const horizonMs = 200 * 365.25 * 86_400_000;
const instantsMax = 40;

/** After now, the earliest first; the windows of `limits` end, too, and with the period what was spent in it. */
export function laterInstants(check: Check, limits: LimitCheck[]): number[] {
  const { who, book, now } = check;
  if (typeof who === 'string') return [];
  const { key, customer } = who;
  const { period } = footingOf(customer, book.plans, book.defaultPlan, now);
  const instants = [
    period.end,
    key?.expiresAt ?? null,
    ...customer.overrides.map(({ expiresAt }) => expiresAt),
    ...customer.subscriptions.flatMap((one) => turnsOf(one, laddersOf(check, one))),
    ...limits.map(({ end }) => end),
  ].filter((at) => at !== null && at > now && at < now + horizonMs) as number[];
  return [...new Set(instants)].sort((a, b) => a - b).slice(0, instantsMax);
}

/** Of its plan, and of the one that it changes to. */
function laddersOf({ book }: Check, { planVersionId, pending }: SubscriptionFacts): LadderStep[] {
  return [planVersionId, pending?.planVersionId].flatMap(
    (id) => book.plans.byVersion.get(id ?? '')?.ladder ?? [],
  );
}

export function waitUntil(ms: number): Change {
  const until = new Date(ms).toISOString();
  return { kind: 'wait', until, sentence: `wait until ${until}` };
}
