// The end of subscriptions that Stripe does not know: their date has come, or they are ended now. Access never
// waits for this (the check knows the time); rows, history and what follows do.
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import type { Subscription } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishSubscription } from '../event/subscription.ts';
import { settleDue } from '../job-due.ts';
import type { Settle } from '../job-due.ts';
import { ownRow } from './row.ts';

const actor = 'job:expire-cancellations';
/** Each takes a dozen statements. */
const batchSize = 25;

/** Ends the customer's free subscription where its date has come. The customer must be locked. */
export async function endDueFreeSubscription(
  tx: Tx,
  now: Date,
  customerId: string,
): Promise<boolean> {
  const own = await ownRow(tx, customerId);
  if (own?.status !== 'active' || !own.cancel_at || own.cancel_at > now) return false;
  await endFreeSubscription(tx, { row: own, at: own.cancel_at, now, actor });
  return true;
}

export async function endFreeSubscription(
  tx: Tx,
  end: { row: Subscription; at: Date; now: Date; actor: Caller | string },
): Promise<void> {
  const { row, at, now } = end;
  await tx.subscription.update({
    where: { id: row.id },
    data: {
      status: 'canceled',
      cancel_at: row.cancel_at,
      canceled_at: row.canceled_at ?? now,
      ended_at: at,
    },
  });
  await audit(tx, now, end.actor, {
    action: 'subscription.end',
    objectId: row.id,
    customerId: row.customer_id,
    before: { status: row.status },
    after: { status: 'canceled', ended_at: at },
  });
  await publishSubscription(tx, now, { id: row.id, before: row });
}

/** Free subscriptions whose date has come; the customer is held as well, as for every change of what it has. */
export const dueEnds: DueRows = {
  kind: 'subscription_end',
  due: `SELECT s.id, s.cancel_at AS due_at FROM subscription s JOIN customer c ON c.id = s.customer_id
    WHERE s.stripe_subscription_id IS NULL AND s.status = 'active' AND s.cancel_at <= $1`,
};

/** Ends those that are due. */
export function endDueFreeSubscriptions(
  ctx: Context,
): Promise<{ settled: number; failed: number }> {
  const settle: Settle = async (tx, { ids, now }) => {
    const rows = await tx.subscription.findMany({
      where: { id: { in: ids } },
      orderBy: { customer_id: 'asc' },
    });
    for (const row of rows) {
      await endFreeSubscription(tx, { row, at: row.cancel_at ?? now, now, actor });
    }
  };
  return settleDue(ctx, dueEnds, settle, { batchSize });
}
