// Writes what the check has decided, many at a time, and how many there were. Announces nothing: no decision depends
// on it. Each may be written again: what was there already stays as it is.
import type pg from 'pg';

/** By the names of the columns; instants as in RFC 3339. */
export type DecisionRow = {
  id: string;
  at: string;
  data_as_of: string;
  facts_age_ms: number;
  degraded: boolean;
  customer_id: string | null;
  api_key_id: string | null;
  plan: string | null;
  plan_version: number | null;
  subscription_id: string | null;
  method: string | null;
  path: string | null;
  route_policy_id: string | null;
  feature: string | null;
  cost: number;
  code: string | null;
  status: number;
  access: string | null;
  rule: string | null;
  limits: DecidedLimit[];
  explanation: object | null;
};

/** A limit that applied, and its units at that moment, this call's included where they were taken. */
export type DecidedLimit = {
  feature: string;
  scope: string;
  window: string;
  max: number;
  used: number | null;
  held: number | null;
  remaining: number | null;
  resets_at: string;
  /** Whether this one refused. */
  refused: boolean;
};

const columns = `id text, at timestamptz, data_as_of timestamptz, facts_age_ms int, degraded boolean, customer_id text,
  api_key_id text, plan text, plan_version int, subscription_id text, method text, path text, route_policy_id text,
  feature text, cost bigint, code text, status int, access text, rule text, limits jsonb, explanation jsonb`;
const names = columns.replaceAll(/ (?:text|timestamptz|int|boolean|bigint|jsonb)/g, '');

/**
 * Rows as JSON: a `DecisionRow` each. They travel as one value, since the driver would escape each of the columns of
 * each of the rows by itself.
 */
export async function writeDecisions(pool: pg.Pool, rows: string[]): Promise<void> {
  await pool.query({
    name: 'write-decisions',
    text: `INSERT INTO decision (${names}) SELECT ${names} FROM json_to_recordset($1::json) AS d (${columns})
      ON CONFLICT (id) DO NOTHING`,
    values: [`[${rows.join(',')}]`],
  });
}

/** Checks of a minute of business time, of which `dropped` were to be kept and were not. */
export type DecisionCount = {
  minute: string;
  route_policy_id: string;
  plan: string;
  code: string;
  checks: number;
  dropped: number;
};

/** Who was told to pay, and when first. */
export type PaymentDemand = { customer_id: string; first_at: string };

export type CountBatch = {
  /** The process, and which batch of its own this is: one that has been added is not added again. */
  writer: string;
  sequence: number;
  counts: DecisionCount[];
  demands: PaymentDemand[];
};

/** Adds the counts to those of other processes, rows in the order of their key: no two wait for each other. */
export async function addDecisionCounts(pool: pg.Pool, batch: CountBatch): Promise<void> {
  await pool.query({
    name: 'add-decision-counts',
    text: `WITH fresh AS (
        INSERT INTO decision_writer AS w (id, sequence, written_at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, written_at = excluded.written_at
          WHERE w.sequence < excluded.sequence RETURNING id),
      demanded AS (
        INSERT INTO payment_demand AS p (customer_id, hour, first_at)
        SELECT customer_id, date_trunc('hour', first_at, 'UTC'), min(first_at)
        FROM json_to_recordset($4::json) AS d (customer_id text, first_at timestamptz) GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (customer_id, hour) DO UPDATE SET first_at = excluded.first_at WHERE excluded.first_at < p.first_at)
      INSERT INTO decision_count AS c (width, start, route_policy_id, plan, code, checks, dropped)
      SELECT width, date_trunc(width, minute, 'UTC'), route_policy_id, plan, code, sum(checks), sum(dropped)
      FROM fresh, (VALUES ('minute'), ('hour')) AS w (width), json_to_recordset($3::json)
        AS g (minute timestamptz, route_policy_id text, plan text, code text, checks bigint, dropped bigint)
      GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
      ON CONFLICT (width, start, route_policy_id, plan, code)
        DO UPDATE SET checks = c.checks + excluded.checks, dropped = c.dropped + excluded.dropped`,
    values: [
      batch.writer,
      batch.sequence,
      JSON.stringify(batch.counts),
      JSON.stringify(batch.demands),
    ],
  });
}
