// Asks for a look at the objects of Stripe's that should have changed by now, going by what is known of them. The
// clock's word alone changes nothing else.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import type { RootKind } from '../../domain/stripe-event.ts';
import { dueRows } from '../job-attempt.ts';
import { want } from './want.ts';

const batchSize = 200;
const batchesMax = 500;

/** `rows.due` names objects of Stripe's by their ids, and none for which a look is due already. */
export type OverdueRows = DueRows & { root: RootKind };

/** Returns how many were marked: in the order of their ids, so that two who do it at once do not stand in each other's way. */
export async function wantDue(ctx: Context, rows: OverdueRows): Promise<number> {
  let marked = 0;
  for (let batch = 0, after = ''; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const found = await ctx.pool.query<{ id: string }>(
      `SELECT d.id FROM ${dueRows(rows)} WHERE d.id > $2 AND $1::timestamptz IS NOT NULL ORDER BY d.id LIMIT ${batchSize}`,
      [ctx.now(), after],
    );
    await inTransaction(ctx, async (tx) => {
      for (const { id } of found.rows) await want(tx, { kind: rows.root, id });
    });
    marked += found.rows.length;
    if (found.rows.length < batchSize) break;
    after = found.rows.at(-1)!.id;
  }
  return marked;
}

/** For `due`: that no look at the object is due already. */
export function notWanted(id: string): string {
  return `NOT EXISTS (SELECT FROM stripe_object o WHERE o.id = ${id} AND o.wanted > o.done)`;
}
