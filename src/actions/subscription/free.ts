// Subscriptions to free plans and gifts, which live with us alone: a row with an anchor and no Stripe.
// Knows nothing of money; who may have one is decided by the caller.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Subscription } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishSubscription } from '../event/subscription.ts';
import { ownRow } from './row.ts';

type Start = {
  now: Date;
  actor: Caller | string;
  customerId: string;
  versionId: string;
  /** 1 unless named. */
  quantity?: number | undefined;
  /** From when on it counts; its periods are months from here. */
  at: Date;
};

/** Begins a free subscription, or makes the customer's row of ours alone one. The customer must be locked. */
export async function startFreeSubscription(tx: Tx, start: Start): Promise<Subscription> {
  const own = await ownRow(tx, start.customerId);
  const free = {
    plan_version_id: start.versionId,
    status: 'active',
    quantity: start.quantity ?? 1,
    anchor: own?.anchor ?? start.at,
    pending_plan_version_id: null,
    pending_quantity: null,
    pending_effective_at: null,
    pending_reason: null,
    checkout_url: null,
    cancel_at: null,
    canceled_at: null,
  };
  const row = own
    ? await tx.subscription.update({ where: { id: own.id }, data: free })
    : await tx.subscription.create({
        data: {
          ...free,
          id: newId('sub'),
          customer_id: start.customerId,
          started_at: start.at,
          created_at: start.now,
        },
      });
  await audit(tx, start.now, start.actor, {
    action: own ? 'subscription.change' : 'subscription.create',
    objectId: row.id,
    customerId: row.customer_id,
    ...(own ? { before: { plan_version_id: own.plan_version_id, status: own.status } } : {}),
    after: { plan_version_id: row.plan_version_id, status: row.status },
  });
  await publishSubscription(tx, start.now, { id: row.id, before: own });
  return row;
}
