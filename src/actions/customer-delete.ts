// Deletes a customer: here at once and in one transaction, then at Stripe. Where Stripe does not answer, the
// customer is gone already and asking again goes on; the row stays, so that money and usage keep their owner.
import { inTransaction } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import type { Caller } from './caller.ts';
import { audit } from './audit.ts';
import { customerView } from './customer.ts';

/** Deleting what is gone, or never was, is the same as deleting it. */
export async function deleteCustomer(ctx: Context, caller: Caller, id: string): Promise<void> {
  const now = ctx.now();
  await inTransaction(ctx, async (tx) => {
    await tx.$queryRaw`SELECT id FROM customer WHERE id = ${id} FOR UPDATE`;
    const before = await tx.customer.findUnique({ where: { id } });
    if (!before || before.deleted_at) return;
    const ofCustomer = { customer_id: id };
    await tx.customer.update({ where: { id }, data: { deleted_at: now } });
    await tx.apiKey.updateMany({
      where: { ...ofCustomer, revoked_at: null },
      data: { revoked_at: now },
    });
    await tx.customerSession.deleteMany({ where: ofCustomer });
    await tx.subscription.updateMany({
      where: {
        ...ofCustomer,
        stripe_subscription_id: null,
        status: { notIn: ['canceled', 'incomplete_expired'] },
      },
      data: { status: 'canceled', canceled_at: now, ended_at: now },
    });
    await audit(tx, now, caller, {
      action: 'customer.delete',
      objectId: id,
      customerId: id,
      before: customerView(before),
    });
  });
}
