// Deletes a customer: first its subscriptions end, at Stripe too; then it is gone here, in one transaction.
// Where Stripe does not answer nothing is deleted, and asking again goes on. The row stays, so that money and
// usage keep their owner.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { AppError, notFound } from '../../domain/error.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishAccess } from '../event/access.ts';
import { publishKey } from '../event/api-key.ts';
import { customerView } from './customer.ts';
import { cancelAllSubscriptions } from '../subscription/cancel.ts';

const attemptsMax = 3;

/** Deleting what is gone is the same as deleting it; what never was is 404. */
export async function deleteCustomer(ctx: Context, caller: Caller, id: string): Promise<void> {
  // A purchase may slip in between the two steps: then both are done again.
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    await cancelAllSubscriptions(ctx, caller, id);
    if (await inTransaction(ctx, (tx) => markDeleted(tx, ctx.now(), caller, id))) return;
  }
  throw new AppError('invalid_state', 'This customer is buying right now. Try again.');
}

/** False where something still runs that would bill nobody. */
async function markDeleted(tx: Tx, now: Date, caller: Caller, id: string): Promise<boolean> {
  await tx.$queryRaw`SELECT id FROM customer WHERE id = ${id} FOR UPDATE`;
  const before = await tx.customer.findUnique({ where: { id } });
  if (!before) throw notFound();
  if (before.deleted_at) return true;
  if (await isBilled(tx, id)) return false;
  const ofCustomer = { customer_id: id };
  await tx.customer.update({ where: { id }, data: { deleted_at: now } });
  const keys = await tx.apiKey.updateManyAndReturn({
    where: { ...ofCustomer, revoked_at: null },
    data: { revoked_at: now },
  });
  await tx.customerSession.deleteMany({ where: ofCustomer });
  await audit(tx, now, caller, {
    action: 'customer.delete',
    objectId: id,
    customerId: id,
    before: customerView(before),
  });
  for (const key of keys) await publishKey(tx, now, { type: 'key.revoked', key });
  await publishAccess(tx, now, id);
  return true;
}

async function isBilled(tx: Tx, customerId: string): Promise<boolean> {
  const [subscription, purchase] = await Promise.all([
    tx.subscription.findFirst({
      where: { customer_id: customerId, status: { notIn: ['canceled', 'incomplete_expired'] } },
      select: { id: true },
    }),
    tx.purchase.findFirst({
      where: { customer_id: customerId, state: { in: ['open', 'checkout'] } },
      select: { id: true },
    }),
  ]);
  return subscription !== null || purchase !== null;
}
