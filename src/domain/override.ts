// What an operator has granted one customer besides the plan: the plan as it then is for them. Ends by the clock.
import type { Limit, PlanFacts } from './plan.ts';

/** Exactly one of `limit` and `extra` is set. */
export type Override = {
  feature: string;
  /** Instead of the limits' max. */
  limit: number | null;
  /** On top of the limits' max. */
  extra: number | null;
  /** Milliseconds since 1970; from that instant on it no longer holds. */
  expiresAt: number | null;
};

/** Most customers have none: all of them share this one. */
export const noOverrides: Override[] = [];

/** The plan as it is with what holds at `now`; most often the very plan. */
export function withOverrides(plan: PlanFacts, overrides: Override[], now: number): PlanFacts {
  let result = plan;
  for (const override of overrides) if (holds(override, now)) result = apply(result, override);
  return result;
}

export function holds({ expiresAt }: Override, now: number): boolean {
  return expiresAt === null || now < expiresAt;
}

/**
 * A feature's limits that a payment would lift: its own, else those of its pool; where none is of that kind, all of
 * them. A feature that the plan lacks is granted, with so many units per billing period.
 */
function apply(plan: PlanFacts, override: Override): PlanFacts {
  const { feature } = override;
  const granted = plan.features.find((candidate) => candidate.feature === feature);
  if (!granted) {
    if (plan.pools.some(({ pool }) => pool === feature)) return withPool(plan, feature, override);
    return { ...plan, features: [...plan.features, { feature, limits: [granting(override)] }] };
  }
  const pool =
    granted.pool && plan.pools.find((candidate) => candidate.pool === granted.pool!.pool);
  if (pool && !hasPayment(granted.limits) && (hasPayment(pool.limits) || !granted.limits.length)) {
    return withPool(plan, pool.pool, override);
  }
  const changed = { ...granted, limits: changeLimits(granted.limits, override) };
  return { ...plan, features: plan.features.map((one) => (one === granted ? changed : one)) };
}

function withPool(plan: PlanFacts, name: string, override: Override): PlanFacts {
  const pools = plan.pools.map((one) =>
    one.pool === name ? { ...one, limits: changeLimits(one.limits, override) } : one,
  );
  return { ...plan, pools };
}

function changeLimits(limits: Limit[], override: Override): Limit[] {
  if (limits.length === 0) return override.limit === null ? [] : [granting(override)];
  const onlyPayment = hasPayment(limits);
  return limits.map((limit) =>
    onlyPayment && limit.on_exceed !== 'payment'
      ? limit
      : { ...limit, max: maxOf(limit, override) },
  );
}

function maxOf({ max }: Limit, { limit, extra }: Override): number {
  return limit ?? Math.min(max + (extra ?? 0), Number.MAX_SAFE_INTEGER);
}

function granting({ limit, extra }: Override): Limit {
  const max = limit ?? extra ?? 0;
  return { window: 'billing_period', max, on_exceed: 'payment', overage: null };
}

function hasPayment(limits: Limit[]): boolean {
  return limits.some(({ on_exceed }) => on_exceed === 'payment');
}
