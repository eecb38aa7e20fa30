// Audits the configuration as it is now: loads what the rules in domain/audit.ts look at, asks Stripe, and answers with
// the findings. Changes nothing. The log of who changed what is audit.ts.
import { setImmediate as letOthersRun } from 'node:timers/promises';
import { inTransaction } from '../adapters/postgres.ts';
import type { Tx } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { auditConfiguration } from '../domain/audit/audit.ts';
import type { AuditedConfiguration } from '../domain/audit/audit.ts';
import type { Finding } from '../domain/audit/finding.ts';
import type { AuditedPlan } from '../domain/audit/plan.ts';
import { auditFreeRoutes } from '../domain/audit/route.ts';
import type { AuditedPrice } from '../domain/audit/stripe.ts';
import type { LadderStep } from '../domain/plan.ts';
import type { RoutePolicy } from '../domain/route-policy.ts';
import { isLive } from '../domain/subscription.ts';
import type { Plan, PlanVersion } from '../generated/prisma/client.ts';
import { contentOf } from './plan/view.ts';
import { askPrices, askWebhookEndpoints } from './stripe/audit.ts';

const policiesMax = 1_000;
const plansMax = 500;
const keysMax = 200;

export type Loaded = Omit<AuditedConfiguration, 'freeRoutes' | 'prices' | 'webhook'> & {
  prices: Omit<AuditedPrice, 'stripes'>[];
};

/** `checked_at` is machine time. What Stripe does not answer is a finding of its own; this never fails for it. */
export async function getConfigurationAudit(ctx: Context) {
  const loaded = await inTransaction(ctx, (tx) => loadAudited(tx, ctx.now()));
  return { data: await auditLoaded(ctx, loaded), checked_at: new Date().toISOString() };
}

/** What is found in what was loaded, which may be a configuration that does not run; Stripe is asked. */
export async function auditLoaded(ctx: Context, facts: Loaded): Promise<Finding[]> {
  const { prices, ...loaded } = facts;
  const [asked, endpoints] = await Promise.all([askPrices(ctx, prices), askWebhookEndpoints(ctx)]);
  const webhook = { url: `${ctx.config.publicUrl}/webhooks/stripe`, endpoints };
  const freeRoutes = await lookAtFreeRoutes(loaded.policies);
  return auditConfiguration({ ...loaded, freeRoutes, prices: asked, webhook });
}

/** Route by route: each is held against all others, in a process that must answer checks meanwhile. */
async function lookAtFreeRoutes(policies: RoutePolicy[]): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const ofOne of auditFreeRoutes(policies)) {
    found.push(...ofOne);
    await letOthersRun();
  }
  return found;
}

/** What an audit looks at, as the transaction sees it. */
export async function loadAudited(tx: Tx, now: Date): Promise<Loaded> {
  const setting = await tx.setting.findUniqueOrThrow({ where: { id: 1 } });
  const policies = await loadPolicies(tx);
  const { plans, prices } = await loadPlans(tx);
  const manageKeys = await loadManageKeys(tx, now);
  const bounded = [
    { name: 'route policies', rows: policies, max: policiesMax },
    { name: 'plans', rows: plans, max: plansMax },
    { name: 'keys', rows: manageKeys, max: keysMax },
  ];
  return {
    policies: policies.slice(0, policiesMax),
    plans: plans.slice(0, plansMax),
    prices,
    manageKeys: manageKeys.slice(0, keysMax),
    choices: {
      defaultPlan: setting.default_plan,
      defaultLadder: setting.default_ladder as LadderStep[],
      paymentRetries: setting.payment_retries === 'tollgate' ? 'tollgate' : 'stripe',
      paymentRetryHours: setting.payment_retry_hours,
    },
    cutShort: bounded.flatMap(({ name, rows, max }) => (rows.length > max ? [name] : [])),
  };
}

async function loadPolicies(tx: Tx): Promise<RoutePolicy[]> {
  const rows = await tx.routePolicy.findMany({ orderBy: { id: 'asc' }, take: policiesMax + 1 });
  return rows.map((row) => ({
    id: row.id,
    method: row.method,
    path: row.path,
    access: row.access as RoutePolicy['access'],
    feature: row.feature,
    cost: row.cost,
    readOnly: row.read_only,
    whenDown: row.when_down as RoutePolicy['whenDown'],
    maxStaleMs: row.max_stale_seconds * 1_000,
  }));
}

async function loadPlans(tx: Tx): Promise<Pick<Loaded, 'plans' | 'prices'>> {
  const rows = await tx.plan.findMany({ orderBy: { key: 'asc' }, take: plansMax + 1 });
  const subscribers = await countSubscribers(tx);
  const versions = await tx.planVersion.findMany({
    where: {
      plan_id: { in: rows.map(({ id }) => id) },
      OR: [
        { id: { in: [...subscribers.keys()] } },
        ...rows.flatMap(({ id, current_version }) =>
          current_version === null ? [] : [{ plan_id: id, version: current_version }],
        ),
      ],
    },
  });
  const pairs = rows.map((plan) => ({
    plan,
    versions: versions.filter(({ plan_id }) => plan_id === plan.id),
  }));
  return {
    plans: pairs.map((pair) => toPlan(pair.plan, pair.versions, subscribers)),
    prices: pairs.flatMap((pair) => toPrice(pair.plan, pair.versions)),
  };
}

/** Live subscriptions of each version that has some. */
async function countSubscribers(tx: Tx): Promise<Map<string, number>> {
  const rows = await tx.subscription.groupBy({ by: ['plan_version_id', 'status'], _count: true });
  const counts = new Map<string, number>();
  for (const { plan_version_id: id, status, _count: count } of rows) {
    if (id !== null && isLive(status)) counts.set(id, (counts.get(id) ?? 0) + count);
  }
  return counts;
}

function toPlan(
  plan: Plan,
  versions: PlanVersion[],
  subscribers: Map<string, number>,
): AuditedPlan {
  const inUse = versions.filter(({ id }) => subscribers.has(id));
  const current = versions.find(({ version }) => version === plan.current_version);
  return {
    key: plan.key,
    public: plan.public,
    archived: plan.archived,
    subscribers: inUse.reduce((sum, { id }) => sum + subscribers.get(id)!, 0),
    current: current ? contentOf(current) : null,
    kept: inUse.flatMap((version) => contentOf(version).features.map(({ feature }) => feature)),
  };
}

/** The price that new subscribers of an offered plan would pay. */
function toPrice(plan: Plan, versions: PlanVersion[]): Loaded['prices'] {
  const current = versions.find(({ version }) => version === plan.current_version);
  const ours = current && contentOf(current).price;
  if (plan.archived || !ours || current.stripe_price_id === null) return [];
  const { stripe_price_id: id } = current;
  return [{ plan: plan.key, id, product: plan.stripe_product_id, ours }];
}

async function loadManageKeys(tx: Tx, now: Date): Promise<Loaded['manageKeys']> {
  const rows = await tx.apiKey.findMany({
    where: {
      scopes: { has: 'manage' },
      expires_at: null,
      customer: { deleted_at: null },
      OR: [{ revoked_at: null }, { revoked_at: { gt: now } }],
    },
    orderBy: { id: 'asc' },
    take: keysMax + 1,
    select: { id: true, customer_id: true },
  });
  return rows.map(({ id, customer_id: customerId }) => ({ id, customerId }));
}
