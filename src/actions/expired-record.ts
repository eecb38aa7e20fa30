// Rows that only matter for a while: which, and for how long. Deleted in bounded batches, so that no statement holds
// locks for long. All in machine time, the database's, but for windows of usage, which are of business time.
import type { Context } from '../context.ts';
import type { DueRows } from '../domain/job.ts';
import { settleDue } from './job-due.ts';

const batchSize = 1_000;

/** Some tables have no id of one column: a row is named by where it lies. */
type ExpiredRows = DueRows & { table: string };
const expired = (table: string, at: string, when: string): ExpiredRows => ({
  table,
  kind: `old_${table}`,
  due: `SELECT e.ctid::text AS id, e.${at} AS due_at FROM "${table}" e WHERE ${when}`,
});

const machineNow = 'clock_timestamp()';
const setting = (column: string, unit: string) =>
  `(SELECT ${column} * interval '1 ${unit}' FROM setting)`;
const usageLate = setting('usage_late_seconds', 'second');
const usageKept = setting('usage_retention_days', 'day');
const countsKept = setting('decision_count_retention_days', 'day');
const eventsKept = setting('event_retention_days', 'day');

export const expiredSessions = [
  expired('customer_session', 'expires_at', `e.expires_at < ${machineNow}`),
];

/** 24 hours, as promised to whoever repeats a request. */
export const expiredIdempotencyRecords = [
  expired('idempotency_record', 'created_at', `e.created_at < ${machineNow} - interval '24 hours' AND e.lease_until < ${machineNow}`),
]; // prettier-ignore

/** Left by processes that died; and attempts at rows that others have settled since: one that still fails is tried hourly. */
export const expiredLeases = [
  expired('lease', 'until', `e.until < ${machineNow} - interval '1 hour'`),
  expired('job_attempt', 'updated_at', `e.updated_at < ${machineNow} - interval '1 day'`),
];

export const expiredUsage = [
  // An id must not be forgotten while usage of its time may still come.
  expired('usage_record', 'recorded_at', `e.recorded_at < ${machineNow} - interval '25 hours' - ${usageLate}`),
  expired('usage_reservation', 'ended_at', `e.ended_at < ${machineNow} - interval '30 days'`),
  expired('journaled_usage', 'counted_at', `e.counted_at < ${machineNow} - interval '7 days'`),
  // Nor a counter before what is beyond its limit is accounted; two hours are more than a window and a run.
  expired('usage_counter', 'window_start', `e.held = 0
    AND e.window_start < (SELECT accounted_until - interval '2 hours' FROM overage_progress) AND $1 - e.window_start > ${usageLate} + CASE
    WHEN e."window" IN ('minute', 'hour') THEN interval '2 days' ELSE ${usageKept} END`),
  // After their counters: what is forgotten earlier would be charged again.
  expired('overage_window', 'window_start', `NOT EXISTS (SELECT FROM usage_counter u
    WHERE (u.customer_id, u.feature, u."window", u.window_start) = (e.customer_id, e.feature, e."window", e.window_start))`),
]; // prettier-ignore

/** Stripe's that are dealt with, and ours with what was sent of them. */
export const expiredEvents = [
  expired('stripe_event', 'received_at', `e.received_at < ${machineNow} - ${eventsKept} AND (e.processed_at IS NOT NULL OR e.object_id = '')`),
  expired('event', 'created_at', `e.created_at < ${machineNow} - ${eventsKept}`),
  expired('notice', 'created_at', `e.created_at < ${machineNow} - ${eventsKept} AND e.state <> 'pending'`),
]; // prettier-ignore

/** By business time, which their instants are of. Minutes are for looking at what happens now. */
export const expiredDecisions = [
  expired('decision', 'at', `e.at < $1 - ${setting('decision_retention_days', 'day')}`),
  expired('decision_count', 'start', `e.start < $1 - CASE e.width WHEN 'minute' THEN interval '2 days' ELSE ${countsKept} END`),
  expired('payment_demand', 'hour', `e.hour < $1 - ${countsKept}`),
  // Longer than a batch of counts is tried.
  expired('decision_writer', 'written_at', `e.written_at < ${machineNow} - interval '7 days'`),
]; // prettier-ignore

/** Returns how many rows of each table went. */
export async function deleteExpired(
  ctx: Context,
  tables: ExpiredRows[],
): Promise<Record<string, number>> {
  const deleted: Record<string, number> = {};
  let failed = 0;
  for (const rows of tables) {
    const count = await settleDue(
      ctx,
      rows,
      (tx, { ids }) =>
        tx.$executeRawUnsafe(
          `DELETE FROM "${rows.table}" WHERE ctid = ANY ($1::text[]::tid[])`,
          ids,
        ),
      { batchSize },
    );
    deleted[rows.table] = count.settled;
    failed += count.failed;
  }
  return { ...deleted, failed };
}
