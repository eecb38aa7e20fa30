// Writes down that somebody asked for a change at Stripe, before Stripe is called: a process that dies on the way
// then takes nobody's word with it. What Stripe made of it is written by the look that follows.
import { isDeepStrictEqual } from 'node:util';
import type { Tx } from '../adapters/postgres.ts';
import { audit, stripeActor } from './audit.ts';
import type { AuditEntry } from './audit.ts';
import type { Caller } from './caller.ts';

/** A retry comes soon; whoever asks again later means it anew. */
const retryWithinMs = 600_000;

/**
 * Asking again soon for what was asked last is the same asking: one entry. What looks at Stripe have written
 * meanwhile (that nothing has come of it, for instance) does not make it another.
 */
export async function recordIntent(
  tx: Tx,
  at: Date,
  caller: Caller,
  entry: AuditEntry,
): Promise<void> {
  const last = await tx.auditEntry.findFirst({
    where: { object_id: entry.objectId, actor: { not: stripeActor } },
    orderBy: { id: 'desc' },
  });
  const isSame =
    last?.action === entry.action &&
    last.actor === `${caller.kind}:${caller.id}` &&
    at.getTime() - last.at.getTime() < retryWithinMs &&
    isDeepStrictEqual(last.after, asStored(entry.after));
  if (!isSame) await audit(tx, at, caller, entry);
}

function asStored(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}
