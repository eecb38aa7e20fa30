// What happened to an API key, in the transaction in which it happened. Never tells the key itself: four
// characters of it, as everywhere.
import type { Tx } from '../../adapters/postgres.ts';
import type { EventType } from '../../domain/event.ts';
import type { ApiKey } from '../../generated/prisma/client.ts';
import { publish } from './publish.ts';

type KeyEvent = {
  type: Extract<EventType, `key.${string}`>;
  key: ApiKey;
  /** The one that this took the place of. */
  replaced?: ApiKey;
};

/** Each key ends, and begins, once: the same news again is none. Returns the event's id, or null. */
export function publishKey(
  tx: Tx,
  at: Date,
  { type, key, replaced }: KeyEvent,
): Promise<string | null> {
  return publish(tx, {
    customerId: key.customer_id,
    type,
    at,
    key: `${type} ${key.id}`,
    data: { key: keyView(key), ...(replaced ? { replaced: keyView(replaced) } : {}) },
  });
}

function keyView(row: ApiKey) {
  return {
    id: row.id,
    customer_id: row.customer_id,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    scopes: row.scopes,
    expires_at: row.expires_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
