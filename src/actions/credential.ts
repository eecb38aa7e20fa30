// Finds the customer behind a session token or an API key, by hash. Sessions end by machine time, keys by
// business time; a deleted customer's credentials are worth nothing.
import { hashSecret } from '../adapters/secret.ts';
import type { Context } from '../context.ts';
import { isWellFormedKey } from '../domain/api-key.ts';
import { AppError } from '../domain/error.ts';
import type { Caller } from './caller.ts';

/** The session's customer, or null where the token is unknown or over. */
export async function findCustomerBySession(ctx: Context, token: string): Promise<Caller | null> {
  const session = await ctx.db.customerSession.findUnique({
    where: { hash: bytes(hashSecret(ctx.config.keyPepper, token)) },
    include: { customer: { select: { deleted_at: true } } },
  });
  if (!session || session.customer.deleted_at) return null;
  if (session.expires_at.getTime() <= Date.now()) return null;
  return { kind: 'customer', id: session.id, customerId: session.customer_id };
}

/** The key's customer, or null where it is unknown, revoked or expired; 403 where it lacks `manage`. */
export async function findCustomerByKey(ctx: Context, key: string): Promise<Caller | null> {
  if (!isWellFormedKey(key)) return null;
  const found = await ctx.db.apiKey.findUnique({
    where: { hash: bytes(hashSecret(ctx.config.keyPepper, key)) },
    include: { customer: { select: { deleted_at: true } } },
  });
  const now = ctx.now();
  if (!found || found.customer.deleted_at || found.revoked_at) return null;
  if (found.expires_at && found.expires_at <= now) return null;
  if (!found.scopes.includes('manage')) {
    throw new AppError('forbidden', 'This key lacks the scope "manage".');
  }
  return { kind: 'customer', id: found.id, customerId: found.customer_id };
}

/** Prisma wants bytes that stand on a buffer of their own. */
export function bytes(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(buffer);
}
