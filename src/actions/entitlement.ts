// What a customer may use right now, as data: the same decision as the check, for every feature of the plan.
// Reads PostgreSQL, not the caches; counts nothing.
import { loadByCustomer } from '../adapters/facts.ts';
import { loadRulesAndPlans } from '../adapters/rules.ts';
import { isSpendCapReached, readCounts } from '../adapters/usage.ts';
import type { Count } from '../adapters/usage.ts';
import type { Context } from '../context.ts';
import type { DenialCode } from '../domain/denial.ts';
import type { CustomerFacts, Footing } from '../domain/entitlement.ts';
import { footingOf, limitsOf } from '../domain/entitlement.ts';
import { notFound } from '../domain/error.ts';
import type { LimitCheck } from '../domain/limit.ts';
import { exceededCode } from '../domain/limit.ts';
import { holds } from '../domain/override.ts';
import type { Caller } from './caller.ts';
import { assertOwner } from './caller.ts';
import { remainingOf } from './usage/usage.ts';

export type EntitlementView = {
  feature: string;
  allowed: boolean;
  code: DenialCode | null;
  /** What an operator has granted besides the plan, while it holds. */
  override: { limit: number | null; extra: number | null; expires_at: string | null } | null;
  limits: {
    window: string;
    /** The pool that this is a limit of; null: the feature's own. */
    pool: string | null;
    max: number;
    used: number;
    held: number;
    remaining: number;
    resets_at: string;
  }[];
};

export type EntitlementsView = {
  customer_id: string;
  plan: string | null;
  status: string | null;
  /** As the check's access, or `deny` where nothing of a plan can be used. */
  access: 'full' | 'warn' | 'read_only' | 'deny';
  code: DenialCode | null;
  entitlements: EntitlementView[];
  data_as_of: string;
};

/** All features of the plan that serves. 404 unless it is the caller's own or the caller is an operator. */
export async function getEntitlements(
  ctx: Context,
  caller: Caller,
  customerId: string,
): Promise<EntitlementsView> {
  assertOwner(caller, customerId);
  const asOf = new Date();
  const { customer, footing, now } = await loadFooting(ctx, customerId);
  const features = footing.plan?.features ?? [];
  const limits = features.map(({ feature }) => limitsOf(feature, customer, footing, now) ?? []);
  const counts = await readCounts(ctx.pool, customerId, limits.flat(), now);
  const spend = limits.flat().find((limit) => limit.spend)?.spend;
  const isSpent = spend ? await isSpendCapReached(ctx.pool, customerId, spend) : false;
  const code = customer.blocked ? 'customer_blocked' : footing.code;
  return {
    customer_id: customerId,
    plan: footing.plan?.key ?? null,
    status: footing.subscription?.status ?? null,
    access: code === null ? (footing.grade ?? 'deny') : 'deny',
    code,
    entitlements: features.map(({ feature }, index) => ({
      ...describe(feature, limits[index]!, counts.splice(0, limits[index]!.length), {
        code,
        isSpent,
      }),
      override: overrideOf(customer, feature, now),
    })),
    data_as_of: asOf.toISOString(),
  };
}

/** What the customer stands on now; `not_found` where there is no such customer. */
export async function loadFooting(
  ctx: Context,
  customerId: string,
): Promise<{ customer: CustomerFacts; footing: Footing; now: number }> {
  const [customer, { rules, plans }] = await Promise.all([
    loadByCustomer(ctx.pool, customerId),
    loadRulesAndPlans(ctx.pool),
  ]);
  if (!customer) throw notFound();
  const now = ctx.clock.nowMs();
  return { customer, footing: footingOf(customer, plans, rules.defaultPlan, now), now };
}

function overrideOf({ overrides }: CustomerFacts, feature: string, now: number) {
  const found = overrides.find((one) => one.feature === feature && holds(one, now));
  if (!found) return null;
  const { limit, extra, expiresAt } = found;
  return {
    limit,
    extra,
    expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  };
}

function describe(
  feature: string,
  limits: LimitCheck[],
  counts: Count[],
  denied: { code: DenialCode | null; isSpent: boolean },
): Omit<EntitlementView, 'override'> {
  const full = limits.find(({ ceiling, weight, max, spend }, index) => {
    const needed = counts[index]!.used + counts[index]!.held + weight;
    if (spend && denied.isSpent && needed > max) return true;
    return ceiling !== null && needed > ceiling;
  });
  const code = denied.code ?? (full ? exceededCode(full) : null);
  return {
    feature,
    allowed: code === null,
    code,
    limits: limits.map((limit, index) => ({
      window: limit.window,
      pool: limit.scope === 'pool' ? limit.feature : null,
      max: limit.max,
      ...counts[index]!,
      remaining: remainingOf(limit, counts[index]!),
      resets_at: new Date(limit.end).toISOString(),
    })),
  };
}
