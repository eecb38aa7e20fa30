// Writes an event in the transaction of the change it tells of: either both are there or neither. Also puts it
// on its way to each endpoint that wants it; sends nothing itself.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { EventType } from '../../domain/event.ts';

export type NewEvent = {
  customerId: string;
  type: EventType;
  /** Business time: when it came to be, not when it was noticed. */
  at: Date;
  data: object;
  subscriptionId?: string | null;
  /** Where the same thing may be noticed twice: a second event of one key is none. */
  key?: string;
};

/**
 * The event's id, or null where one of that key is there already. Locks the customer's stream until the end of
 * the transaction, so that sequences have no gap and stand in the order of the commits: call it last.
 */
export async function publish(tx: Tx, event: NewEvent): Promise<string | null> {
  const { customerId, subscriptionId = null, type, at, key = null } = event;
  const id = newId('evt');
  await lockStream(tx, customerId);
  const rows = await tx.$queryRaw<{ id: string }[]>`
    WITH added AS (
      INSERT INTO event (id, customer_id, sequence, subscription_id, type, at, data, dedup_key)
      SELECT ${id}, customer_id, sequence + 1, ${subscriptionId}, ${type}, ${at}::timestamptz,
        ${JSON.stringify(event.data)}::jsonb, ${key}
      FROM event_stream WHERE customer_id = ${customerId}
      ON CONFLICT (customer_id, dedup_key) DO NOTHING
      RETURNING id, customer_id, sequence, type
    ), counted AS (
      UPDATE event_stream s SET sequence = added.sequence FROM added WHERE s.customer_id = added.customer_id
    ), sent AS (
      -- One at a time per customer and endpoint: who finds others waiting waits behind them.
      INSERT INTO webhook_delivery (id, endpoint_id, event_id, customer_id, sequence, state, next_attempt_at, created_at)
      SELECT 'del' || substr(added.id, 4, 17) || right(w.id, 10), w.id, added.id, added.customer_id, added.sequence, 'pending',
        CASE WHEN EXISTS (SELECT FROM webhook_delivery d WHERE d.endpoint_id = w.id
          AND d.customer_id = added.customer_id AND d.state = 'pending') THEN NULL ELSE ${at}::timestamptz END,
        ${at}::timestamptz
      FROM added, webhook_endpoint w
      WHERE w.enabled AND (cardinality(w.events) = 0 OR added.type = ANY (w.events)
        OR split_part(added.type, '.', 1) || '.*' = ANY (w.events))
    )
    SELECT id FROM added`;
  return rows[0]?.id ?? null;
}

export type Stream = { sequence: number; access: unknown };

/** Whoever tells of a customer holds this row, and others wait; made where it is missing. */
export async function lockStream(tx: Tx, customerId: string): Promise<Stream> {
  const rows = await tx.$queryRaw<{ sequence: bigint; access: unknown }[]>`
    INSERT INTO event_stream (customer_id) VALUES (${customerId})
    ON CONFLICT (customer_id) DO UPDATE SET customer_id = excluded.customer_id RETURNING sequence, access`;
  const { sequence, access } = rows[0]!;
  return { sequence: Number(sequence), access };
}
