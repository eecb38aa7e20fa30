// Sessions: an hour in which somebody may act as a customer, handed out by the operator. The token is shown
// once; only its hash is kept.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import { hashSecret, newToken } from '../../adapters/secret.ts';
import type { Context } from '../../context.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { bytes } from '../credential.ts';
import { findCustomer } from './customer.ts';

const sessionMs = 3_600_000;

/** Ends by machine time, however far business time is moved. */
export async function createSession(
  ctx: Context,
  caller: Caller,
  customerId: string,
): Promise<{ token: string; expires_at: string }> {
  const token = newToken('tgs_');
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + sessionMs);
  await inTransaction(ctx, async (tx) => {
    await findCustomer(tx, customerId);
    const session = await tx.customerSession.create({
      data: {
        id: newId('ses'),
        customer_id: customerId,
        hash: bytes(hashSecret(ctx.config.keyPepper, token)),
        expires_at: expiresAt,
        created_at: createdAt,
      },
    });
    await audit(tx, ctx.now(), caller, {
      action: 'customer_session.create',
      objectId: session.id,
      customerId,
      after: { expires_at: expiresAt.toISOString() },
    });
  });
  return { token, expires_at: expiresAt.toISOString() };
}
