// What customers have used of the limits they stand on now. Reads the counters, counts nothing.
import { loadByCustomer, loadPlans, loadRules } from '../adapters/facts.ts';
import type { Context } from '../context.ts';
import { footingOf, limitsOf } from '../domain/entitlement.ts';
import type { CustomerFacts, LimitCheck } from '../domain/entitlement.ts';
import type { Caller } from './caller.ts';
import { customerFilter } from './customer.ts';
import { afterCursor, pageArguments, toPage } from './page.ts';
import type { Page } from './page.ts';

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
    const features = footing.plan?.features ?? [];
    const limits = features.flatMap(
      ({ feature }) => limitsOf(feature, customer, footing, now) ?? [],
    );
    data.push(...(await withUsed(ctx, customer, limits)));
  }
  return { data, next_cursor };
}

async function withUsed(ctx: Context, customer: CustomerFacts, limits: LimitCheck[]) {
  const used = await readUsed(ctx, customer.id, limits);
  return limits.map((limit, index) => ({
    customer_id: customer.id,
    feature: limit.feature,
    window: limit.window,
    max: limit.max,
    used: used[index]!,
    remaining: Math.max(limit.max - used[index]!, 0),
    window_start: new Date(limit.start).toISOString(),
    resets_at: new Date(limit.end).toISOString(),
  }));
}

/** Units used in each limit's window, in the order given; a window nobody counted in has none. */
export async function readUsed(
  ctx: Pick<Context, 'pool'>,
  customerId: string,
  limits: LimitCheck[],
): Promise<number[]> {
  if (limits.length === 0) return [];
  const { rows } = await ctx.pool.query<{ used: number }>(
    `SELECT coalesce(u.used, 0) AS used
     FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS l (feature, kind, start, n)
     LEFT JOIN usage_counter u ON (u.customer_id, u.feature, u."window", u.window_start) = ($1, l.feature, l.kind, l.start)
     ORDER BY l.n`,
    [
      customerId,
      limits.map((limit) => limit.feature),
      limits.map((limit) => limit.window),
      limits.map((limit) => new Date(limit.start)),
    ],
  );
  return rows.map((row) => row.used);
}
