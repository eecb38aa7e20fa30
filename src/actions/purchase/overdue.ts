// Which purchases have been going on for too long: an intent whose lease is over was left by a process that
// died; a page is open for a day and a first payment for 23 hours at Stripe, whatever events were lost.
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import { attemptDue } from '../job-attempt.ts';
import { notWanted } from '../stripe/want-due.ts';
import type { OverdueRows } from '../stripe/want-due.ts';
import { settlePurchase } from './settle.ts';

const payerPatience = `interval '23 hours'`;

/** Intents that were left behind; their lease is machine time. */
export const leftPurchases: DueRows = {
  kind: 'purchase',
  due: `SELECT p.id, p.lease_until AS due_at FROM purchase p WHERE p.state = 'open' AND p.lease_until < clock_timestamp()`,
};

/** The look that follows ends them, or finds them paid. */
export const oldFirstPayments: OverdueRows = {
  kind: 'first_payment',
  root: 'subscription',
  due: `SELECT p.stripe_subscription_id AS id, p.created_at + ${payerPatience} AS due_at FROM purchase p
    WHERE p.state = 'checkout' AND p.stripe_subscription_id IS NOT NULL AND p.created_at <= $1 - ${payerPatience}
      AND ${notWanted('p.stripe_subscription_id')}`,
};

export const oldCheckouts: OverdueRows = {
  kind: 'checkout',
  root: 'checkout_session',
  due: `SELECT p.stripe_session_id AS id, p.created_at + ${payerPatience} AS due_at FROM purchase p
    WHERE p.state = 'checkout' AND p.stripe_subscription_id IS NULL AND p.stripe_session_id IS NOT NULL
      AND p.created_at <= $1 - ${payerPatience} AND ${notWanted('p.stripe_session_id')}`,
};

/** Brings intents that were left behind to their end. */
export function settleLeftPurchases(ctx: Context): Promise<{ settled: number; failed: number }> {
  return attemptDue(ctx, leftPurchases, async (id) =>
    settlePurchase(ctx, await ctx.db.purchase.findUniqueOrThrow({ where: { id } })),
  );
}
