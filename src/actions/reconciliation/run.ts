// The job's side of a comparison: begins one when a day is over, takes up the one under way under a lease, does a
// slice of it and leaves the rest to the next run, on whichever worker.
import { newId } from '../../adapters/id.ts';
import { createPacedStripe } from '../../adapters/stripe-pace.ts';
import type { Context } from '../../context.ts';
import { LeaseLost, StripeAway } from './check.ts';
import type { Run } from './check.ts';
import { startReconciliation } from './reconciliation.ts';
import { steps } from './step.ts';
import type { StepName } from './step.ts';

const hourMs = 3_600_000;
const everyMs = 24 * hourMs;
/** A comparison that Stripe's outage has cut short is due again sooner. */
const againMs = hourMs;
const sliceMs = 10_000;
const leaseSeconds = 60;
const portionAttemptsMax = 3;
const pauseMs = 500;

const order: Record<string, StepName[]> = {
  all: ['event', 'subscription', 'customer', 'price'],
  events: ['event'],
};

type Claimed = {
  id: string;
  dry_run: boolean;
  scope: string;
  step: StepName;
  position: string | null;
  events_since: Date | null;
};

/** Returns how many comparisons came to an end. Safe to run twice at once: one of them does the work. */
export async function reconcile(ctx: Context): Promise<{ ended: number }> {
  if (await isDue(ctx)) await startReconciliation(ctx, 'job:reconcile', { dryRun: false });
  const token = newId('lease');
  const row = await claim(ctx, token);
  if (!row) return { ended: 0 };
  const run: Run = {
    ctx: { ...ctx, stripe: createPacedStripe(ctx.config, ctx.config.reconcileCallsPerSecond) },
    id: row.id,
    token,
    dryRun: row.dry_run,
    eventsSince: row.events_since,
    failedInARow: 0,
  };
  try {
    const isOver = await workFor(run, row);
    if (!isOver) await release(ctx, run);
    return { ended: isOver ? 1 : 0 };
  } catch (error) {
    if (error instanceof LeaseLost) return { ended: 0 };
    if (!(error instanceof StripeAway)) throw error;
    await finish(run, error.message);
    return { ended: 1 };
  }
}

/** Once a day, by business time; the first time a day after there was a customer to compare. */
async function isDue(ctx: Context): Promise<boolean> {
  const last = await ctx.db.reconciliation.findFirst({
    where: { scope: 'all', dry_run: false },
    orderBy: { id: 'desc' },
  });
  const first = last
    ? null
    : await ctx.db.customer.findFirst({
        where: { stripe_customer_id: { not: null } },
        orderBy: { id: 'asc' },
      });
  const since = last ?? first;
  if (!since) return false;
  const isWhole = !last || last.status === 'done' || last.status === 'running';
  return since.created_at.getTime() + (isWhole ? everyMs : againMs) <= ctx.now().getTime();
}

async function claim(ctx: Context, token: string): Promise<Claimed | null> {
  const { rows } = await ctx.pool.query<Claimed>(
    `UPDATE reconciliation SET lease_token = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
     WHERE status = 'running' AND (lease_until IS NULL OR lease_until < clock_timestamp())
     RETURNING id, dry_run, scope, step, "position", events_since`,
    [token, leaseSeconds],
  );
  return rows[0] ?? null;
}

/** Whether the run has come to its end within this slice. */
async function workFor(run: Run, row: Claimed): Promise<boolean> {
  const until = Date.now() + sliceMs;
  const names = order[row.scope] ?? [];
  let { position } = row;
  for (const name of names.slice(names.indexOf(row.step))) {
    do {
      if (Date.now() > until || run.ctx.queue.stopping()) return false;
      position = await portion(run, name, position);
      await savePosition(run, name, position, names);
    } while (position !== null);
  }
  await finish(run, null);
  return true;
}

/** A list that does not come is asked for again, a few times; then nothing can be said about the rest. */
async function portion(run: Run, name: StepName, position: string | null): Promise<string | null> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await steps[name](run, position);
    } catch (error) {
      if (error instanceof LeaseLost || error instanceof StripeAway) throw error;
      run.ctx.log.warn({ err: error, step: name }, 'comparison: a step failed');
      if (attempt >= portionAttemptsMax) {
        throw new StripeAway(error instanceof Error ? error.name : 'unknown');
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 ** attempt));
    }
  }
}

async function savePosition(
  run: Run,
  name: StepName,
  position: string | null,
  names: StepName[],
): Promise<void> {
  const step = position === null ? (names[names.indexOf(name) + 1] ?? name) : name;
  const { rowCount } = await run.ctx.pool.query(
    `UPDATE reconciliation SET step = $3, "position" = $4,
       checked = (SELECT count(*) FROM reconciliation_object WHERE reconciliation_id = $1),
       lease_until = clock_timestamp() + make_interval(secs => $5)
     WHERE id = $1 AND lease_token = $2`,
    [run.id, run.token, step, position, leaseSeconds],
  );
  if (rowCount === 0) throw new LeaseLost();
}

async function release(ctx: Context, run: Run): Promise<void> {
  await ctx.pool.query(
    'UPDATE reconciliation SET lease_token = NULL, lease_until = NULL WHERE id = $1 AND lease_token = $2',
    [run.id, run.token],
  );
  await ctx.queue.wake('reconcile');
}

/** `error` names what Stripe's silence looked like; what was found and mended until then stays. */
async function finish(run: Run, error: string | null): Promise<void> {
  const { pool, now } = run.ctx;
  await pool.query(
    `WITH counted AS (
       SELECT count(*)::int AS checked FROM reconciliation_object WHERE reconciliation_id = $1),
     ended AS (
       UPDATE reconciliation SET checked = counted.checked, error = $3, finished_at = $4,
         lease_token = NULL, lease_until = NULL,
         status = CASE WHEN $3::text IS NULL AND unchecked = 0 THEN 'done'
                       WHEN counted.checked > 0 OR $3::text IS NULL THEN 'partial' ELSE 'failed' END
       FROM counted WHERE id = $1 AND lease_token = $2 RETURNING id)
     DELETE FROM reconciliation_object WHERE reconciliation_id IN (SELECT id FROM ended)`,
    [run.id, run.token, error, now()],
  );
}
