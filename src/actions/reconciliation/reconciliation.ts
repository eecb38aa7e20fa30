// Comparisons with Stripe as the outside sees them, and how one begins. One runs at a time, whoever asks for it;
// the work is run.ts, for the job of that name.
import { newId } from '../../adapters/id.ts';
import { inTransaction, isUniqueViolation } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import type {
  Prisma,
  Reconciliation,
  ReconciliationDifference,
} from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';

/** Stripe's event list goes back no further (https://docs.stripe.com/api/events). */
const eventsKeptMs = 30 * 86_400_000;
/** Events that were on their way when the one we know last came in. */
const overlapMs = 3_600_000;
const shownMax = 1_000;

export type ReconciliationView = ReturnType<typeof view>;

/** A new run, or the one under way. Wakes the worker. */
export async function startReconciliation(
  ctx: Context,
  caller: Caller | string,
  { dryRun }: { dryRun: boolean },
): Promise<ReconciliationView> {
  const known = new Date(ctx.now().getTime() - eventsKeptMs);
  const last = await ctx.db.reconciliation.findFirst({
    where: { scope: 'all', status: 'done', dry_run: false },
    orderBy: { id: 'desc' },
  });
  const since = last && last.created_at > known ? before(last.created_at) : known;
  return begin(ctx, caller, { dry_run: dryRun, scope: 'all', events_since: since });
}

/**
 * After a time away: the events since the last one known. Where these reach back further than Stripe keeps them, or
 * none was ever known, everything is compared.
 */
export async function catchUp(ctx: Context): Promise<void> {
  const last = await ctx.db.stripeEvent.findFirst({ orderBy: { created_at: 'desc' } });
  const isKept = last && last.created_at.getTime() - overlapMs > ctx.now().getTime() - eventsKeptMs;
  await begin(ctx, 'job:reconcile', {
    dry_run: false,
    scope: isKept ? 'events' : 'all',
    events_since: isKept ? before(last.created_at) : null,
  });
}

export async function getReconciliation(ctx: Context, id: string): Promise<ReconciliationView> {
  const row = await ctx.db.reconciliation.findUnique({ where: { id } });
  if (!row) throw notFound();
  const where = { reconciliation_id: id };
  const [differences, total] = await Promise.all([
    ctx.db.reconciliationDifference.findMany({ where, orderBy: { id: 'asc' }, take: shownMax }),
    ctx.db.reconciliationDifference.count({ where }),
  ]);
  return view(row, differences, total);
}

async function begin(
  ctx: Context,
  actor: Caller | string,
  what: Pick<Prisma.ReconciliationUncheckedCreateInput, 'dry_run' | 'scope' | 'events_since'>,
): Promise<ReconciliationView> {
  const running = { status: 'running' };
  const current = await ctx.db.reconciliation.findFirst({ where: running });
  if (current) return getReconciliation(ctx, current.id);
  try {
    return await inTransaction(ctx, async (tx, after) => {
      const id = newId('rec');
      const row = await tx.reconciliation.create({
        data: { ...what, id, step: 'event', created_at: ctx.now() },
      });
      const details = { dry_run: row.dry_run, scope: row.scope };
      await audit(tx, ctx.now(), actor, {
        action: 'reconciliation.create',
        objectId: id,
        after: details,
      });
      after(() => ctx.queue.wake('reconcile'));
      return view(row, [], 0);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const first = await ctx.db.reconciliation.findFirst({ orderBy: { id: 'desc' } });
    return getReconciliation(ctx, first!.id);
  }
}

function before(at: Date): Date {
  return new Date(at.getTime() - overlapMs);
}

function view(row: Reconciliation, differences: ReconciliationDifference[], total: number) {
  return {
    id: row.id,
    status: row.status,
    dry_run: row.dry_run,
    scope: row.scope,
    checked: row.checked,
    unchecked: row.unchecked,
    differences: differences.map(({ object, field, ours, stripes, done, why }) => ({
      object,
      field,
      ours,
      stripes,
      done,
      why,
    })),
    differences_total: total,
    error: row.error,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}
