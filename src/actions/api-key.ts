// API keys of a customer: made, rotated, revoked, listed. The key itself is in one answer, once; what is kept
// is its hash, prefix and last four characters.
import { newId } from '../adapters/id.ts';
import { inTransaction } from '../adapters/postgres.ts';
import type { Tx } from '../adapters/postgres.ts';
import { hashSecret, randomBase62 } from '../adapters/secret.ts';
import type { Context } from '../context.ts';
import { describeKey, makeKey } from '../domain/api-key.ts';
import type { KeyCap } from '../domain/api-key.ts';
import { AppError, invalid, notFound } from '../domain/error.ts';
import type { ApiKey } from '../generated/prisma/client.ts';
import { audit } from './audit.ts';
import { assertOwner } from './caller.ts';
import type { Caller } from './caller.ts';
import { bytes } from './credential.ts';
import { publishKey } from './event/api-key.ts';
import { customerFilter, customerMeant } from './customer/customer.ts';
import { afterCursor, pageArguments, toPage } from './page.ts';
import type { Page } from './page.ts';

export type ApiKeyInput = {
  customer_id?: string | undefined;
  name: string | null;
  scopes: string[];
  caps: KeyCap[];
  expires_at: Date | null;
};
type NewKey = Pick<ApiKey, 'customer_id' | 'name' | 'scopes' | 'caps' | 'expires_at'>;

/** Answers the key once. 422 where `expires_at` has passed. */
export async function createApiKey(ctx: Context, caller: Caller, input: ApiKeyInput) {
  const { customer_id: named, ...about } = input;
  const customer = await customerMeant(ctx, caller, named);
  if (about.expires_at && about.expires_at <= ctx.now()) {
    throw invalid({ pointer: '/expires_at', detail: 'has passed' });
  }
  return inTransaction(ctx, async (tx) => {
    const made = await insertKey(ctx, tx, caller, { customer_id: customer.id, ...about });
    await publishKey(tx, ctx.now(), { type: 'key.created', key: made.row });
    return made.shown;
  });
}

/** A new key like the old one, which ends with the overlap, or before if it would have. */
export async function rotateApiKey(
  ctx: Context,
  caller: Caller,
  { id, overlapSeconds }: { id: string; overlapSeconds: number },
) {
  return inTransaction(ctx, async (tx) => {
    const now = ctx.now();
    const old = await lockKey(tx, caller, id);
    if (old.revoked_at || (old.expires_at && old.expires_at <= now)) {
      throw new AppError('invalid_state', 'This key is revoked or expired; make a new one.');
    }
    const overlapEnd = new Date(now.getTime() + overlapSeconds * 1000);
    const endsAt = old.expires_at && old.expires_at < overlapEnd ? old.expires_at : overlapEnd;
    const ended = await tx.apiKey.update({ where: { id }, data: { expires_at: endsAt } });
    await audit(tx, now, caller, {
      action: 'api_key.rotate',
      objectId: id,
      customerId: old.customer_id,
      before: view(old),
      after: view(ended),
    });
    const made = await insertKey(ctx, tx, caller, old);
    await publishKey(tx, now, { type: 'key.rotated', key: made.row, replaced: ended });
    return made.shown;
  });
}

/** Revoked stays revoked: again is the same answer and keeps the first instant. */
export async function revokeApiKey(ctx: Context, caller: Caller, id: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const before = await lockKey(tx, caller, id);
    if (before.revoked_at) return;
    const now = ctx.now();
    const after = await tx.apiKey.update({ where: { id }, data: { revoked_at: now } });
    await audit(tx, now, caller, {
      action: 'api_key.revoke',
      objectId: id,
      customerId: before.customer_id,
      before: view(before),
      after: view(after),
    });
    await publishKey(tx, now, { type: 'key.revoked', key: after });
  });
}

export async function listApiKeys(
  ctx: Context,
  caller: Caller,
  { customer_id, ...page }: Page & { customer_id?: string | undefined },
) {
  const rows = await ctx.db.apiKey.findMany({
    where: {
      ...afterCursor(page),
      ...customerFilter(caller, customer_id),
      customer: { deleted_at: null },
    },
    ...pageArguments(page),
  });
  return toPage(rows, page, view);
}

async function insertKey(ctx: Context, tx: Tx, caller: Caller, about: NewKey) {
  const key = makeKey(ctx.config.livemode ? 'live' : 'test', randomBase62(30));
  const created = await tx.apiKey.create({
    data: {
      id: newId('key'),
      customer_id: about.customer_id,
      name: about.name,
      scopes: about.scopes,
      caps: about.caps as KeyCap[],
      expires_at: about.expires_at,
      hash: bytes(hashSecret(ctx.config.keyPepper, key)),
      ...describeKey(key),
      created_at: ctx.now(),
    },
  });
  await audit(tx, ctx.now(), caller, {
    action: 'api_key.create',
    objectId: created.id,
    customerId: created.customer_id,
    after: view(created),
  });
  return { row: created, shown: { ...view(created), key } };
}

/** The caller's own key (or anybody's, for an operator), held until the transaction ends; else 404. */
async function lockKey(tx: Tx, caller: Caller, id: string): Promise<ApiKey> {
  await tx.$queryRaw`SELECT id FROM api_key WHERE id = ${id} FOR UPDATE`;
  const found = await tx.apiKey.findUnique({
    where: { id },
    include: { customer: { select: { deleted_at: true } } },
  });
  if (!found || found.customer.deleted_at) throw notFound();
  assertOwner(caller, found.customer_id);
  return found;
}

function view(row: ApiKey) {
  return {
    id: row.id,
    customer_id: row.customer_id,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    scopes: row.scopes,
    caps: row.caps as KeyCap[],
    expires_at: row.expires_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
