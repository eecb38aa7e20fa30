// Remembers how each job did last: one row per job, overwritten by each run. Decides nothing about jobs.
import type { Context } from '../context.ts';

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
    `INSERT INTO job_run AS run (name, started_at, finished_at, result, error, runs, failures)
     VALUES ($1, $2, $3, $4, $5, 1, $6)
     ON CONFLICT (name) DO UPDATE SET started_at = $2, finished_at = $3, result = $4, error = $5,
       runs = run.runs + 1, failures = run.failures + $6`,
    [name, startedAt, ctx.now(), result, error, error === null ? 0 : 1],
  );
}

/** The kind of error and its code: messages may quote data. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}`;
}
