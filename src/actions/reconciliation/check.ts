// One object compared: the look itself tells what it changed, and the report is written in its transaction. What an
// answer does not say changes nothing; an object that could not be asked about is counted, and left as it is.
import type { StripeSubscriptionFacts } from '../../adapters/stripe-subscription.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { compareNow } from '../stripe/compare.ts';
import { lookNow } from '../stripe/object.ts';
import type { Root, Seen } from '../stripe/object.ts';

export type Run = {
  /** With a client of Stripe's that keeps to so many calls a second. */
  ctx: Context;
  id: string;
  token: string;
  dryRun: boolean;
  eventsSince: Date | null;
  /** Objects in a row that Stripe did not answer about. */
  failedInARow: number;
};

/** Ends a run before its time: Stripe answers nothing any more. */
export class StripeAway extends Error {}
/** Another worker goes on with this run. */
export class LeaseLost extends Error {}

type Difference = { object: string; field: string; ours: unknown; stripes: unknown; why: Why };
type Why = 'missed_event' | 'missing_at_stripe' | 'duplicate_subscription' | 'unknown_price';

const failuresMax = 3;
const differencesMax = 10_000;
const leaseSeconds = 60;

/** False where Stripe did not answer. What this run has looked at already is not looked at again. */
export async function check(run: Run, root: Root): Promise<boolean> {
  const { ctx } = run;
  if (await isChecked(run, root.id)) return true;
  // An event that waits to be dealt with was not missed.
  const waits = await ctx.db.stripeEvent.count({
    where: { object_id: root.id, processed_at: null },
  });
  try {
    if (run.dryRun) await record(ctx.db, run, { root, waits, seen: await compareNow(ctx, root) });
    else await lookNow(ctx, root, (tx, seen) => record(tx, run, { root, waits, seen }));
    run.failedInARow = 0;
    await markChecked(run, root.id);
    return true;
  } catch (error) {
    ctx.log.warn({ err: error, kind: root.kind, id: root.id }, 'object not compared');
    await ctx.pool.query('UPDATE reconciliation SET unchecked = unchecked + 1 WHERE id = $1', [
      run.id,
    ]);
    run.failedInARow += 1;
    if (run.failedInARow >= failuresMax) throw new StripeAway(nameOf(error));
    return false;
  }
}

/** An object whose listing was enough to know that nothing has changed. */
export async function markChecked(run: Run, object: string): Promise<void> {
  const { rowCount } = await run.ctx.pool.query(
    `WITH held AS (
       UPDATE reconciliation SET lease_until = clock_timestamp() + make_interval(secs => $4)
       WHERE id = $1 AND lease_token = $2 RETURNING id),
     marked AS (
       INSERT INTO reconciliation_object (reconciliation_id, object) SELECT id, $3 FROM held
       ON CONFLICT DO NOTHING RETURNING 1)
     SELECT 1 FROM held`,
    [run.id, run.token, object, leaseSeconds],
  );
  if (rowCount === 0) throw new LeaseLost();
}

async function isChecked(run: Run, object: string): Promise<boolean> {
  const { rowCount } = await run.ctx.pool.query(
    'SELECT 1 FROM reconciliation_object WHERE reconciliation_id = $1 AND object = $2',
    [run.id, object],
  );
  return rowCount === 1;
}

type Compared = { root: Root; waits: number; seen: Seen };

async function record(
  tx: Pick<Tx, '$executeRaw' | 'subscription'>,
  run: Run,
  compared: Compared,
): Promise<void> {
  const { seen, waits } = compared;
  const changed = waits > 0 ? [] : seen.changes;
  const alarm = seen.alarm === null ? null : await alarmed(tx, seen.alarm, compared);
  const rows = [
    ...changed.map((one) => ({ ...one, why: 'missed_event', done: 'repaired' })),
    ...(alarm ? [{ ...alarm, done: 'reported' }] : []),
  ].map((row) => ({ ...row, done: run.dryRun ? 'nothing' : row.done }));
  if (rows.length === 0) return;
  await tx.$executeRaw`
    INSERT INTO reconciliation_difference (reconciliation_id, object, field, ours, stripes, done, why)
    SELECT ${run.id}, d.object, d.field, d.ours, d.stripes, d.done, d.why
    FROM jsonb_to_recordset(${toJson(rows)}::jsonb)
      AS d (object text, field text, ours jsonb, stripes jsonb, done text, why text)
    WHERE (SELECT count(*) FROM reconciliation_difference WHERE reconciliation_id = ${run.id}) < ${differencesMax}
    ON CONFLICT DO NOTHING`;
}

/** What we cannot mend, in the report's words. */
async function alarmed(
  tx: Pick<Tx, 'subscription'>,
  alarm: string,
  { root, seen }: Compared,
): Promise<Difference | null> {
  const row = await tx.subscription.findUnique({ where: { stripe_subscription_id: root.id } });
  const found = seen.found as StripeSubscriptionFacts;
  const object = root.id;
  switch (alarm) {
    case 'missing_at_stripe': {
      if (root.kind !== 'subscription')
        return { object, field: 'id', ours: object, stripes: null, why: 'missing_at_stripe' };
      return row && { object, field: 'status', ours: row.status, stripes: null, why: 'missing_at_stripe' }; // prettier-ignore
    }
    // Nothing that differs: Stripe and we say the same.
    case 'disputed':
      return null;
    case 'customer_deleted':
    case 'price_deleted':
    case 'product_deleted':
      return { object, field: 'deleted', ours: false, stripes: true, why: 'missing_at_stripe' };
    case 'unknown_price': {
      const prices = found.items.map(({ priceId }) => priceId);
      return { object, field: 'price', ours: null, stripes: prices, why: 'unknown_price' };
    }
    case 'duplicate_subscription': {
      const others = await liveBeside(tx, row?.customer_id ?? '', object);
      return { object, field: 'id', ours: others, stripes: object, why: 'duplicate_subscription' };
    }
    default:
      return { object, field: 'customer', ours: null, stripes: found.customerId, why: 'missed_event' }; // prettier-ignore
  }
}

async function liveBeside(tx: Pick<Tx, 'subscription'>, customerId: string, stripeId: string) {
  const rows = await tx.subscription.findMany({
    where: {
      customer_id: customerId,
      status: { notIn: ['incomplete', 'incomplete_expired', 'canceled'] },
    },
    orderBy: { started_at: 'asc' },
  });
  const ids = rows.map((row) => row.stripe_subscription_id ?? row.id);
  return ids.filter((id) => id !== stripeId);
}

function toJson(rows: object[]): string {
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
