// How a purchase comes to its end, whoever learns of it first: the buyer's own call, the return page, an event,
// a sweep. In the caller's transaction; the second to say so changes nothing.
import type { Tx } from '../../adapters/postgres.ts';
import { publishSubscription } from '../event/subscription.ts';

export type PurchaseEnd = {
  id: string;
  /** done: bought. failed: the payment was refused or never came. abandoned: nobody went through with it. */
  state: 'done' | 'failed' | 'abandoned';
  now: Date;
  stripeSubscriptionId?: string;
};

/** Returns whether it was still going on. */
export async function endPurchase(tx: Tx, end: PurchaseEnd): Promise<boolean> {
  const { count } = await tx.purchase.updateMany({
    where: { id: end.id, state: { in: ['open', 'checkout'] } },
    data: {
      state: end.state,
      ...(end.stripeSubscriptionId ? { stripe_subscription_id: end.stripeSubscriptionId } : {}),
    },
  });
  if (count === 0) return false;
  const purchase = await tx.purchase.findUniqueOrThrow({ where: { id: end.id } });
  const id = purchase.subscription_id;
  const before = await tx.subscription.findUniqueOrThrow({ where: { id } });
  await tx.subscription.updateMany({
    where: { id, pending_reason: 'checkout' },
    data: {
      pending_plan_version_id: null,
      pending_quantity: null,
      pending_reason: null,
      checkout_url: null,
    },
  });
  if (end.state !== 'done') {
    // It waited for this payment alone, and served nothing meanwhile.
    await tx.subscription.updateMany({
      where: { id, status: 'incomplete', stripe_subscription_id: null },
      data: { status: 'incomplete_expired', ended_at: end.now },
    });
  }
  await publishSubscription(tx, end.now, { id, before });
  return true;
}
