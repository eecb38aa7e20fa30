// What the policies want done at Stripe and an operator has chosen: ending what was refunded in full, ending the newer
// of two live subscriptions, voiding what is owed for one that is over. By default nothing of that is done.
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe, isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { isFinal } from '../../domain/subscription.ts';
import type { DueRows } from '../../domain/job.ts';
import { audit } from '../audit.ts';
import { attemptDue } from '../job-attempt.ts';
import { syncNow } from '../stripe/object.ts';

const live = (row: string) => `${row}.stripe_subscription_id IS NOT NULL
  AND ${row}.status NOT IN ('incomplete', 'incomplete_expired', 'canceled')`;

export const refundedSubscriptions: DueRows = {
  kind: 'refunded_subscription',
  due: `SELECT s.id, s.started_at AS due_at FROM subscription s
    WHERE (SELECT refund_policy FROM setting) = 'cancel' AND s.refunded_until > $1 AND ${live('s')}`,
};

export const newerSubscriptions: DueRows = {
  kind: 'newer_subscription',
  due: `SELECT s.id, s.started_at AS due_at FROM subscription s
    WHERE (SELECT duplicate_policy FROM setting) = 'cancel_newer' AND s.started_at <= $1 AND ${live('s')}
      AND EXISTS (SELECT FROM subscription o WHERE o.customer_id = s.customer_id AND ${live('o')}
        AND (date_trunc('second', o.started_at), o.id) < (date_trunc('second', s.started_at), s.id))`,
};

export const leftInvoices: DueRows = {
  kind: 'left_invoice',
  due: `SELECT i.id, i.created_at AS due_at FROM invoice i
    WHERE (SELECT open_invoice_policy FROM setting) = 'void' AND i.status = 'open' AND i.created_at <= $1
      AND EXISTS (SELECT FROM subscription s WHERE s.id = i.subscription_id AND s.status = 'canceled')`,
};

/** Does what is due; what Stripe did not do now is tried again. */
export async function applyPolicies(ctx: Context): Promise<{ settled: number; failed: number }> {
  const done = [
    await attemptDue(ctx, refundedSubscriptions, (id) => end(ctx, id, 'policy:refund')),
    await attemptDue(ctx, newerSubscriptions, (id) => end(ctx, id, 'policy:duplicate')),
    await attemptDue(ctx, leftInvoices, (id) => voidInvoice(ctx, id)),
  ];
  const sum = (name: 'settled' | 'failed') => done.reduce((all, one) => all + one[name], 0);
  return { settled: sum('settled'), failed: sum('failed') };
}

/** Ends it now, at Stripe. What was paid for it stays paid: giving it back is a person's decision. */
async function end(ctx: Context, id: string, actor: string): Promise<void> {
  const row = await ctx.db.subscription.findUniqueOrThrow({ where: { id } });
  const stripeId = row.stripe_subscription_id;
  if (!stripeId || isFinal(row.status)) return;
  await unlessRefused(() => ctx.stripe.subscriptions.cancel(stripeId));
  await syncNow(ctx, 'subscription', stripeId);
  const after = await ctx.db.subscription.findUniqueOrThrow({ where: { id } });
  if (!isFinal(after.status)) throw new Error('Stripe has not ended the subscription');
  await note(ctx, actor, {
    action: 'subscription.cancel',
    objectId: id,
    customerId: row.customer_id,
    before: { status: row.status },
    after: { status: after.status },
  });
}

async function voidInvoice(ctx: Context, id: string): Promise<void> {
  const row = await ctx.db.invoice.findUniqueOrThrow({
    where: { id },
    include: { subscription: true },
  });
  const stripeId = row.subscription?.stripe_subscription_id;
  if (row.status !== 'open' || !stripeId) return;
  await unlessRefused(() => ctx.stripe.invoices.voidInvoice(row.stripe_invoice_id));
  await syncNow(ctx, 'subscription', stripeId);
  const after = await ctx.db.invoice.findUniqueOrThrow({ where: { id } });
  if (after.status === 'open') throw new Error('Stripe has not voided the invoice');
  await note(ctx, 'policy:open_invoice', {
    action: 'invoice.void',
    objectId: id,
    customerId: row.customer_id,
    before: { status: row.status },
    after: { status: after.status },
  });
}

/** Over, or paid, already: the look that follows tells. */
async function unlessRefused(call: () => Promise<unknown>): Promise<void> {
  await callStripe(call).catch((error: unknown) => {
    if (!isRefused(error)) throw error;
  });
}

function note(ctx: Context, actor: string, entry: Parameters<typeof audit>[3]): Promise<void> {
  return inTransaction(ctx, (tx) => audit(tx, ctx.now(), actor, entry));
}
