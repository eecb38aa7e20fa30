// Reads what is used of limits, in one statement. Counts nothing; only count_usage does.
import type pg from 'pg';
import type { LimitCheck } from '../domain/entitlement.ts';

/** Units used in each limit's window, in the order given; 0 where nothing was counted yet. */
export async function readUsed(
  pool: pg.Pool,
  customerId: string,
  limits: LimitCheck[],
): Promise<number[]> {
  if (limits.length === 0) return [];
  const { rows } = await pool.query<{ used: number }>(
    `SELECT coalesce(u.used, 0) AS used
     FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS l (feature, "window", start, n)
     LEFT JOIN usage_counter u
       ON (u.customer_id, u.feature, u."window", u.window_start) = ($1, l.feature, l."window", l.start)
     ORDER BY l.n`,
    [
      customerId,
      limits.map(({ feature }) => feature),
      limits.map(({ window }) => window),
      limits.map(({ start }) => new Date(start).toISOString()),
    ],
  );
  return rows.map(({ used }) => used);
}
