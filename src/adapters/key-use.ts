// Writes down when keys were last used. Announces nothing: no decision depends on it.
import type pg from 'pg';

/** Uses of keys by id, in milliseconds since 1970. The latest one stays; one within `graceMs` of it is not written. */
export async function writeKeyUses(
  pool: pg.Pool,
  uses: [id: string, atMs: number][],
  graceMs = 0,
): Promise<void> {
  await pool.query(
    `UPDATE api_key k SET last_used_at = u.at
     FROM (SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS t (id, at) ORDER BY id) u
     WHERE k.id = u.id AND (k.last_used_at IS NULL OR u.at > k.last_used_at + $3 * interval '1 millisecond')`,
    [uses.map(([id]) => id), uses.map(([, at]) => new Date(at).toISOString()), graceMs],
  );
}
