// A purchase that needs a person: the page they have to visit, shown on the subscription that serves meanwhile.
import type { Tx } from '../../adapters/postgres.ts';
import type { Purchase } from '../../generated/prisma/client.ts';
import { publishSubscription } from '../event/subscription.ts';

/** From `open` to `checkout`. Where the purchase has moved on already, nothing happens. */
export async function waitForPayer(
  tx: Tx,
  purchase: Purchase,
  page: { now: Date; url: string; sessionId?: string; stripeSubscriptionId?: string },
): Promise<void> {
  const { count } = await tx.purchase.updateMany({
    where: { id: purchase.id, state: 'open' },
    data: {
      state: 'checkout',
      stripe_session_id: page.sessionId ?? null,
      stripe_subscription_id: page.stripeSubscriptionId ?? null,
    },
  });
  if (count === 0) return;
  const id = purchase.subscription_id;
  const before = await tx.subscription.findUniqueOrThrow({ where: { id } });
  await tx.subscription.update({
    where: { id },
    data: {
      pending_plan_version_id: purchase.plan_version_id,
      pending_quantity: purchase.quantity,
      pending_effective_at: null,
      pending_reason: 'checkout',
      checkout_url: page.url,
    },
  });
  await publishSubscription(tx, page.now, { id, before });
}
