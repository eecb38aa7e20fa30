// The end of subscriptions that Stripe does not know: their date has come, or they are ended now. Access never
// waits for this (the check knows the time); rows, history and what follows do.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { Subscription } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishSubscription } from '../event/subscription.ts';
import { lockCustomer, ownRow } from './row.ts';

const batchSize = 500;

/** Ends the customer's free subscription where its date has come. The customer must be locked. */
export async function endDueFreeSubscription(
  tx: Tx,
  now: Date,
  customerId: string,
): Promise<boolean> {
  const own = await ownRow(tx, customerId);
  if (own?.status !== 'active' || !own.cancel_at || own.cancel_at > now) return false;
  await endFreeSubscription(tx, {
    row: own,
    at: own.cancel_at,
    now,
    actor: 'job:expire-subscriptions',
  });
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

/** All that are due, each in a transaction of its own. Returns how many ended. */
export async function endDueFreeSubscriptions(ctx: Context): Promise<number> {
  const due = await ctx.db.subscription.findMany({
    where: { stripe_subscription_id: null, status: 'active', cancel_at: { lte: ctx.now() } },
    select: { customer_id: true },
    orderBy: { id: 'asc' },
    take: batchSize,
  });
  let ended = 0;
  for (const { customer_id: customerId } of due) {
    if (ctx.queue.stopping()) break;
    await inTransaction(ctx, async (tx) => {
      await lockCustomer(tx, customerId);
      if (await endDueFreeSubscription(tx, ctx.now(), customerId)) ended += 1;
    });
  }
  return ended;
}
