// Writes down that somebody asked for a change at Stripe, before Stripe is called: a process that dies on the way
// then takes nobody's word with it. What Stripe made of it is written by the look that follows.
import { isDeepStrictEqual } from 'node:util';
import type { Tx } from '../adapters/postgres.ts';
import { audit } from './audit.ts';
import type { AuditEntry } from './audit.ts';
import type { Caller } from './caller.ts';

/** Asking again for what was asked last, while nothing has come of it, is the same asking: one entry. */
export async function recordIntent(
  tx: Tx,
  at: Date,
  caller: Caller,
  entry: AuditEntry,
): Promise<void> {
  const last = await tx.auditEntry.findFirst({
    where: { object_id: entry.objectId },
    orderBy: { id: 'desc' },
  });
  const isSame =
    last?.action === entry.action &&
    last.actor === `${caller.kind}:${caller.id}` &&
    isDeepStrictEqual(last.after, asStored(entry.after));
  if (!isSame) await audit(tx, at, caller, entry);
}

function asStored(value: unknown): unknown {
  return value === undefined ? null : JSON.parse(JSON.stringify(value));
}
