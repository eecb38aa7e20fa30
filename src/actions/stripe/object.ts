// "Stripe is re-read, not believed": which objects are due for a look, who is looking, and whose look counts.
// A look is a lease, a ticket drawn before the fetch, the fetch with no transaction open, and one transaction
// that writes only where the lease still holds and the ticket is the higher. Knows no kind of object itself.
import { within } from '../../adapters/deadline.ts';
import { newId } from '../../adapters/id.ts';
import { webhookLagSeconds } from '../../adapters/metrics.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { isMissing, stripeFailure } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import type { DueRows } from '../../domain/job.ts';
import type { RootKind } from '../../domain/stripe-event.ts';
import { readers } from './reader.ts';
import { want } from './want.ts';
import type { Change } from './want.ts';

/** Longer than a fetch may take, so that a lease outlives an honest look. */
const leaseSeconds = 30;
const fetchWithinMs = 10_000;
const batchSize = 8;
const batchesMax = 500;
const alarmAfterAttempts = 5;
/** What a sweep gives others at most: one that died holds its lease for longer. */
const waitForOthersMs = 5_000;
const syncWithinMs = 15_000;
const lookAgainAfterMs = 50;

/** One that fails is not due while it waits for its next attempt; one that somebody looks at still is. */
export const dueObjects: DueRows = {
  kind: 'stripe_object',
  due: `SELECT o.id, coalesce(o.next_attempt_at,
      (SELECT min(e.received_at) FROM stripe_event e WHERE e.object_id = o.id AND e.processed_at IS NULL)) AS due_at
    FROM stripe_object o
    WHERE o.wanted > o.done AND (o.next_attempt_at IS NULL OR o.next_attempt_at <= clock_timestamp())`,
  failed: {
    rows: `SELECT id, attempts, last_error, next_attempt_at FROM stripe_object WHERE attempts > 0 AND wanted > done`,
    retry: `UPDATE stripe_object SET next_attempt_at = NULL WHERE id = $1`,
  },
};

/** What a look saw and did; whoever wants to know is told inside the transaction that wrote it. */
export type Seen = { found: unknown; changes: Change[]; alarm: string | null };
type Observe = (tx: Tx, seen: Seen) => Promise<void>;
export type Root = { kind: RootKind; id: string; deleted?: boolean };
type Claimed = { id: string; kind: RootKind; wanted: number; deleted_seen: boolean; token: string };

/**
 * Looks at everything that is due, a few at a time, until nothing is left or the process is to end. What others
 * are looking at is waited for, so that whoever ran this knows that what was due before is settled.
 */
export async function settleDueObjects(ctx: Context): Promise<{ settled: number; failed: number }> {
  const count = { settled: 0, failed: 0 };
  let patience = Date.now() + waitForOthersMs;
  for (let batch = 0; batch < batchesMax && !ctx.queue.stopping();) {
    const claimed = await claim(ctx, { limit: batchSize });
    if (claimed.length === 0) {
      if (Date.now() > patience || !(await areOthersLooking(ctx))) break;
      await sleep(lookAgainAfterMs);
      continue;
    }
    batch += 1;
    patience = Date.now() + waitForOthersMs;
    const outcomes = await Promise.allSettled(claimed.map((object) => look(ctx, object)));
    for (const { status } of outcomes) count[status === 'fulfilled' ? 'settled' : 'failed'] += 1;
  }
  return count;
}

/**
 * The object's state as of now, written before this returns: by us, or by whoever holds the lease and looks
 * again because of us. Throws `stripe_unavailable` where Stripe cannot be asked.
 */
export function syncNow(ctx: Context, kind: RootKind, id: string): Promise<void> {
  return lookNow(ctx, { kind, id });
}

/** As `syncNow`. `observe` is not called where somebody else did the looking. */
export async function lookNow(ctx: Context, root: Root, observe?: Observe): Promise<void> {
  const wanted = await want(ctx.db, root);
  const { id } = root;
  const until = Date.now() + syncWithinMs;
  for (;;) {
    const [mine] = await claim(ctx, { limit: 1, id });
    if (mine) await look(ctx, mine, observe);
    if (await isDone(ctx, id, wanted)) return;
    if (Date.now() > until)
      throw new AppError('stripe_unavailable', 'Stripe has not answered in time.');
    if (!mine) await sleep(lookAgainAfterMs);
  }
}

/** Leases are compared on the database's clock, which all processes share. */
async function claim(ctx: Context, which: { limit: number; id?: string }): Promise<Claimed[]> {
  const token = newId('lease');
  const { rows } = await ctx.pool.query<Omit<Claimed, 'token'>>(
    `UPDATE stripe_object SET lease_token = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
     WHERE id IN (
       SELECT id FROM stripe_object
       WHERE wanted > done AND (lease_until IS NULL OR lease_until < clock_timestamp())
         AND CASE WHEN $4::text IS NULL THEN next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp()
                  ELSE id = $4 END
       ORDER BY next_attempt_at NULLS FIRST, id LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING id, kind, wanted, deleted_seen`,
    [token, leaseSeconds, which.limit, which.id ?? null],
  );
  return rows.map((row) => ({ ...row, token }));
}

