// Delivers events: claimed under a lease, sent with no transaction open, saved. One after the other per customer and
// endpoint: only the first that waits is ever due, and its end makes the next one due. What was sent but not saved
// is sent again under the same id.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import { goneStatus, nextAttemptAt } from '../../domain/webhook-endpoint.ts';
import { lockStream } from '../event/publish.ts';
import { describeFailure } from '../job-attempt.ts';
import { lockEndpoint } from './endpoint.ts';
import { openSecrets } from './secret.ts';
import { switchOff } from './switch-off.ts';

const lanes = 8;
/** Longer than a delivery may take. */
const leaseSeconds = 60;
const deliveriesMax = 20_000;

export const dueDeliveries: DueRows = {
  kind: 'webhook_delivery',
  due: `SELECT d.id, d.next_attempt_at AS due_at FROM webhook_delivery d
    WHERE d.state = 'pending' AND d.next_attempt_at <= $1`,
  failed: {
    rows: `SELECT id, attempts, last_error, next_attempt_at FROM webhook_delivery
      WHERE state IN ('pending', 'failed') AND last_error IS NOT NULL`,
    retry: `UPDATE webhook_delivery SET state = 'pending', attempts = 0, next_attempt_at = created_at WHERE id = $1`,
  },
};

export type ClaimedDelivery = {
  id: string;
  endpoint_id: string;
  customer_id: string;
  attempts: number;
  lease_token: string;
  created_at: Date;
  url: string;
  secrets: unknown;
  event_id: string;
  subscription_id: string | null;
  type: string;
  at: Date;
  sequence: number;
  data: unknown;
};
export type Outcome = { status: number | null; error: string | null };

/** Until nothing is due or the process is to end; an endpoint that fails is left alone for the rest of the run. */
export async function deliverWebhooks(ctx: Context): Promise<Record<string, number>> {
  const count = { delivered: 0, failed: 0 };
  const failing = new Set<string>();
  let left = deliveriesMax;
  const work = async () => {
    while (left > 0 && !ctx.queue.stopping()) {
      left -= 1;
      const delivery = await claim(ctx, [...failing]);
      if (!delivery) return;
      const outcome = await send(ctx, delivery);
      await inTransaction(ctx, (tx) => save(tx, ctx.now(), delivery, outcome));
      if (outcome.error) failing.add(delivery.endpoint_id);
      count[outcome.error ? 'failed' : 'delivered'] += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  return count;
}

async function claim(ctx: Context, failing: string[]): Promise<ClaimedDelivery | null> {
  const { rows } = await ctx.pool.query<ClaimedDelivery>(
    `UPDATE webhook_delivery d SET lease_token = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
     FROM webhook_endpoint w, event e
     WHERE d.id = (
         SELECT id FROM webhook_delivery WHERE state = 'pending' AND next_attempt_at <= $3
           AND (lease_until IS NULL OR lease_until < clock_timestamp()) AND endpoint_id <> ALL ($4)
         ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
       AND w.id = d.endpoint_id AND e.id = d.event_id
     RETURNING d.id, d.endpoint_id, d.customer_id, d.attempts, d.lease_token, d.created_at, w.url, w.secrets,
       e.id AS event_id, e.subscription_id, e.type, e.at, e.sequence, e.data`,
    [newId('lease'), leaseSeconds, ctx.now(), failing],
  );
  return rows[0] ?? null;
}

async function send(ctx: Context, delivery: ClaimedDelivery): Promise<Outcome> {
  const { url, secrets, event_id: id } = delivery;
  try {
    const body = JSON.stringify(payload(delivery));
    const valid = openSecrets(ctx, secrets, Date.now());
    const status = await ctx.webhooks.send({ url, id, body, secrets: valid });
    return { status, error: status >= 200 && status < 300 ? null : `status ${status}` };
  } catch (error) {
    return { status: null, error: describeFailure(error) };
  }
}

/** `type`, `timestamp` and `data` as the specification names them; the rest says whose it is and in which order. */
function payload(delivery: ClaimedDelivery) {
  const { event_id: id, type, at, customer_id, subscription_id, sequence, data } = delivery;
  return { id, type, timestamp: at.toISOString(), customer_id, subscription_id, sequence, data };
}

async function save(tx: Tx, now: Date, delivery: ClaimedDelivery, outcome: Outcome): Promise<void> {
  const { id, endpoint_id, customer_id, lease_token } = delivery;
  await lockStream(tx, customer_id);
  const { status, error } = outcome;
  const next = error === null ? null : nextAttemptAt(delivery.attempts + 1, now);
  const state = error === null ? 'delivered' : next ? 'pending' : 'failed';
  const mayEnd = state === 'failed' || status === goneStatus;
  // Before the delivery: whoever switches it off takes the others' deliveries after it.
  if (mayEnd) await lockEndpoint(tx, endpoint_id);
  const saved = await tx.$executeRaw`
    UPDATE webhook_delivery SET state = ${state}, attempts = attempts + 1, next_attempt_at = ${next}::timestamptz,
      last_status = ${status}::int, last_error = ${error}, lease_token = NULL, lease_until = NULL,
      delivered_at = ${state === 'delivered' ? now : null}::timestamptz
    WHERE id = ${id} AND lease_token = ${lease_token} AND state = 'pending'`;
  // Somebody else has taken over, or the endpoint was switched off meanwhile.
  if (saved === 0) return;
  if (state !== 'pending') await makeNextDue(tx, now, { endpoint_id, customer_id });
  if (mayEnd) await switchOff(tx, now, delivery, outcome);
}

async function makeNextDue(
  tx: Tx,
  now: Date,
  { endpoint_id, customer_id }: { endpoint_id: string; customer_id: string },
): Promise<void> {
  await tx.$executeRaw`
    UPDATE webhook_delivery SET next_attempt_at = ${now}::timestamptz WHERE id = (
      SELECT id FROM webhook_delivery
      WHERE endpoint_id = ${endpoint_id} AND customer_id = ${customer_id} AND state = 'pending'
      ORDER BY sequence LIMIT 1)
    AND NOT EXISTS (
      SELECT FROM webhook_delivery
      WHERE endpoint_id = ${endpoint_id} AND customer_id = ${customer_id} AND state = 'pending'
        AND next_attempt_at IS NOT NULL)`;
}
