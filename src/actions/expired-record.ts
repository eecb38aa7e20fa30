// Rows that only matter for a while: which, and for how long. Deletes in bounded batches, so that no statement
// holds locks for long; what is left over is for the next run.
import type { Context } from '../context.ts';

const batchSize = 1_000;
const batchesMax = 100;

const usageLate = `(SELECT usage_late_seconds * interval '1 second' FROM setting)`;
const businessNow = `(SELECT clock_timestamp() + offset_ms * interval '1 millisecond' FROM clock)`;

/** Machine time, the database's; windows are of business time. */
const expired = [
  { table: 'idempotency_record', id: 'id', when: `created_at < clock_timestamp() - interval '24 hours' AND lease_until < clock_timestamp()` },
  { table: 'customer_session', id: 'id', when: 'expires_at < clock_timestamp()' },
  { table: 'journaled_usage', id: 'id', when: `counted_at < clock_timestamp() - interval '7 days'` },
  // An id must not be forgotten while usage of its time may still come.
  { table: 'usage_record', id: 'ctid', when: `recorded_at < clock_timestamp() - interval '25 hours' - ${usageLate}` },
  { table: 'usage_reservation', id: 'id', when: `ended_at < clock_timestamp() - interval '30 days'` },
  { table: 'usage_counter', id: 'ctid', when: `"window" IN ('minute', 'hour') AND held = 0 AND window_start < ${businessNow} - interval '2 days' - ${usageLate}` },
  { table: 'lease', id: 'name', when: `until < clock_timestamp() - interval '1 hour'` },
]; // prettier-ignore

/** Returns how many rows of each table went. */
export async function deleteExpired(ctx: Context): Promise<Record<string, number>> {
  const deleted: Record<string, number> = {};
  for (const { table, id, when } of expired) {
    deleted[table] = 0;
    for (let batch = 0; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
      const { rowCount } = await ctx.pool.query(
        `DELETE FROM ${table} WHERE ${id} IN (SELECT ${id} FROM ${table} WHERE ${when} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
      );
      deleted[table] += rowCount ?? 0;
      if ((rowCount ?? 0) < batchSize) break;
    }
  }
  return deleted;
}
