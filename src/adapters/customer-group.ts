// Customers by what they stand on, counted in the database: all of one group get the same answers from the check, but
// for how much they have used; and those who have used much. Bounded in groups and customers. Decides nothing.
import type { Queries } from './postgres.ts';

export const groupsMax = 2_000;
export const groupIdsMax = 100;

export type CustomerGroup = {
  customers: number;
  /** The first of them. */
  ids: string[];
  /** Whether some payment is late, collection paused, a charge disputed or given back. */
  past_due: boolean;
  paused: boolean;
  disputed: boolean;
  refunded: boolean;
};

/** Every fact of a subscription that the decision looks at, as far as it matters at the instant $1. */
const standing = `
  (plan_version_id, status, stripe_subscription_id IS NOT NULL, collection_paused, paused_at_trial_end, disputed,
   refunded_until > $1::timestamptz, cancel_at <= $1::timestamptz, trial_end <= $1::timestamptz,
   trial_end + interval '24 hours' <= $1::timestamptz, current_period_end <= $1::timestamptz,
   current_period_end + interval '24 hours' <= $1::timestamptz,
   CASE WHEN pending_effective_at <= $1::timestamptz THEN pending_plan_version_id END,
   floor(extract(epoch FROM $1::timestamptz - past_due_since) / 3600))::text`;

/** The largest groups first, and all there are where they are no more than `groupsMax`. */
export async function loadCustomerGroups(
  queries: Queries,
  now: Date,
): Promise<{ groups: CustomerGroup[]; isComplete: boolean }> {
  const { rows } = await queries.query<CustomerGroup>(
    `WITH live AS (
       SELECT customer_id, string_agg(${standing}, ';' ORDER BY started_at, id) AS state,
         bool_or(status = 'past_due') AS past_due, bool_or(collection_paused) AS paused,
         bool_or(disputed) AS disputed, coalesce(bool_or(refunded_until > $1::timestamptz), false) AS refunded
       FROM subscription WHERE status NOT IN ('canceled', 'incomplete_expired') GROUP BY customer_id
     ), granted AS (
       SELECT customer_id, string_agg((feature, "limit", extra)::text, ';' ORDER BY feature) AS state
       FROM override WHERE expires_at IS NULL OR expires_at > $1::timestamptz GROUP BY customer_id
     )
     SELECT count(*)::int AS customers, (array_agg(c.id ORDER BY c.id))[1:${groupIdsMax}] AS ids,
       coalesce(bool_or(l.past_due), false) AS past_due, coalesce(bool_or(l.paused), false) AS paused,
       coalesce(bool_or(l.disputed), false) AS disputed, coalesce(bool_or(l.refunded), false) AS refunded
     FROM customer c LEFT JOIN live l ON l.customer_id = c.id LEFT JOIN granted g ON g.customer_id = c.id
     WHERE c.deleted_at IS NULL
     GROUP BY c.blocked, l.state, g.state
     ORDER BY customers DESC, ids LIMIT ${groupsMax + 1}`,
    [now.toISOString()],
  );
  return { groups: rows.slice(0, groupsMax), isComplete: rows.length <= groupsMax };
}

/** Customers who have used and hold more than one of these in a window that may still be open; at most `max`. */
export async function findUsersAbove(
  queries: Queries,
  thresholds: { counter: string; window: string; above: number }[],
  { now, max }: { now: Date; max: number },
): Promise<string[]> {
  const { rows } = await queries.query<{ customer_id: string }>(
    `SELECT DISTINCT u.customer_id FROM usage_counter u
     JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS l (feature, "window", above)
       ON (u.feature, u."window") = (l.feature, l."window")
     WHERE u.used + u.held > l.above
       AND u.window_start > $4::timestamptz - CASE u."window" WHEN 'minute' THEN interval '1 minute'
         WHEN 'hour' THEN interval '1 hour' WHEN 'day' THEN interval '2 days' WHEN 'month' THEN interval '33 days'
         ELSE interval '370 days' END
     ORDER BY u.customer_id LIMIT $5`,
    [
      thresholds.map(({ counter }) => counter),
      thresholds.map(({ window }) => window),
      thresholds.map(({ above }) => above),
      now.toISOString(),
      max,
    ],
  );
  return rows.map(({ customer_id }) => customer_id);
}
