// Where more is due than one run settles in a moment, other workers are asked to join in. Settles nothing itself.
import type { Context } from '../context.ts';
import type { DeclaredJob } from '../domain/job.ts';
import { dueRows, notPutAside } from './job-attempt.ts';

const isLongFrom = 1_000;
const helpersMax = 3;

/** One more for each thousand rows, three at most, as far as they are not at it already. */
export async function callHelp(ctx: Context, { name, rows }: DeclaredJob): Promise<void> {
  if (rows.length === 0) return;
  const each = rows.map(
    (due) => `SELECT 1 AS one FROM ${dueRows(due)} WHERE ${notPutAside(due.kind)}`,
  );
  const { rows: counted } = await ctx.pool.query<{ due: number }>(
    `SELECT count(*) AS due FROM (${each.join(' UNION ALL ')} LIMIT ${isLongFrom * (helpersMax + 1)}) waiting`,
    [ctx.now()],
  );
  const helpers = Math.min(helpersMax, Math.floor((counted[0]?.due ?? 0) / isLongFrom));
  await ctx.queue.help(name, helpers);
}
