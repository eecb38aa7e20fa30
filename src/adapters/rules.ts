// Reads what holds for all customers: plans, route policies and settings, in one statement where they must be of one
// instant. Rows in, domain facts out; keeps nothing.
import type { ConfiguredRoutePolicy } from '../domain/configuration/configuration.ts';
import type { Plans } from '../domain/entitlement.ts';
import type { LadderStep, PlanFacts, PlanFeature, Pool } from '../domain/plan.ts';
import type { Access, RoutePolicy } from '../domain/route-policy.ts';
import type { Queries } from './postgres.ts';

type PlanRow = {
  id: string;
  key: string;
  version: number;
  current: boolean;
  offered: boolean;
  name: string;
  price_amount: number | null;
  price_currency: string | null;
  price_interval: 'month' | 'year' | null;
  features: PlanFeature[];
  pools: Pool[];
  ladder: LadderStep[];
};

const planRows = `
  SELECT v.id, p.key, v.version, v.version = p.current_version AS current, v.name,
    p.public AND NOT p.archived AND v.version = p.current_version AS offered,
    v.price_amount, v.price_currency, v.price_interval, v.features, v.pools, v.ladder
  FROM plan_version v JOIN plan p ON p.id = v.plan_id WHERE p.current_version IS NOT NULL`;

/** Every version of every plan: subscribers keep the one they bought. */
export async function loadPlans(pool: Queries): Promise<Plans> {
  const { rows } = await pool.query<PlanRow>(planRows);
  return plansOf(rows);
}

function plansOf(rows: PlanRow[]): Plans {
  const plans: Plans = { byVersion: new Map(), byKey: new Map() };
  for (const row of rows) {
    const plan = planOf(row);
    plans.byVersion.set(plan.versionId, plan);
    if (row.current) plans.byKey.set(plan.key, plan);
  }
  return plans;
}

function planOf(row: PlanRow): PlanFacts {
  const { price_amount: amount, price_currency: currency, price_interval: interval } = row;
  return {
    versionId: row.id,
    key: row.key,
    version: row.version,
    name: row.name,
    price: amount !== null && currency && interval ? { amount, currency, interval } : null,
    features: row.features,
    pools: row.pools,
    ladder: row.ladder,
    offered: row.offered,
  };
}

export type Rules = {
  policies: RoutePolicy[];
  defaultAccess: Exclude<Access, 'feature'>;
  defaultPlan: string | null;
  /** How late usage may still be recorded. */
  usageLateMs: number;
  /** Which share of decisions is kept. */
  decisionShares: DecisionShares;
};

/** From 0 (none) to 1 (each). */
export type DecisionShares = { allowed: number; denied: number };

type PolicyRow = ConfiguredRoutePolicy & { id: string };

type RuleRow = {
  default_access: Rules['defaultAccess'];
  default_plan: string | null;
  usage_late_seconds: number;
  decision_share_allowed: number;
  decision_share_denied: number;
  policies: PolicyRow[];
};

const ruleColumns = `default_access, default_plan, usage_late_seconds, decision_share_allowed, decision_share_denied,
  coalesce((SELECT json_agg(p) FROM route_policy p), '[]') AS policies`;

/** The route policies and the settings, as of one instant. */
export async function loadRules(pool: Queries): Promise<Rules> {
  const { rows } = await pool.query<RuleRow>(`SELECT ${ruleColumns} FROM setting`);
  return rulesOf(rows[0]);
}

/** The same with the plans, of the very same instant: what is applied together is never seen in part. */
export async function loadRulesAndPlans(pool: Queries): Promise<{ rules: Rules; plans: Plans }> {
  const { rows } = await pool.query<RuleRow & { plans: PlanRow[] }>(
    `SELECT ${ruleColumns}, coalesce((SELECT json_agg(v) FROM (${planRows}) v), '[]') AS plans FROM setting`,
  );
  return { rules: rulesOf(rows[0]), plans: plansOf(rows[0]!.plans) };
}

function rulesOf(setting: RuleRow | undefined): Rules {
  if (!setting) throw new Error('the setting row is missing');
  return {
    policies: setting.policies.map((row) => ({
      id: row.id,
      method: row.method,
      path: row.path,
      access: row.access,
      feature: row.feature,
      cost: row.cost,
      readOnly: row.read_only,
      whenDown: row.when_down,
      maxStaleMs: row.max_stale_seconds * 1000,
    })),
    defaultAccess: setting.default_access,
    defaultPlan: setting.default_plan,
    usageLateMs: setting.usage_late_seconds * 1000,
    decisionShares: {
      allowed: setting.decision_share_allowed,
      denied: setting.decision_share_denied,
    },
  };
}
