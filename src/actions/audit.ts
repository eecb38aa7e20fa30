// One row per mutation, in the mutation's own transaction: who, what, before, after. Never a secret: callers
// hand over the public view of the thing.
import { newId } from '../adapters/id.ts';
import type { Tx } from '../adapters/postgres.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { Caller } from './caller.ts';

/** Who writes what a look at Stripe has found. */
export const stripeActor = 'stripe:sync';

export type AuditEntry = {
  /** Noun and verb, as in `plan.create`. */
  action: string;
  objectId: string;
  customerId?: string | null;
  before?: unknown;
  after?: unknown;
};

/** `actor` is the caller, or the name of the job or event that acted. */
export function audit(tx: Tx, at: Date, actor: Caller | string, entry: AuditEntry): Promise<void> {
  return auditAll(tx, at, actor, [entry]);
}

/** As `audit`, for what is done to many at once. */
export async function auditAll(
  tx: Tx,
  at: Date,
  actor: Caller | string,
  entries: AuditEntry[],
): Promise<void> {
  await tx.auditEntry.createMany({
    data: entries.map((entry) => ({
      id: newId('aud'),
      at,
      actor: typeof actor === 'string' ? actor : `${actor.kind}:${actor.id}`,
      action: entry.action,
      object_id: entry.objectId,
      customer_id: entry.customerId ?? null,
      before: (entry.before ?? undefined) as Prisma.InputJsonValue,
      after: (entry.after ?? undefined) as Prisma.InputJsonValue,
    })),
  });
}
