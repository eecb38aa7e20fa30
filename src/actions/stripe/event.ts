// Takes in an event of Stripe's: verified, stored once, and its root object marked for a re-read, in one
// transaction. What the event says happened is not believed and not acted upon here.
import { z } from 'zod';
import { webhooks } from '../../adapters/metrics.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import { isSignedByStripe } from '../../adapters/stripe-signature.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import { rootObject } from '../../domain/stripe-event.ts';
import type { RootObject } from '../../domain/stripe-event.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { want } from './want.ts';

const record = z.record(z.string(), z.unknown());
const stripeEvent = z.object({
  id: z.string().min(1).max(255),
  object: z.literal('event'),
  type: z.string().min(1).max(255),
  created: z.number().int().nonnegative().max(253_402_300_799),
  livemode: z.boolean(),
  api_version: z.string().max(100).nullish(),
  data: z.object({ object: record, previous_attributes: record.nullish() }),
});
type StripeEvent = z.output<typeof stripeEvent>;

/** Throws `invalid_signature` or `invalid_event` (nothing stored); when it returns, the event is on disk. */
export async function receiveStripeEvent(
  ctx: Context,
  delivery: { raw: Buffer; signature: string | undefined },
): Promise<void> {
  const secrets = ctx.config.stripeWebhookSecrets;
  if (!isSignedByStripe(ctx.stripe, { ...delivery, secrets, nowMs: Date.now() })) {
    throw new AppError(
      'invalid_signature',
      'The signature does not match, or its time is too far off.',
    );
  }
  const event = parse(delivery.raw);
  if (event.livemode !== ctx.config.livemode) {
    throw new AppError(
      'invalid_event',
      'The event is of the other mode (live or test) than this service.',
    );
  }
  const isNew = await inTransaction(ctx, async (tx, after) => {
    const stored = await store(tx, ctx.now(), event);
    if (stored) after(() => ctx.queue.wake('process-stripe-event'));
    return stored;
  });
  webhooks.inc({ result: isNew ? 'stored' : 'nothing_new' });
}

function parse(raw: Buffer): StripeEvent {
  try {
    return stripeEvent.parse(JSON.parse(raw.toString('utf8'), withoutNul));
  } catch {
    throw new AppError(
      'invalid_event',
      'The body is signed but is no event that can be understood.',
    );
  }
}

/** PostgreSQL's jsonb cannot hold NUL; in an event it can only be noise. */
function withoutNul(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '') : value;
}

/** Keeps an event that Stripe's list tells of and whose object has been looked at since. */
export async function storeListedEvent(tx: Tx, now: Date, listed: unknown): Promise<void> {
  const event = stripeEvent.parse(JSON.parse(JSON.stringify(listed), withoutNul));
  await insert(tx, event, { received: now, processed: now });
}

/** Whether there is something new to look at. The same event again changes nothing. */
async function store(tx: Tx, now: Date, event: StripeEvent): Promise<boolean> {
  const root = rootOf(event);
  const isNew = await insert(tx, event, { received: now, processed: root ? null : now });
  if (!isNew || !root) return false;
  await want(tx, root);
  return true;
}

async function insert(
  tx: Tx,
  event: StripeEvent,
  at: { received: Date; processed: Date | null },
): Promise<boolean> {
  const { count } = await tx.stripeEvent.createMany({
    data: {
      id: event.id,
      type: event.type,
      api_version: event.api_version ?? null,
      object_id: rootOf(event)?.id ?? '',
      payload: event as unknown as Prisma.InputJsonObject,
      created_at: new Date(event.created * 1000),
      received_at: at.received,
      processed_at: at.processed,
    },
    skipDuplicates: true,
  });
  return count > 0;
}

function rootOf({ type, data }: StripeEvent): RootObject | null {
  return rootObject({
    type,
    object: data.object,
    previous: data.previous_attributes ?? undefined,
  });
}
