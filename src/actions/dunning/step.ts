// What a step of the ladder does once it is due: it tells the customer, and the last one ends the subscription at
// Stripe. Access is not its business: the check knows the ladder and the time.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { callStripe, isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { isHardDecline, noticeOf } from '../../domain/dunning.ts';
import type { DueRows } from '../../domain/job.ts';
import type { LadderAccess } from '../../domain/plan.ts';
import type { Dunning, DunningStep, Invoice } from '../../generated/prisma/client.ts';
import { publishActionRequired } from '../event/payment.ts';
import { attemptDue } from '../job-attempt.ts';
import { syncNow } from '../stripe/object.ts';
import { isLate, lockDebtor } from './debt.ts';
import type { Debtor } from './debt.ts';
import { lastAttempt } from './decline.ts';
import { tellDebtor } from './tell.ts';

export const dueSteps: DueRows = {
  kind: 'dunning_step',
  due: `SELECT id, due_at FROM dunning_step WHERE state = 'due' AND due_at <= $1`,
};

/** Takes every step that is due. One that fails, because Stripe is away for instance, waits and is tried again. */
export function takeDueSteps(ctx: Context): Promise<{ settled: number; failed: number }> {
  return attemptDue(ctx, dueSteps, (id) => takeStep(ctx, id));
}

async function takeStep(ctx: Context, id: string): Promise<void> {
  const row = await ctx.db.dunningStep.findUniqueOrThrow({ where: { id } });
  if (row.state !== 'due') return;
  const debt = await ctx.db.dunning.findUniqueOrThrow({ where: { id: row.dunning_id } });
  const invoice = await oldestOwed(ctx, debt.subscription_id);
  const last = await lastAttempt(ctx, invoice);
  if (row.access === 'cancel') await cancelAtStripe(ctx, debt);
  await inTransaction(ctx, async (tx) => {
    const debtor = await lockDebtor(tx, debt.subscription_id);
    const now = ctx.now();
    const state = await stateAfter(tx, row, debt, debtor);
    const ended = await tx.dunningStep.updateMany({
      where: { id, state: 'due' },
      data: { state, done_at: now },
    });
    if (ended.count === 0) return;
    await tx.dunning.update({
      where: { id: debt.id },
      data: { decline_code: last.declineCode, is_hard: isHardDecline(last.declineCode) },
    });
    if (state !== 'done' || !debtor) return;
    if (last.needsAction && invoice) await publishActionRequired(tx, now, invoice);
    const kind = noticeOf(row.access as LadderAccess, last);
    await tellDebtor(
      tx,
      { debt, debtor, invoice, now },
      {
        kind,
        step: row.access === 'cancel' ? 'ended' : String(row.after_hours),
      },
    );
  });
}

/** Paid meanwhile: nobody is told that it is late. A later step is due already: that one speaks. */
async function stateAfter(
  tx: Tx,
  row: DunningStep,
  debt: Dunning,
  debtor: Debtor | null,
): Promise<'done' | 'moot' | 'passed'> {
  const since = debt.past_due_since.getTime();
  // The last step has ended the subscription itself, and says so.
  if (row.access === 'cancel') return debtor?.status === 'canceled' ? 'done' : 'moot';
  if (!debtor || !isLate(debtor) || debtor.past_due_since!.getTime() !== since) return 'moot';
  const later = await tx.dunningStep.count({
    where: {
      dunning_id: debt.id,
      after_hours: { gt: row.after_hours },
      state: { in: ['due', 'done'] },
    },
  });
  return later > 0 ? 'passed' : 'done';
}

/** Ended without a further invoice. Already over, or gone: that is what was wanted. */
async function cancelAtStripe(ctx: Context, debt: Dunning): Promise<void> {
  const row = await ctx.db.subscription.findUniqueOrThrow({ where: { id: debt.subscription_id } });
  const stripeId = row.stripe_subscription_id;
  const isStillOwed =
    (row.status === 'past_due' || row.status === 'unpaid') &&
    row.past_due_since?.getTime() === debt.past_due_since.getTime();
  if (!stripeId || !isStillOwed) return;
  // A payment that came in this very minute counts: asked of Stripe, not of our copy.
  await syncNow(ctx, 'subscription', stripeId);
  const current = await ctx.db.subscription.findUniqueOrThrow({ where: { id: row.id } });
  if (current.status !== row.status) return;
  try {
    await ctx.stripe.subscriptions.cancel(
      stripeId,
      { cancellation_details: { comment: 'The payment stayed open to the end of the ladder.' } },
      { idempotencyKey: `dunning-${debt.id}` },
    );
  } catch (error) {
    if (!isRefused(error)) await callStripe(() => Promise.reject(error as Error));
  }
  await syncNow(ctx, 'subscription', stripeId);
}

function oldestOwed(ctx: Context, subscriptionId: string): Promise<Invoice | null> {
  return ctx.db.invoice.findFirst({
    where: { subscription_id: subscriptionId, status: 'open', attempted: true },
    orderBy: [{ finalized_at: 'asc' }, { id: 'asc' }],
  });
}
