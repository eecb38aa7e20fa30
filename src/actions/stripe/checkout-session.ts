// What a Checkout session tells us about the purchase it was opened for: still open, given up, or completed,
// and then the subscription is what to look at next.
import type Stripe from 'stripe';
import type { Tx } from '../../adapters/postgres.ts';
import { assertIs } from '../../adapters/stripe-answer.ts';
import type { Purchase } from '../../generated/prisma/client.ts';
import { waitForPayer } from '../purchase/wait.ts';
import { endPurchase } from '../purchase/end.ts';
import { want } from './want.ts';
import type { Reader } from './want.ts';

type Found = {
  status: string | null;
  purchaseId: string | null;
  subscriptionId: string | null;
  url: string | null;
};

export const checkoutSessionReader: Reader<Found> = {
  async fetch(stripe, id) {
    const session = await stripe.checkout.sessions.retrieve(id);
    assertIs(session, 'checkout.session', id);
    return factsOfSession(session);
  },
  async save(tx, { id, now, found }) {
    const purchase = await purchaseOf(tx, id, found?.purchaseId ?? null);
    if (!purchase || !found) return null;
    if (found.subscriptionId) {
      // Before the purchase, as the look at the subscription has it: the other way round the two would deadlock.
      await want(tx, { kind: 'subscription', id: found.subscriptionId });
      await tx.purchase.update({
        where: { id: purchase.id },
        data: { stripe_session_id: id, stripe_subscription_id: found.subscriptionId },
      });
    } else if (found.status === 'expired') {
      await endPurchase(tx, { id: purchase.id, state: 'abandoned', now });
    } else if (found.status === 'open' && found.url) {
      await waitForPayer(tx, purchase, { now, sessionId: id, url: found.url });
    }
    return null;
  },
};

function factsOfSession(session: Stripe.Checkout.Session): Found {
  const { subscription } = session;
  return {
    status: session.status,
    purchaseId: session.metadata?.['tollgate_purchase'] ?? null,
    subscriptionId: typeof subscription === 'string' ? subscription : (subscription?.id ?? null),
    url: session.url,
  };
}

async function purchaseOf(
  tx: Tx,
  sessionId: string,
  purchaseId: string | null,
): Promise<Purchase | null> {
  const known = await tx.purchase.findUnique({ where: { stripe_session_id: sessionId } });
  return known ?? (purchaseId ? tx.purchase.findUnique({ where: { id: purchaseId } }) : null);
}
