// Which of our rows a subscription at Stripe belongs to. One that serves takes over the customer's row of ours
// alone (free, or waiting for its first payment), so that one local id lives through both. Writes nothing.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { StripeSubscriptionFacts } from '../../adapters/stripe-subscription.ts';
import { isFinal, isLive } from '../../domain/subscription.ts';
import type { Subscription } from '../../generated/prisma/client.ts';

/** `none`: nothing to show for it (yet); its invoices still belong to `row`, where there is one. */
export type Place =
  | { how: 'write'; row: Subscription }
  | { how: 'insert'; id: string; row: null }
  | { how: 'none'; row: Subscription | null };

/** The customer must be locked, so that no purchase begins meanwhile. */
export async function rowFor(
  tx: Tx,
  customerId: string,
  found: StripeSubscriptionFacts,
): Promise<Place> {
  const linked = await tx.subscription.findUnique({ where: { stripe_subscription_id: found.id } });
  if (linked) return { how: 'write', row: linked };
  const own = await ownRow(tx, customerId);
  if (own && isLive(found.status)) return { how: 'write', row: own };
  const isBought = own !== null && own.id === found.rowHint;
  if (isBought && own.status === 'incomplete') return { how: 'write', row: own };
  // Not paid yet, while the old plan serves; or never paid, and then it never was.
  if (own && found.status === 'incomplete') return { how: 'none', row: own };
  if (found.status === 'incomplete_expired') return { how: 'none', row: own };
  if (isFinal(found.status) && found.rowHint) return { how: 'none', row: own };
  return { how: 'insert', id: newId('sub'), row: null };
}

/** The one subscription of a customer that Stripe does not know (yet): the unique index allows one. */
export function ownRow(tx: Tx, customerId: string): Promise<Subscription | null> {
  return tx.subscription.findFirst({
    where: {
      customer_id: customerId,
      stripe_subscription_id: null,
      status: { in: ['active', 'incomplete'] },
    },
  });
}

/** What is decided about a customer's subscriptions is decided under this lock, by one at a time. */
export async function lockCustomer(tx: Tx, customerId: string): Promise<void> {
  await tx.$queryRaw`SELECT id FROM customer WHERE id = ${customerId} FOR UPDATE`;
}
