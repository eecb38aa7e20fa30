// The configuration that runs, whole, as it could be written down: what GET /configuration shows. Writes nothing, and
// holds nothing secret.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { inConfigurationOrder } from '../../domain/configuration/change.ts';
import type { Configuration, ConfiguredPlan } from '../../domain/configuration/configuration.ts';
import type { LadderStep, Limit } from '../../domain/plan.ts';
import { hashOf } from '../idempotency.ts';
import { contentOf } from '../plan/view.ts';
import { configuredRoutePolicy } from '../route-policy.ts';
import { settingView } from '../setting.ts';
import type { Settings } from '../setting.ts';

export type RunningConfiguration = Configuration<Settings>;

/** Answers with a fingerprint that is another as soon as anything of it is. */
export async function getConfiguration(ctx: Context) {
  const configuration = await inTransaction(ctx, readConfiguration);
  return { configuration, fingerprint: fingerprintOf(configuration) };
}

/** Plans that exist for the world, all route policies and settings, in the order of their names. */
export async function readConfiguration(tx: Tx): Promise<RunningConfiguration> {
  const policies = await tx.routePolicy.findMany();
  const settings = await tx.setting.findUniqueOrThrow({ where: { id: 1 } });
  const { default_ladder, ...chosen } = settingView(settings);
  return inConfigurationOrder({
    plans: await readPlans(tx),
    route_policies: policies.map(configuredRoutePolicy),
    settings: { ...chosen, default_ladder: default_ladder.map(step) },
  });
}

/** SHA-256 of it, in hex. */
export function fingerprintOf(configuration: object): string {
  return hashOf(configuration).toString('hex');
}

async function readPlans(tx: Tx): Promise<ConfiguredPlan[]> {
  const plans = await tx.plan.findMany({ where: { current_version: { not: null } } });
  const versions = await tx.planVersion.findMany({
    where: { OR: plans.map(({ id, current_version }) => ({ plan_id: id, version: current_version! })) }, // prettier-ignore
  });
  const byPlan = new Map(versions.map((version) => [version.plan_id, contentOf(version)]));
  return plans.map(({ id, key, public: isPublic, archived }) => {
    const { ladder, features, pools, ...content } = byPlan.get(id)!;
    return {
      key,
      ...content,
      // In the order in which a person would write them, which jsonb does not keep.
      features: features.map(({ feature, limits, pool }) => ({
        feature,
        limits: limits.map(whole),
        pool: pool ? { pool: pool.pool, cost: pool.cost } : null,
      })),
      pools: pools.map(({ pool, limits }) => ({ pool, limits: limits.map(whole) })),
      public: isPublic,
      archived,
      ladder: ladder.map(step),
    };
  });
}

function step({ after_hours, access }: LadderStep): LadderStep {
  return { after_hours, access };
}

/** What was stored before a member was known has its default. */
function whole(limit: Partial<Limit> & Pick<Limit, 'window' | 'max'>): Limit {
  const { window, max } = limit;
  return { window, max, on_exceed: limit.on_exceed ?? 'payment', overage: limit.overage ?? null };
}
