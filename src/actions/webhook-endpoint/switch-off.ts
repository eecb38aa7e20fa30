// Switches an endpoint off that has taken nothing for three days, or says that it is gone, and tells the operator.
import type { Tx } from '../../adapters/postgres.ts';
import { goneStatus } from '../../domain/webhook-endpoint.ts';
import { audit } from '../audit.ts';
import { notify } from '../notice/notify.ts';
import type { ClaimedDelivery, Outcome } from './deliver.ts';
import { cancelPending } from './endpoint.ts';

/** Not where anything came through since the event that is given up: then it is the event, not the endpoint. */
export async function switchOff(
  tx: Tx,
  now: Date,
  delivery: ClaimedDelivery,
  { status, error }: Outcome,
): Promise<void> {
  const { endpoint_id: id, created_at: since } = delivery;
  const reason = `${status === goneStatus ? 'gone' : 'failed for three days'}: ${error ?? ''}`;
  const isOff = await tx.$executeRaw`
    UPDATE webhook_endpoint SET enabled = false, disabled_reason = ${reason}, disabled_at = ${now}::timestamptz
    WHERE id = ${id} AND enabled AND (${status === goneStatus} OR NOT EXISTS (
      SELECT FROM webhook_delivery d WHERE d.endpoint_id = ${id} AND d.delivered_at > ${since}::timestamptz))`;
  if (isOff === 0) return;
  await cancelPending(tx, id);
  await audit(tx, now, 'job:deliver-webhooks', {
    action: 'webhook_endpoint.disable',
    objectId: id,
    after: { enabled: false, disabled_reason: reason },
  });
  await notify(tx, {
    kind: 'webhook_endpoint_disabled',
    customerId: null,
    key: `webhook-endpoint-disabled-${id}-${now.toISOString()}`,
    at: now,
    data: { url: delivery.url, endpoint_id: id, last_error: error, disabled_at: now },
  });
}