/** One look at one claimed object. A failure is remembered, backed off and thrown on; the others go on. */
async function look(ctx: Context, object: Claimed, observe?: Observe): Promise<void> {
  try {
    const ticket = await drawTicket(ctx);
    const found = await fetchObject(ctx, object);
    await write(ctx, { object, ticket, found, observe });
  } catch (error) {
    await remember(ctx, object, error);
    throw stripeFailure(error);
  }
}

/** Before the fetch: of two looks, the one whose fetch began later has the higher. */
export async function drawTicket(ctx: Context): Promise<number> {
  const { rows } = await ctx.pool.query<{ ticket: number }>(
    `SELECT nextval('stripe_ticket') AS ticket`,
  );
  return rows[0]!.ticket;
}

/** What Stripe has; null where Stripe knows no such object. */
export async function fetchObject(ctx: Context, object: Root): Promise<unknown> {
  try {
    return await within(fetchWithinMs, readers[object.kind].fetch(ctx.stripe, object.id));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

type Held = { lease_token: string | null; ticket: bigint; deleted_seen: boolean };

type Fetched = {
  object: Claimed;
  ticket: number;
  found: unknown;
  observe: Observe | undefined;
};

async function write(ctx: Context, fetched: Fetched): Promise<void> {
  const { object, ticket, found } = fetched;
  const now = ctx.now();
  await inTransaction(ctx, async (tx) => {
    const [row] = await tx.$queryRaw<Held[]>`
      SELECT lease_token, ticket, deleted_seen FROM stripe_object WHERE id = ${object.id} FOR UPDATE`;
    // Somebody took over meanwhile.
    if (row?.lease_token !== object.token) return;
    // Somebody looked later than we did: what we saw is old, and the object stays due for another look.
    const isOld = Number(row.ticket) > ticket;
    const seen = isOld
      ? null
      : await save(ctx, tx, { object, found, wasDeleted: row.deleted_seen });
    if (seen) await fetched.observe?.(tx, seen);
    await tx.$executeRaw`
      UPDATE stripe_object SET lease_token = NULL, lease_until = NULL, attempts = 0, next_attempt_at = NULL,
        last_error = NULL, ticket = greatest(ticket, ${ticket}),
        done = CASE WHEN ${isOld} THEN done ELSE ${object.wanted} END,
        alarm = CASE WHEN ${isOld} THEN alarm ELSE ${seen?.alarm ?? null} END
      WHERE id = ${object.id}`;
    const settled = await tx.$queryRaw<{ created_at: Date }[]>`
      UPDATE stripe_event SET processed_at = ${now} FROM stripe_object o
      WHERE object_id = ${object.id} AND processed_at IS NULL AND o.id = object_id AND o.wanted = o.done
      RETURNING created_at`;
    for (const event of settled) {
      webhookLagSeconds.observe(Math.max(0, now.getTime() - event.created_at.getTime()) / 1000);
    }
  });
}

/** Writes what was found. A 404 alone changes nothing but the alarm. */
export async function save(
  ctx: Context,
  tx: Tx,
  { object, found, wasDeleted }: { object: Root; found: unknown; wasDeleted: boolean },
): Promise<Seen> {
  const changes: Change[] = [];
  const { id, kind } = object;
  const isMissingOnly = found === null && !wasDeleted;
  const alarm = isMissingOnly
    ? 'missing_at_stripe'
    : await readers[kind].save(tx, { id, now: ctx.now(), found, changes });
  if (alarm) ctx.log.error({ alarm, kind, id }, 'stripe object needs attention');
  return { found, changes, alarm };
}

async function remember(ctx: Context, object: Claimed, error: unknown): Promise<void> {
  const message =
    error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 500) : 'unknown';
  const { rows } = await ctx.pool.query<{ attempts: number }>(
    `UPDATE stripe_object SET attempts = attempts + 1, last_error = $3, lease_token = NULL, lease_until = NULL,
       next_attempt_at = clock_timestamp() + make_interval(secs => least(600, 2 ^ least(attempts, 10)))
     WHERE id = $1 AND lease_token = $2 RETURNING attempts`,
    [object.id, object.token, message],
  );
  const attempts = rows[0]?.attempts ?? 0;
  const details = { err: error, kind: object.kind, id: object.id, attempts };
  if (attempts >= alarmAfterAttempts) ctx.log.error(details, 'stripe object cannot be settled');
  else ctx.log.warn(details, 'stripe object not settled yet');
}

async function isDone(ctx: Context, id: string, wanted: number): Promise<boolean> {
  const { rows } = await ctx.pool.query<{ done: number }>(
    'SELECT done FROM stripe_object WHERE id = $1',
    [id],
  );
  return (rows[0]?.done ?? 0) >= wanted;
}

async function areOthersLooking(ctx: Context): Promise<boolean> {
  const { rowCount } = await ctx.pool.query(
    'SELECT 1 FROM stripe_object WHERE wanted > done AND lease_until > clock_timestamp() LIMIT 1',
  );
  return rowCount === 1;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
