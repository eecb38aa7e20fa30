// What a charge tells us: that its money went back, or may. Whether that changes access is a policy, decided from the
// settings and not here.
import type { ChargeFacts } from '../../adapters/stripe-charge.ts';
import { fetchCharge } from '../../adapters/stripe-charge.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { difference } from '../../domain/subscription.ts';
import type { Subscription } from '../../generated/prisma/client.ts';
import { audit, stripeActor } from '../audit.ts';
import { lockCustomer } from '../subscription/row.ts';
import { noteChanges } from './want.ts';
import type { Reader } from './want.ts';

export const chargeReader: Reader<ChargeFacts> = {
  fetch: fetchCharge,
  async save(tx, { id, now, found, changes }) {
    if (!found?.paidFor || !(await keep(tx, id, found))) return null;
    const where = { stripe_subscription_id: found.paidFor.subscriptionId };
    const known = await tx.subscription.findUnique({ where });
    // Without a row there is none yet: the look that makes it reads the charges.
    if (known) await lockCustomer(tx, known.customer_id);
    const row = known && (await tx.subscription.findUniqueOrThrow({ where }));
    const change = row && difference<Subscription>(row, await moneyBack(tx, where));
    if (row && change) {
      await tx.subscription.update({ where: { id: row.id }, data: change.after });
      noteChanges(changes, id, change);
      await audit(tx, now, stripeActor, {
        action: 'subscription.sync',
        objectId: row.id,
        customerId: row.customer_id,
        ...change,
      });
    }
    return found.disputed ? 'disputed' : null;
  },
};

/** Whether there is anything to keep of it: of most charges nothing ever comes back. */
async function keep(tx: Tx, id: string, { refunded, disputed, paidFor }: ChargeFacts) {
  const data = {
    stripe_subscription_id: paidFor!.subscriptionId,
    paid_until: paidFor!.until,
    refunded,
    disputed,
  };
  if (!refunded && !disputed)
    return (await tx.charge.updateMany({ where: { id }, data })).count > 0;
  await tx.charge.upsert({ where: { id }, create: { id, ...data }, update: data });
  return true;
}

/** What a subscription's charges say of it, in our columns. */
export async function moneyBack(tx: Tx, of: { stripe_subscription_id: string }) {
  const charges = await tx.charge.findMany({ where: of });
  const ends = charges.filter(({ refunded }) => refunded).map((one) => one.paid_until.getTime());
  return {
    refunded_until: ends.length ? new Date(Math.max(...ends)) : null,
    disputed: charges.some(({ disputed }) => disputed),
  };
}
