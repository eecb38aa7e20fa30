// Which plan would help: the cheapest one on offer that lifts what denied. Names plans, sells nothing.
import type { Plans } from './entitlement.ts';
import type { LimitCheck } from './limit.ts';
import { formatMoney } from './money.ts';
import type { Limit, PlanFacts, PlanFeature } from './plan.ts';

/** The cheapest offered plan with the feature and, where a limit is full, with a higher one; null: none. */
export function betterPlan(
  plans: Plans,
  current: PlanFacts | null,
  feature: string | null,
  full: LimitCheck | null,
): PlanFacts | null {
  let best: PlanFacts | null = null;
  for (const plan of plans.byKey.values()) {
    if (!plan.offered || plan.key === current?.key || !lifts(plan, feature, full)) continue;
    if (!best || monthlyCost(plan) < monthlyCost(best)) best = plan;
  }
  return best;
}

/** What is on offer, the cheapest first; with a feature, what grants it. */
export function offersWith({ byKey }: Plans, feature: string | null): PlanFacts[] {
  return [...byKey.values()]
    .filter(({ offered, features }) => offered && grants(features, feature))
    .sort((a, b) => monthlyCost(a) - monthlyCost(b));
}

function grants(features: PlanFeature[], feature: string | null): boolean {
  return feature === null || features.some((one) => one.feature === feature);
}

function lifts(plan: PlanFacts, feature: string | null, full: LimitCheck | null): boolean {
  const granted = plan.features.find((candidate) => candidate.feature === feature);
  if (!granted) return false;
  if (!full) return true;
  // A cap belongs to the key, whatever the plan.
  if (full.scope === 'key') return false;
  const limit = limitsLike(full, plan, granted).find(({ window }) => window === full.window);
  return !limit || limit.max > full.max;
}

function limitsLike(full: LimitCheck, plan: PlanFacts, granted: PlanFeature): Limit[] {
  if (full.scope === 'feature') return granted.limits;
  return plan.pools.find(({ pool }) => pool === granted.pool?.pool)?.limits ?? [];
}

/** Good for comparing plans of one currency, which is what an operator offers. */
function monthlyCost({ price }: PlanFacts): number {
  if (!price) return 0;
  return price.interval === 'year' ? price.amount / 12 : price.amount;
}

/** `Pro, 20.00 EUR a month`. */
export function describeOffer({ name, price }: PlanFacts): string {
  return price
    ? `${name}, ${formatMoney(price.amount, price.currency)} a ${price.interval}`
    : `${name}, free of charge`;
}
