// Works on rows whose settling needs others (Stripe, a mail server), with no transaction open: each claimed under a
// lease that outlives an honest attempt, so that a killed worker's rows come free by themselves. A row that fails is
// tried again, further and further apart, and operators see it. Also the words that all failing rows share.
import { newId } from '../adapters/id.ts';
import type { Context } from '../context.ts';
import type { DueRows } from '../domain/job.ts';

const batchSize = 8;
const batchesMax = 2_000;
const leaseSeconds = 60;
const errorLengthMax = 500;
export const firstDelaySeconds = 30;
const delaySecondsMax = 3_600;

/** Must be safe to do twice: a worker that is thought dead may still be at it. */
export type Attempt = (id: string) => Promise<unknown>;

/** Goes on until nothing is due or the process is to end. Returns how many were settled, and how many were not. */
export async function attemptDue(
  ctx: Context,
  rows: DueRows,
  attempt: Attempt,
): Promise<{ settled: number; failed: number }> {
  const count = { settled: 0, failed: 0 };
  for (let batch = 0; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const token = newId('lease');
    const ids = await claim(ctx, rows, token);
    const outcomes = await Promise.all(
      ids.map((id) => attemptOne(ctx, { kind: rows.kind, id, token }, attempt)),
    );
    for (const isSettled of outcomes) count[isSettled ? 'settled' : 'failed'] += 1;
    if (ids.length === 0) break;
  }
  return count;
}

/** The rows `d` of a `due`, at the business time `$1`. */
export function dueRows({ due }: DueRows): string {
  return `(${due.replaceAll('$1', '$1::timestamptz')}) d`;
}

/** What is due and neither put aside nor held by somebody, as a condition on the rows `d` of a `due`. */
export function notPutAside(kind: string): string {
  return `$1::timestamptz IS NOT NULL AND NOT EXISTS (SELECT FROM job_attempt a
    WHERE a.kind = '${kind}' AND a.id = d.id AND a.next_attempt_at > clock_timestamp())`;
}

/** When a row that has failed is due again: 1, 2, 4 … minutes, and no more than an hour. */
export function nextDelay(row: string): string {
  return `clock_timestamp() + make_interval(secs => least(${delaySecondsMax}, ${firstDelaySeconds} * 2 ^ least(${row}.attempts, 20)))`;
}

/** One line, bounded: what operators read. */
export function describeFailure(error: unknown): string {
  const { name = 'Error', message } = (error ?? {}) as { name?: string; message?: string };
  if (message === undefined) return 'unknown';
  return `${name}: ${message}`.replaceAll(/\s+/g, ' ').slice(0, errorLengthMax);
}

/** Whoever inserts or takes over the row of attempts has it; the others find it held. */
async function claim(ctx: Context, due: DueRows, token: string): Promise<string[]> {
  const { kind } = due;
  const { rows } = await ctx.pool.query<{ id: string }>(
    `INSERT INTO job_attempt AS held (kind, id, attempts, lease_token, next_attempt_at, updated_at)
     SELECT '${kind}', d.id, 0, $2, clock_timestamp() + make_interval(secs => ${leaseSeconds}), clock_timestamp()
     FROM ${dueRows(due)} WHERE ${notPutAside(kind)} ORDER BY d.due_at LIMIT ${batchSize}
     ON CONFLICT (kind, id) DO UPDATE SET lease_token = excluded.lease_token,
       next_attempt_at = excluded.next_attempt_at, updated_at = excluded.updated_at
       WHERE held.next_attempt_at <= clock_timestamp()
     RETURNING id`,
    [ctx.now(), token],
  );
  return rows.map(({ id }) => id);
}

type Held = { kind: string; id: string; token: string };

async function attemptOne(ctx: Context, held: Held, attempt: Attempt): Promise<boolean> {
  const { kind, id, token } = held;
  try {
    await attempt(id);
    await ctx.pool.query(
      'DELETE FROM job_attempt WHERE kind = $1 AND id = $2 AND lease_token = $3',
      [kind, id, token],
    );
    return true;
  } catch (error) {
    ctx.log.error({ err: error, kind, id }, 'a due row could not be settled');
    await ctx.pool.query(
      `UPDATE job_attempt a SET attempts = attempts + 1, last_error = $4, lease_token = NULL,
         next_attempt_at = ${nextDelay('a')}, updated_at = clock_timestamp()
       WHERE kind = $1 AND id = $2 AND lease_token = $3`,
      [kind, id, token, describeFailure(error)],
    );
    return false;
  }
}
