// What is read of plans, and how they look. A plan is there once Stripe has confirmed its first price: until
// then `current_version` is null and nobody sees it. Never writes.
import type { Db } from '../../adapters/postgres.ts';
import type { PlanContent } from '../../domain/configuration/configuration.ts';
import type { LadderStep, PlanFeature, Pool, Price } from '../../domain/plan.ts';
import type { Plan, PlanVersion } from '../../generated/prisma/client.ts';
import type { Caller } from '../caller.ts';

export type PlanView = ReturnType<typeof planView>;

/** A plan that exists for the world, with the version new subscribers get. */
export async function findPlan(
  db: Pick<Db, 'plan' | 'planVersion'>,
  key: string,
): Promise<{ plan: Plan; version: PlanVersion } | null> {
  const plan = await db.plan.findUnique({ where: { key } });
  if (!plan || plan.current_version === null) return null;
  const version = await db.planVersion.findUnique({
    where: { plan_id_version: { plan_id: plan.id, version: plan.current_version } },
  });
  return version && { plan, version };
}

export function planView(plan: Plan, version: PlanVersion, caller: Caller) {
  return {
    id: plan.id,
    key: plan.key,
    version: version.version,
    ...contentOf(version),
    public: plan.public,
    archived: plan.archived,
    created_at: plan.created_at.toISOString(),
    ...(caller.kind === 'operator'
      ? {
          // A plan that became free keeps its Product for old subscribers, but shows none.
          stripe_product_id: version.price_amount === null ? null : plan.stripe_product_id,
          stripe_price_id: version.stripe_price_id,
        }
      : {}),
  };
}

export function contentOf(version: PlanVersion): PlanContent {
  return {
    name: version.name,
    description: version.description,
    price: priceOf(version),
    trial_days: version.trial_days,
    features: version.features as PlanFeature[],
    pools: version.pools as Pool[],
    ladder: version.ladder as LadderStep[],
  };
}

function priceOf({ price_amount, price_currency, price_interval }: PlanVersion): Price | null {
  if (price_amount === null || price_currency === null) return null;
  return {
    amount: Number(price_amount),
    currency: price_currency,
    interval: price_interval === 'year' ? 'year' : 'month',
  };
}
