// Remembers how each job did last: one row per job, overwritten by each run, and the tick it ran for, so that each
// tick has one run. Decides nothing about jobs.
import type { Context } from '../context.ts';
import { intervalOf } from '../domain/job.ts';
import type { Tick } from '../domain/job.ts';

/**
 * Whether a scheduled run is to happen: the first message of its interval says so, whichever worker has it, and that
 * message again where the worker died. An instant far ahead is one of a machine whose clock was wrong.
 */
export async function claimTick(
  ctx: Context,
  { name, every, tick }: { name: string; every: number; tick: Tick },
): Promise<boolean> {
  const { rowCount } = await ctx.pool.query(
    `INSERT INTO job_run AS run (name, tick_at, run_id, next_run_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET tick_at = $2, run_id = $3, next_run_at = $4
     WHERE run.tick_at IS NULL OR run.tick_at < $2 OR (run.tick_at = $2 AND run.run_id = $3)
       OR run.tick_at > clock_timestamp() + interval '1 hour'`,
    [name, intervalOf(tick, every), tick.id, new Date(tick.at + every)],
  );
  return rowCount === 1;
}

/** Runs `work`, records when and how it went, and hands its error on. */
export async function recordRun(
  ctx: Context,
  name: string,
  work: () => Promise<Record<string, number>>,
): Promise<void> {
  const startedAt = ctx.now();
  try {
    const result = await work();
    await save(ctx, name, startedAt, result, null);
  } catch (error) {
    ctx.log.error({ err: error, job: name }, 'job failed');
    await save(ctx, name, startedAt, null, nameOf(error));
    throw error;
  }
}

async function save(
  ctx: Context,
  name: string,
  startedAt: Date,
  result: Record<string, number> | null,
  error: string | null,
): Promise<void> {
  await ctx.pool.query(
    `INSERT INTO job_run AS run (name, started_at, finished_at, result, error, runs, failures, attempts)
     VALUES ($1, $2, $3, $4, $5, 1, $6::int, $6::int)
     ON CONFLICT (name) DO UPDATE SET started_at = $2, finished_at = $3, result = $4, error = $5,
       runs = run.runs + 1, failures = run.failures + $6::int,
       attempts = CASE WHEN $6::int = 0 THEN 0 ELSE run.attempts + 1 END`,
    [name, startedAt, ctx.now(), result, error, error === null ? 0 : 1],
  );
}

/** The kind of error and its code: messages may quote data. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}`;
}
