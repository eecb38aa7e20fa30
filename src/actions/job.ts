// What operators see of the jobs, all of it from PostgreSQL: how each did last, what waits for it, which rows it
// could not settle; and how one of these is tried again. Runs no job itself.
import { inTransaction } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { notFound } from '../domain/error.ts';
import { describeSchedule } from '../domain/job.ts';
import type { DueRows } from '../domain/job.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';
import type { Page } from './page.ts';
import { dueRows, notPutAside } from './job-attempt.ts';

type Run = {
  name: string;
  finished_at: Date | null;
  next_run_at: Date | null;
  result: Record<string, number> | null;
  error: string | null;
};
type Backlog = { name: string; backlog: number; oldest_due: Date | null };
type Failure = {
  id: string;
  job: string;
  kind: string;
  object_id: string;
  attempts: number;
  last_error: string | null;
  next_attempt_at: Date | null;
};

/** Every job of the table, in its order. `last_run` is business time, `next_run` machine time. */
export async function listJobs(ctx: Context) {
  const [runs, backlogs, queue] = await Promise.all([
    ctx.pool.query<Run>(
      'SELECT name, finished_at, next_run_at, result, error FROM job_run ORDER BY name',
    ),
    ctx.pool.query<Backlog>(...backlogQuery(ctx)),
    ctx.queue.describe(),
  ]);
  const data = ctx.jobs.map(({ name, every }) => {
    const run = runs.rows.find((row) => row.name === name);
    const waiting = backlogs.rows.find((row) => row.name === name);
    return {
      name,
      schedule: describeSchedule(every),
      last_run: run?.finished_at?.toISOString() ?? null,
      last_result: run?.error ? { error: run.error } : (run?.result ?? null),
      next_run: run?.next_run_at?.toISOString() ?? null,
      backlog: waiting?.backlog ?? 0,
      oldest_due: waiting?.oldest_due?.toISOString() ?? null,
    };
  });
  return { data, queue };
}

/** Jobs whose last run failed as a whole, and rows that failed, by id. */
export async function listFailures(ctx: Context, page: Page) {
  const { rows } = await ctx.pool.query<Failure>(
    `SELECT * FROM (${failuresQuery(ctx)}) f WHERE $1::text IS NULL OR f.id > $1 ORDER BY f.id LIMIT $2`,
    [page.cursor ?? null, page.limit + 1],
  );
  const shown = rows.slice(0, page.limit);
  const last = rows.length > page.limit ? shown.at(-1) : undefined;
  return { data: shown.map(view), next_cursor: last ? makeFailureCursor(last.id) : null };
}

/** Makes it due now and wakes its job. 404 where nothing of that id fails. */
export async function retryFailure(ctx: Context, caller: Caller, id: string) {
  return inTransaction(ctx, async (tx, after) => {
    const [failure] = await tx.$queryRawUnsafe<Failure[]>(
      `SELECT * FROM (${failuresQuery(ctx)}) f WHERE f.id = $1`,
      id,
    );
    if (!failure) throw notFound();
    const rows = withRows(ctx).find((one) => one.rows.kind === failure.kind)?.rows;
    if (rows) await tx.$executeRawUnsafe(retryStatement(rows), failure.object_id);
    const now = ctx.now();
    await audit(tx, now, caller, { action: 'job_failure.retry', objectId: id });
    after(() => ctx.queue.wake(failure.job));
    return view({ ...failure, next_attempt_at: new Date() });
  });
}

const cursorForm = /^[\x21-\x7e]{1,300}$/;

export function makeFailureCursor(id: string): string {
  return Buffer.from(id, 'latin1').toString('base64url');
}

/** The id a cursor stands for, or null where it is none of ours. */
export function openFailureCursor(cursor: string): string | null {
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  return cursorForm.test(id) && makeFailureCursor(id) === cursor ? id : null;
}

function backlogQuery(ctx: Context): [string, unknown[]] {
  const each = withRows(ctx).map(
    ({ name, rows }) =>
      `SELECT '${name}', count(*), min(d.due_at)
       FROM ${dueRows(rows)} WHERE ${notPutAside(rows.kind)}`,
  );
  const none =
    'SELECT NULL AS name, 0::bigint AS backlog, NULL::timestamptz AS oldest_due WHERE $1::timestamptz IS NULL';
  const all = [none, ...each].join(' UNION ALL ');
  return [
    `SELECT name, sum(backlog)::bigint AS backlog, min(oldest_due) AS oldest_due FROM (${all}) b GROUP BY name`,
    [ctx.now()],
  ];
}

/** `job.{name}` for a job that fails as a whole, `{kind}.{row}` for a row. */
function failuresQuery(ctx: Context): string {
  const each = withRows(ctx).map(
    ({ name, rows }) =>
      `SELECT '${rows.kind}.' || r.id, '${name}', '${rows.kind}', r.id, r.attempts::int, r.last_error, r.next_attempt_at
       FROM (${rows.failed?.rows ?? putAside(rows.kind)}) r`,
  );
  const whole = `SELECT 'job.' || name AS id, name AS job, 'job' AS kind, name AS object_id, attempts,
      error AS last_error, next_run_at AS next_attempt_at FROM job_run WHERE error IS NOT NULL`;
  return [whole, ...each].join(' UNION ALL ');
}

function putAside(kind: string): string {
  return `SELECT id, attempts, last_error, next_attempt_at FROM job_attempt WHERE kind = '${kind}' AND attempts > 0`;
}

function retryStatement({ kind, failed }: DueRows): string {
  return (
    failed?.retry ??
    `UPDATE job_attempt SET next_attempt_at = clock_timestamp() WHERE kind = '${kind}' AND id = $1`
  );
}

function withRows(ctx: Context): { name: string; rows: DueRows }[] {
  return ctx.jobs.flatMap(({ name, rows }) => rows.map((one) => ({ name, rows: one })));
}

function view({ next_attempt_at, ...failure }: Failure) {
  return { ...failure, next_attempt_at: next_attempt_at?.toISOString() ?? null };
}
