// Brings the instruments that no single process can know up to date, from PostgreSQL: what jobs did on any
// worker, and how far behind the events are. Changes nothing but gauges.
import {
  driftFound,
  driftRepaired,
  jobRuns,
  webhookBacklog,
  webhookOldestSeconds,
} from '../adapters/metrics.ts';
import type { Context } from '../context.ts';

type Row = {
  jobs: { name: string; runs: number; failures: number }[];
  drift: { why: string; found: number; repaired: number }[];
  waiting: number;
  oldest: number;
};

/** Best effort: where PostgreSQL is away, the last known values stay and the scrape still answers. */
export async function refreshSharedMetrics(ctx: Context): Promise<void> {
  try {
    const { rows } = await ctx.pool.query<Row>(
      `SELECT (SELECT coalesce(json_agg(j), '[]') FROM (SELECT name, runs, failures FROM job_run) j) AS jobs,
         (SELECT coalesce(json_agg(d), '[]') FROM (
            SELECT why, count(*) AS found, count(*) FILTER (WHERE done = 'repaired') AS repaired
            FROM reconciliation_difference WHERE done <> 'nothing' GROUP BY why) d) AS drift,
         count(*) AS waiting,
         coalesce(extract(epoch FROM $1::timestamptz - min(received_at)), 0)::float8 AS oldest
       FROM stripe_event WHERE processed_at IS NULL AND object_id <> ''`,
      [ctx.now()],
    );
    const { jobs, drift, waiting, oldest } = rows[0]!;
    jobRuns.reset();
    for (const { name: job, runs, failures } of jobs) {
      jobRuns.inc({ job, result: 'done' }, runs - failures);
      jobRuns.inc({ job, result: 'failed' }, failures);
    }
    driftFound.reset();
    driftRepaired.reset();
    for (const { why, found, repaired } of drift) {
      driftFound.inc({ why }, found);
      driftRepaired.inc({ why }, repaired);
    }
    webhookBacklog.set(waiting);
    webhookOldestSeconds.set(Math.max(0, oldest));
  } catch (error) {
    ctx.log.warn({ err: error }, 'shared metrics not refreshed');
  }
}
