// What has been used and held, and the ways to change it: each one call of a function in PostgreSQL, which is
// where all counting happens. Decides nothing.
import type pg from 'pg';
import type { LimitCheck, Spend } from '../domain/limit.ts';
import type { Queries } from './postgres.ts';
import { countArguments, spendCounter } from './usage-arguments.ts';
import type { CountRequest } from './usage-arguments.ts';

/** Units of one limit in its window. Held ones are not used, but not free either. */
export type Count = { used: number; held: number };

/** The counts of each limit, in the order given; what has expired by `nowMs` is not held. */
export async function readCounts(
  pool: Queries,
  customerId: string,
  limits: LimitCheck[],
  nowMs: number,
): Promise<Count[]> {
  if (limits.length === 0) return [];
  const { rows } = await pool.query<Count>(
    `SELECT coalesce(u.used, 0) AS used, CASE WHEN u.held > 0 THEN u.held - coalesce((
         SELECT sum(h.units)::bigint FROM usage_hold h
         WHERE (h.customer_id, h.feature, h."window", h.window_start) = (u.customer_id, u.feature, u."window", u.window_start)
           AND NOT h.freed AND h.expires_at <= $5::timestamptz
       ), 0) ELSE 0 END AS held
     FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS l (feature, "window", start, n)
     LEFT JOIN usage_counter u
       ON (u.customer_id, u.feature, u."window", u.window_start) = ($1, l.feature, l."window", l.start)
     ORDER BY l.n`,
    [
      customerId,
      limits.map(({ counter }) => counter),
      limits.map(({ window }) => window),
      limits.map(({ start }) => new Date(start).toISOString()),
      new Date(nowMs).toISOString(),
    ],
  );
  return rows;
}

/** Whether what overage has cost a customer, or may cost, leaves nothing of its cap. */
export async function isSpendCapReached(
  pool: pg.Pool,
  customerId: string,
  { max, start }: Spend,
): Promise<boolean> {
  if (max === null) return false;
  const { rowCount } = await pool.query(
    `SELECT FROM usage_counter WHERE customer_id = $1 AND feature = '${spendCounter}'
       AND "window" = 'billing_period' AND window_start = $2::timestamptz AND used + held >= $3::bigint`,
    [customerId, instant(start), max],
  );
  return rowCount !== 0;
}

/** What overage has cost or may cost in the billing period that began at `start`, in billionths of a minor unit. */
export async function readSpent(pool: pg.Pool, customerId: string, start: number): Promise<bigint> {
  const { rows } = await pool.query<{ spent: string }>(
    `SELECT (used + held)::text AS spent FROM usage_counter WHERE customer_id = $1
       AND feature = '${spendCounter}' AND "window" = 'billing_period' AND window_start = $2::timestamptz`,
    [customerId, instant(start)],
  );
  return BigInt(rows[0]?.spent ?? 0);
}

/** Features and pools that something was counted of in these months and billing periods, by name. */
export async function readCountedNames(
  pool: pg.Pool,
  customerId: string,
  starts: { month: number; billing_period: number },
): Promise<string[]> {
  const { rows } = await pool.query<{ feature: string }>(
    `SELECT DISTINCT feature FROM usage_counter
     WHERE customer_id = $1 AND (used > 0 OR held > 0) AND feature ~ '^[a-z0-9_-]+$'
       AND ("window" = 'month' AND window_start = $2::timestamptz OR "window" = 'billing_period' AND window_start = $3::timestamptz)
     ORDER BY feature`,
    [customerId, instant(starts.month), instant(starts.billing_period)],
  );
  return rows.map(({ feature }) => feature);
}

/** For each customer, the billing periods since `sinceMs` that something was counted in, by their start. */
export async function readCountedPeriods(
  pool: pg.Pool,
  customerIds: string[],
  sinceMs: number,
): Promise<Map<string, number[]>> {
  const { rows } = await pool.query<{ customer_id: string; start: number }>(
    `SELECT DISTINCT customer_id, ms(window_start) AS start FROM usage_counter
     WHERE customer_id = ANY ($1) AND "window" = 'billing_period' AND window_start >= $2::timestamptz`,
    [customerIds, instant(sinceMs)],
  );
  const periods = new Map<string, number[]>();
  for (const { customer_id, start } of rows) {
    periods.set(customer_id, [...(periods.get(customer_id) ?? []), start]);
  }
  return periods;
}

export type UsageRecord = CountRequest & { id: string; feature: string; atMs: number };
/** `isNew` false: the id was recorded before, and this is what with. */
export type Recorded = { isNew: boolean; feature: string; units: number; at: Date };

/** Records all of them in one transaction; no id may be there twice for one customer. */
export async function recordUsage(
  pool: pg.Pool,
  records: UsageRecord[],
  nowMs: number,
): Promise<Recorded[]> {
  const { row, check, soft } = countArguments(records);
  const { rows } = await pool.query<Recorded>(
    `SELECT r.is_new AS "isNew", r.feature, r.units, r.at FROM (
       SELECT (record_usage($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[],
         $8::text[], $9::timestamptz[], $10::int[], $11::int[], $12::bigint[], $13::timestamptz, $14::bigint[],
         $15::numeric[], $16::int[])).*
     ) f, unnest(f.is_new, f.first_feature, f.first_units, f.first_at) WITH ORDINALITY AS r (is_new, feature, units, at, n)
     ORDER BY r.n`,
    [
      records.map(({ customerId }) => customerId),
      records.map(({ id }) => id),
      records.map(({ feature }) => feature),
      records.map(({ units }) => units),
      records.map(({ atMs }) => instant(atMs)),
      ...Object.values(row),
      check.request,
      check.row,
      check.units,
      instant(nowMs),
      soft.included,
      soft.price,
      soft.spendRow,
    ],
  );
  return rows;
}

/** Which of these ids of customers are recorded already. */
export async function findRecorded(
  pool: pg.Pool,
  records: { customerId: string; id: string }[],
): Promise<Set<string>> {
  const { rows } = await pool.query<{ key: string }>(
    `SELECT customer_id || ' ' || id AS key FROM usage_record
     WHERE (customer_id, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    [records.map(({ customerId }) => customerId), records.map(({ id }) => id)],
  );
  return new Set(rows.map(({ key }) => key));
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
