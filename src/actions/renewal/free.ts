// Renews the subscriptions that Stripe does not know, free and comped ones: their periods are months from their
// anchor. Access and limits follow the clock by themselves; this makes the row, its history and its events follow.
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import { monthlyPeriod } from '../../domain/window.ts';
import { audit } from '../audit.ts';
import { publishSubscription } from '../event/subscription.ts';
import { settleDue } from '../job-due.ts';

const actor = 'job:renew-subscriptions';
/** A worker that was away for longer takes the rest at its next run. */
const periodsMax = 36;

/** One that has no period yet gets its first one. Its customer is locked with it. */
export const dueFreeRenewals: DueRows = {
  kind: 'free_renewal',
  due: `SELECT s.id, coalesce(s.current_period_end, s.anchor) AS due_at
    FROM subscription s JOIN customer c ON c.id = s.customer_id
    WHERE s.stripe_subscription_id IS NULL AND s.status = 'active' AND s.anchor IS NOT NULL
      AND coalesce(s.current_period_end, s.anchor) <= $1
      AND (s.cancel_at IS NULL OR s.cancel_at > coalesce(s.current_period_end, s.anchor))`,
};

/** One period at a time: a worker that was away for three takes them one after the other. Returns how many began. */
export async function renewFreeSubscriptions(
  ctx: Context,
): Promise<{ settled: number; failed: number }> {
  const count = { settled: 0, failed: 0 };
  for (let period = 0; period < periodsMax && !ctx.queue.stopping(); period += 1) {
    const { settled, failed } = await settleDue(ctx, dueFreeRenewals, async (tx, { ids, now }) => {
      for (const id of ids) await renew(tx, now, id);
    });
    count.settled += settled;
    count.failed += failed;
    if (settled === 0) break;
  }
  return count;
}

/** The next period, which has begun. The first one only gets its dates: nothing was renewed. */
async function renew(tx: Tx, now: Date, id: string): Promise<void> {
  const row = await tx.subscription.findUniqueOrThrow({ where: { id } });
  const last = row.current_period_end;
  const period = monthlyPeriod(row.anchor!, last ?? row.anchor!);
  const after = { current_period_start: period.start, current_period_end: period.end };
  await tx.subscription.update({ where: { id }, data: after });
  if (!last) return;
  const { customer_id: customerId, current_period_start } = row;
  const before = { current_period_start, current_period_end: last };
  const entry = { action: 'subscription.renew', objectId: id, customerId, before, after };
  await audit(tx, now, actor, entry);
  await publishSubscription(tx, now, { id, before: row, at: period.start });
}
