// Which purchases have been going on for too long: an intent whose lease is over was left by a process that
// died; a page is open for a day and a first payment for 23 hours at Stripe, whatever events were lost.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { settlePurchase } from './settle.ts';
import { want } from '../stripe/want.ts';

const batchSize = 100;
const payerPatienceMs = 23 * 3_600_000;

/** Brings intents that were left behind to their end; one that cannot be settled now waits for the next run. */
export async function settleLeftPurchases(ctx: Context): Promise<number> {
  const left = await ctx.db.purchase.findMany({
    where: { state: 'open', lease_until: { lt: new Date() } },
    orderBy: { id: 'asc' },
    take: batchSize,
  });
  let settled = 0;
  for (const purchase of left) {
    if (ctx.queue.stopping()) break;
    try {
      await settlePurchase(ctx, purchase);
      settled += 1;
    } catch (error) {
      ctx.log.warn({ err: error, purchase: purchase.id }, 'purchase not settled yet');
    }
  }
  return settled;
}

/** Marks what the old ones wait for: the look that follows ends them, or finds them paid. */
export async function wantOldCheckouts(ctx: Context): Promise<number> {
  const old = await ctx.db.purchase.findMany({
    where: {
      state: 'checkout',
      created_at: { lte: new Date(ctx.now().getTime() - payerPatienceMs) },
    },
    orderBy: { id: 'asc' },
    take: batchSize,
  });
  await inTransaction(ctx, async (tx) => {
    for (const { stripe_session_id: session, stripe_subscription_id: subscription } of old) {
      if (subscription) await want(tx, { kind: 'subscription', id: subscription });
      else if (session) await want(tx, { kind: 'checkout_session', id: session });
    }
  });
  return old.length;
}
