// Brings a purchase that was left behind to an end: what Stripe was paid for is taken over, what still waits
// is taken back. Used when somebody asks again, and by the sweep after a crash.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe, isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { Purchase } from '../../generated/prisma/client.ts';
import { endPurchase } from './end.ts';
import { syncNow } from '../stripe/object.ts';

const listedMax = 100;

/** Returns the purchase in its final state. Any number may call it at once. */
export async function settlePurchase(ctx: Context, purchase: Purchase): Promise<Purchase> {
  const customer = await ctx.db.customer.findUniqueOrThrow({ where: { id: purchase.customer_id } });
  if (customer.stripe_customer_id) {
    await closeSessions(ctx, purchase, customer.stripe_customer_id);
    await closeSubscriptions(ctx, purchase, customer.stripe_customer_id);
  }
  const { id } = purchase;
  await inTransaction(ctx, (tx) => endPurchase(tx, { id, state: 'abandoned', now: ctx.now() }));
  return ctx.db.purchase.findUniqueOrThrow({ where: { id } });
}

/** A page nobody may pay on any more. */
async function closeSessions(ctx: Context, purchase: Purchase, customer: string): Promise<void> {
  const { data } = await callStripe(() =>
    ctx.stripe.checkout.sessions.list({ customer, limit: listedMax }),
  );
  for (const session of data) {
    if (!isOf(purchase, session) || session.status !== 'open') continue;
    await unlessRefused(() => ctx.stripe.checkout.sessions.expire(session.id));
  }
}

/** One that was never paid is taken back; one that was paid is ours from here on. */
async function closeSubscriptions(
  ctx: Context,
  purchase: Purchase,
  customer: string,
): Promise<void> {
  const { data } = await callStripe(() =>
    ctx.stripe.subscriptions.list({ customer, status: 'all', limit: listedMax }),
  );
  for (const subscription of data) {
    if (!isOf(purchase, subscription)) continue;
    if (subscription.status === 'incomplete') await cancelUnpaid(ctx, subscription.id);
    await syncNow(ctx, 'subscription', subscription.id);
  }
}

/** Also where it has just been paid or has just expired: the look that follows tells. */
export async function cancelUnpaid(ctx: Context, stripeSubscriptionId: string): Promise<void> {
  await unlessRefused(() => ctx.stripe.subscriptions.cancel(stripeSubscriptionId));
}

async function unlessRefused(call: () => Promise<unknown>): Promise<void> {
  await callStripe(call).catch((error: unknown) => {
    if (!isRefused(error)) throw error;
  });
}

function isOf(purchase: Purchase, object: { metadata: Stripe.Metadata | null }): boolean {
  return object.metadata?.['tollgate_purchase'] === purchase.id;
}
