// How many of those who were told to pay (402) did so within a day. A payment is an invoice of theirs that became
// paid, by more than nothing, as the event payment.succeeded tells it; what Stripe never hears of is none.
import type { Context } from '../../context.ts';
import type { Range } from './range.ts';

const customersMax = 100_000;

type Row = { customers: number; paid: number; waiting: number; median: number | null };

/** Each customer once, from its first 402 in the span (to the hour) on; `waiting`: unpaid, and the day is not over. */
export async function countPayments(ctx: Context, { since, until }: Range) {
  const { rows } = await ctx.pool.query<Row>(
    `SELECT count(*)::int AS customers, count(paid_at)::int AS paid,
       (count(*) FILTER (WHERE paid_at IS NULL AND first_at > $3::timestamptz - interval '24 hours'))::int AS waiting,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM paid_at - first_at))::float8 AS median
     FROM (SELECT customer_id, min(first_at) AS first_at FROM payment_demand
         WHERE hour >= date_trunc('hour', $1::timestamptz, 'UTC') AND hour < $2
         GROUP BY customer_id ORDER BY 2 DESC LIMIT ${customersMax}) d
     LEFT JOIN LATERAL (SELECT min(at) AS paid_at FROM event e
         WHERE e.customer_id = d.customer_id AND e.type = 'payment.succeeded'
           AND e.at >= d.first_at AND e.at < d.first_at + interval '24 hours') p ON true`,
    [since, until, ctx.now()],
  );
  const { customers, paid, waiting, median } = rows[0]!;
  const settled = customers - waiting;
  return {
    ...{ customers, paid, waiting },
    share: settled === 0 ? null : paid / settled,
    median_seconds: median === null ? null : Math.round(median),
  };
}
