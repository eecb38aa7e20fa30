// Settles rows that are due, batch by batch: claimed with SKIP LOCKED, so that any number of workers share one
// backlog, and settled in the transaction that claimed them. A row that cannot be settled is put aside, tried again
// later and seen by operators; the others go on. For work inside PostgreSQL alone: job-attempt.ts calls others.
import { inTransaction } from '../adapters/postgres.ts';
import type { After, Tx } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import type { DueRows } from '../domain/job.ts';
import {
  describeFailure,
  dueRows,
  firstDelaySeconds,
  nextDelay,
  notPutAside,
} from './job-attempt.ts';

const batchSizeUsual = 100;
const batchesMax = 2_000;

export type Batch = { ids: string[]; now: Date; after: After };
/** Makes the effects of rows that are locked. Runs once per batch, and where that throws once per row. */
export type Settle = (tx: Tx, batch: Batch) => Promise<unknown>;
type Work = { rows: DueRows; settle: Settle; batchSize: number };

/** Goes on until nothing is due or the process is to end. Returns how many were settled, and how many were not. */
export async function settleDue(
  ctx: Context,
  rows: DueRows,
  settle: Settle,
  { batchSize = batchSizeUsual }: { batchSize?: number } = {},
): Promise<{ settled: number; failed: number }> {
  const count = { settled: 0, failed: 0 };
  for (let batch = 0; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const { claimed, failed } = await settleBatch(ctx, { rows, settle, batchSize });
    count.settled += claimed - failed;
    count.failed += failed;
    if (claimed < batchSize) break;
  }
  return count;
}

function settleBatch(ctx: Context, work: Work): Promise<{ claimed: number; failed: number }> {
  return inTransaction(ctx, async (tx, after) => {
    const now = ctx.now();
    const claimed = await tx.$queryRawUnsafe<{ id: string }[]>(
      `SELECT d.id FROM ${dueRows(work.rows)} WHERE ${notPutAside(work.rows.kind)}
       ORDER BY d.due_at LIMIT ${work.batchSize} FOR UPDATE OF d SKIP LOCKED`,
      now,
    );
    const ids = claimed.map(({ id }) => id);
    if (ids.length === 0) return { claimed: 0, failed: 0 };
    const failed = await settleWholeOrSingly(ctx, tx, work, { ids, now, after });
    return { claimed: ids.length, failed };
  });
}

/** All at once, and where one of them stands in the way, each for itself. Returns how many failed. */
async function settleWholeOrSingly(
  ctx: Context,
  tx: Tx,
  { rows, settle }: Work,
  batch: Batch,
): Promise<number> {
  if (!(await attempt(tx, () => settle(tx, batch)))) {
    await forget(tx, rows.kind, batch.ids);
    return 0;
  }
  let failed = 0;
  for (const id of batch.ids) {
    const error = await attempt(tx, () => settle(tx, { ...batch, ids: [id] }));
    if (error) {
      failed += 1;
      await putAside(ctx, tx, { kind: rows.kind, id, error });
    } else await forget(tx, rows.kind, [id]);
  }
  return failed;
}

/** Returns what was thrown, with its effects undone, or null. */
async function attempt(tx: Tx, work: () => Promise<unknown>): Promise<{ thrown: unknown } | null> {
  await tx.$executeRaw`SAVEPOINT attempt`;
  try {
    await work();
    await tx.$executeRaw`RELEASE SAVEPOINT attempt`;
    return null;
  } catch (thrown) {
    await tx.$executeRaw`ROLLBACK TO SAVEPOINT attempt`;
    return { thrown };
  }
}

type PutAside = { kind: string; id: string; error: { thrown: unknown } };

async function putAside(ctx: Context, tx: Tx, { kind, id, error }: PutAside): Promise<void> {
  const message = describeFailure(error.thrown);
  await tx.$executeRawUnsafe(
    `INSERT INTO job_attempt AS a (kind, id, attempts, last_error, next_attempt_at, updated_at)
     VALUES ($1, $2, 1, $3, clock_timestamp() + make_interval(secs => ${firstDelaySeconds}), clock_timestamp())
     ON CONFLICT (kind, id) DO UPDATE SET attempts = a.attempts + 1, last_error = $3,
       next_attempt_at = ${nextDelay('a')}, updated_at = clock_timestamp()`,
    kind,
    id,
    message,
  );
  ctx.log.error({ err: error.thrown, kind, id }, 'a due row could not be settled');
}

async function forget(tx: Tx, kind: string, ids: string[]): Promise<void> {
  await tx.$executeRaw`DELETE FROM job_attempt WHERE kind = ${kind} AND id = ANY (${ids})`;
}
