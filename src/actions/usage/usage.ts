// What customers have used of the limits they stand on now, and of what nothing limits. Reads the counters,
// counts nothing.
import { loadByCustomer, loadCappedKeys } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import { readCountedNames, readCounts } from '../../adapters/usage.ts';
import type { Context } from '../../context.ts';
import type { CustomerFacts, Footing } from '../../domain/entitlement.ts';
import { footingOf } from '../../domain/entitlement.ts';
import type { LimitCheck, Situation } from '../../domain/limit.ts';
import { capChecks, limitChecks, poolChecks, unlimitedChecks } from '../../domain/limit.ts';
import type { Caller } from '../caller.ts';
import { customerFilter } from '../customer/customer.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';

const cappedKeysMax = 100;

/** One row per limit of each customer's plan; an operator who names nobody pages through customers. */
export async function listUsage(
  ctx: Context,
  caller: Caller,
  { customer_id, ...page }: Page & { customer_id?: string | undefined },
) {
  const { customer_id: id } = customerFilter(caller, customer_id);
  const rows = await ctx.db.customer.findMany({
    // A second `id` would overwrite the first: named and paged together are an AND.
    where: { AND: [afterCursor(page), { deleted_at: null, ...(id ? { id } : {}) }] },
    select: { id: true },
    ...pageArguments(page),
  });
  const { data: ids, next_cursor } = toPage(rows, page, (row) => row.id);
  const [plans, rules] = await Promise.all([loadPlans(ctx.pool), loadRules(ctx.pool)]);
  const now = ctx.now().getTime();
  const data = [];
  for (const customerId of ids) {
    const customer = await loadByCustomer(ctx.pool, customerId);
    if (!customer) continue;
    const footing = footingOf(customer, plans, rules.defaultPlan, now);
    data.push(...(await usageOf(ctx, customer, footing, now)));
  }
  return { data, next_cursor };
}

/** Limits of features, then of pools, then what is counted without a limit, then caps of keys. */
async function usageOf(ctx: Context, customer: CustomerFacts, footing: Footing, now: number) {
  const situation: Situation = { customer, key: null, period: footing.period, now };
  const { features = [], pools = [] } = footing.plan ?? {};
  const limits = [
    ...features.flatMap((feature) => limitChecks(feature, [], situation)),
    ...pools.flatMap((pool) => poolChecks(pool, 1, situation)),
  ];
  const unlimited = await unlimitedOf(ctx, customer.id, limits, situation);
  const keys = await loadCappedKeys(ctx.pool, customer.id, { nowMs: now, max: cappedKeysMax });
  const capped = keys.flatMap((key) => capChecks(key, situation).map((cap) => ({ key, cap })));
  const all = [...limits, ...unlimited, ...capped.map(({ cap }) => cap)];
  const counts = await readCounts(ctx.pool, customer.id, all, now);
  return all.map((limit, index) => ({
    customer_id: customer.id,
    feature: limit.feature,
    scope: limit.scope,
    key_id: capped.find(({ cap }) => cap === limit)?.key.id ?? null,
    window: limit.window,
    max: unlimited.includes(limit) ? null : limit.max,
    ...counts[index]!,
    remaining: unlimited.includes(limit) ? null : remainingOf(limit, counts[index]!),
    window_start: new Date(limit.start).toISOString(),
    resets_at: new Date(limit.end).toISOString(),
  }));
}

/** What was counted of names that no limit of the plan shows. */
async function unlimitedOf(
  ctx: Context,
  customerId: string,
  limits: LimitCheck[],
  situation: Situation,
): Promise<LimitCheck[]> {
  const [month, period] = unlimitedChecks('any', situation);
  const starts = { month: month!.start, billing_period: period!.start };
  const names = await readCountedNames(ctx.pool, customerId, starts);
  const limited = new Set(limits.map(({ feature }) => feature));
  return names
    .filter((name) => !limited.has(name))
    .flatMap((name) => unlimitedChecks(name, situation));
}

/** What is neither used nor held. */
export function remainingOf(limit: LimitCheck, { used, held }: { used: number; held: number }) {
  return Math.max(limit.max - used - held, 0);
}
