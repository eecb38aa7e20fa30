// A long backlog of rows that are due, made in one statement each, and what settling them must have come to: each
// effect once.
import type pg from 'pg';

/** Customers with a key whose time is over and a free subscription whose end has come. Returns how many rows are due. */
export async function makeBacklog(pool: pg.Pool, customers: number): Promise<number> {
  await pool.query(
    `INSERT INTO customer (id, external_id, created_at)
     SELECT 'cus_' || n, n, now() FROM generate_series(1, $1::int) n`,
    [customers],
  );
  await pool.query(
    `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, expires_at, created_at)
     SELECT 'key_' || n, 'cus_' || n, int4send(n), 'tg_test_', 'abcd', '{call}', now(), now()
     FROM generate_series(1, $1::int) n`,
    [customers],
  );
  await pool.query(
    `INSERT INTO plan (id, key, current_version, created_at) VALUES ('plan_free', 'free', 1, now()) ON CONFLICT DO NOTHING`,
  );
  await pool.query(
    `INSERT INTO plan_version (id, plan_id, version, name, features, ladder, created_at)
     VALUES ('pv_free', 'plan_free', 1, 'Free', '[]', '[]', now()) ON CONFLICT DO NOTHING`,
  );
  await pool.query(
    `INSERT INTO subscription (id, customer_id, plan_version_id, status, anchor, cancel_at, started_at, created_at)
     SELECT 'sub_' || n, 'cus_' || n, 'pv_free', 'active', now() - interval '1 day', now(), now(), now()
     FROM generate_series(1, $1::int) n`,
    [customers],
  );
  return 2 * customers;
}

export async function countSettled(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ settled: number }>(
    `SELECT (SELECT count(*) FROM api_key WHERE expired_at IS NOT NULL)
       + (SELECT count(*) FROM subscription WHERE ended_at IS NOT NULL) AS settled`,
  );
  return rows[0]!.settled;
}

/** Rows whose effects did not happen exactly once, by what is wrong with them; empty where all is well. */
export async function findWrongEffects(pool: pg.Pool): Promise<unknown[]> {
  const { rows } = await pool.query(
    `WITH due AS (
       SELECT id, customer_id, 'api_key.expire' AS action, 'key.expired' AS type, id AS named FROM api_key
       UNION ALL SELECT id, customer_id, 'subscription.end', 'subscription.canceled', id FROM subscription
     )
     SELECT due.id, (SELECT count(*) FROM audit_entry a WHERE a.object_id = due.id AND a.action = due.action) AS audits,
       (SELECT count(*) FROM event e WHERE e.customer_id = due.customer_id AND e.type = due.type) AS events
     FROM due
     WHERE (SELECT count(*) FROM audit_entry a WHERE a.object_id = due.id AND a.action = due.action) <> 1
       OR (SELECT count(*) FROM event e WHERE e.customer_id = due.customer_id AND e.type = due.type) <> 1
     LIMIT 20`,
  );
  const { rows: gaps } = await pool.query(
    `SELECT customer_id, count(*) AS events, max(sequence) AS last FROM event GROUP BY 1 HAVING count(*) <> max(sequence)`,
  );
  return [...rows, ...gaps];
}
