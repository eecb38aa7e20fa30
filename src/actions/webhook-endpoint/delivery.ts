// The deliveries of an endpoint as operators see them, and sending an event again by its id.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { AppError, notFound } from '../../domain/error.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { lockStream } from '../event/publish.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';
import { findEndpoint } from './endpoint.ts';

const withType = { event: { select: { type: true } } } satisfies Prisma.WebhookDeliveryInclude;
type DeliveryRow = Prisma.WebhookDeliveryGetPayload<{ include: typeof withType }>;

export async function listDeliveries(
  ctx: Context,
  { id, ...query }: Page & { id: string; state?: string | undefined },
) {
  await findEndpoint(ctx.db, id);
  const rows = await ctx.db.webhookDelivery.findMany({
    where: {
      ...afterCursor(query),
      endpoint_id: id,
      ...(query.state ? { state: query.state } : {}),
    },
    include: withType,
    ...pageArguments(query),
  });
  return toPage(rows, query, deliveryView);
}

/**
 * Sends the event again, or for the first time, at once: it waits for no other and no other for it. 404 for an
 * event that is not there (any more), 409 where the endpoint is switched off.
 */
export async function redeliver(
  ctx: Context,
  caller: Caller,
  { id, eventId }: { id: string; eventId: string },
) {
  return inTransaction(ctx, async (tx, after) => {
    const endpoint = await findEndpoint(tx, id);
    const event = await tx.event.findUnique({ where: { id: eventId } });
    if (!event) throw notFound();
    if (!endpoint.enabled) throw new AppError('invalid_state', 'This endpoint is switched off.');
    await lockStream(tx, event.customer_id);
    const now = ctx.now();
    const afresh = {
      state: 'pending',
      attempts: 0,
      next_attempt_at: now,
      delivered_at: null,
      last_error: null,
      lease_token: null,
      lease_until: null,
    };
    const { customer_id, sequence } = event;
    const row = await tx.webhookDelivery.upsert({
      where: { endpoint_id_event_id: { endpoint_id: id, event_id: eventId } },
      create: { ...afresh, id: newId('del'), endpoint_id: id, event_id: eventId, customer_id, sequence, created_at: now },
      update: afresh,
      include: withType,
    }); // prettier-ignore
    await audit(tx, now, caller, {
      action: 'webhook_delivery.redeliver',
      objectId: row.id,
      customerId: customer_id,
      after: { endpoint_id: id, event_id: eventId },
    });
    after(() => ctx.queue.wake('deliver-webhooks'));
    return deliveryView(row);
  });
}

function deliveryView(row: DeliveryRow) {
  return {
    id: row.id,
    event_id: row.event_id,
    type: row.event.type,
    customer_id: row.customer_id,
    sequence: Number(row.sequence),
    state: row.state,
    attempts: row.attempts,
    next_attempt_at: row.next_attempt_at?.toISOString() ?? null,
    last_status: row.last_status,
    last_error: row.last_error,
    created_at: row.created_at.toISOString(),
    delivered_at: row.delivered_at?.toISOString() ?? null,
  };
}
