// Which subscriptions should have changed by now, going by what Stripe last said of them. Only asks for a look.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { want } from '../stripe/want.ts';

const batchSize = 200;
const batchesMax = 50;

/** Returns how many were marked. One that is marked and not yet looked at is not marked again. */
export async function wantOverdueSubscriptions(ctx: Context): Promise<number> {
  let marked = 0;
  for (let batch = 0, after = ''; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const ids = await overdue(ctx, after);
    await inTransaction(ctx, async (tx) => {
      for (const id of ids) await want(tx, { kind: 'subscription', id });
    });
    marked += ids.length;
    if (ids.length < batchSize) break;
    after = ids.at(-1)!;
  }
  return marked;
}

/** In the order of their ids, in which the marks are locked as well. */
async function overdue(ctx: Context, after: string): Promise<string[]> {
  const { rows } = await ctx.pool.query<{ id: string }>(
    `SELECT s.stripe_subscription_id AS id
     FROM subscription s LEFT JOIN stripe_object o ON o.id = s.stripe_subscription_id
     WHERE s.stripe_subscription_id > $2
       AND s.status NOT IN ('canceled', 'incomplete_expired', 'paused')
       AND (s.current_period_end <= $1 OR s.cancel_at <= $1 OR (s.status = 'trialing' AND s.trial_end <= $1)
         OR s.pending_effective_at <= $1)
       AND (o.id IS NULL OR o.wanted <= o.done)
     ORDER BY s.stripe_subscription_id LIMIT $3`,
    [ctx.now(), after, batchSize],
  );
  return rows.map((row) => row.id);
}
