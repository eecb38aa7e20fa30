// Customers who have used four fifths or more of a limit of their plan, in the window that holds now. Found by what the
// usage alerts saw last (within a minute), then looked at as it is. Reads only. Minutes, hours and caps of keys are
// left out, as there.
import { loadByCustomers } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import type { Context } from '../../context.ts';
import { footingOf } from '../../domain/entitlement.ts';
import type { LimitCheck } from '../../domain/limit.ts';
import { alertLimits } from '../usage/alert.ts';

const foundMax = 200;
const shownMax = 100;
/** The index has the same words. */
const isNear = 'max > 0 AND seen * 5 >= max * 4';
const nearShare = 0.8;

type Found = { customer_id: string; feature: string; window: string };
type Near = { customerId: string; plan: string; limit: LimitCheck };

/** The nearest first. */
export async function listNearLimits(ctx: Context) {
  const now = ctx.now();
  const { rows } = await ctx.pool.query<Found>(
    `SELECT customer_id, feature, "window" FROM usage_alert WHERE ${isNear}
       AND window_start > $1::timestamptz - CASE "window" WHEN 'day' THEN interval '50 hours'
         WHEN 'month' THEN interval '33 days' ELSE interval '367 days' END
     ORDER BY seen::float8 / max DESC, customer_id LIMIT ${foundMax}`,
    [now],
  );
  const near = await findLimits(ctx, rows, now.getTime());
  const used = await readUsed(ctx, near);
  return near
    .map(({ customerId, plan, limit }, at) => ({
      customer_id: customerId,
      plan,
      feature: limit.feature,
      scope: limit.scope,
      window: limit.window,
      max: limit.max,
      used: used[at]!,
      share: used[at]! / limit.max,
      resets_at: new Date(limit.end).toISOString(),
    }))
    .filter(({ share }) => share >= nearShare)
    .sort((a, b) => b.share - a.share)
    .slice(0, shownMax);
}

/** The limits that hold now where something was seen: plans change, and so do customers. */
async function findLimits(ctx: Context, found: Found[], now: number): Promise<Near[]> {
  if (found.length === 0) return [];
  const ids = [...new Set(found.map(({ customer_id }) => customer_id))];
  const [customers, plans, { defaultPlan }] = await Promise.all([
    loadByCustomers(ctx.pool, ids),
    loadPlans(ctx.pool),
    loadRules(ctx.pool),
  ]);
  return [...customers.values()].flatMap((customer) => {
    const footing = footingOf(customer, plans, defaultPlan, now);
    const seen = found.filter(({ customer_id }) => customer_id === customer.id);
    return alertLimits(customer, footing, now)
      .filter((limit) => limit.max > 0 && seen.some((one) => isOf(one, limit)))
      .map((limit) => ({ customerId: customer.id, plan: footing.plan!.key, limit }));
  });
}

function isOf({ feature, window }: Found, limit: LimitCheck): boolean {
  return feature === limit.counter && window === limit.window;
}

/** In the order given; what is held is not used. */
async function readUsed(ctx: Context, near: Near[]): Promise<number[]> {
  const { rows } = await ctx.pool.query<{ used: number }>(
    `SELECT coalesce(u.used, 0) AS used
     FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS l (customer_id, feature, "window", start, n)
     LEFT JOIN usage_counter u
       ON (u.customer_id, u.feature, u."window", u.window_start) = (l.customer_id, l.feature, l."window", l.start)
     ORDER BY l.n`,
    [
      near.map(({ customerId }) => customerId),
      near.map(({ limit }) => limit.counter),
      near.map(({ limit }) => limit.window),
      near.map(({ limit }) => new Date(limit.start).toISOString()),
    ],
  );
  return rows.map(({ used }) => used);
}
