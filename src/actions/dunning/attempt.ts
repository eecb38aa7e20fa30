// Charging an open invoice again: because the customer has another payment method, or by our own schedule where
// Stripe is told not to. Each try is an intent in a row, with an idempotency key made from its id: made once.
import { newId } from '../../adapters/id.ts';
import { withLease } from '../../adapters/lease.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { declineCodeOf, isRefused, stripeFailure } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { Invoice, PaymentAttempt } from '../../generated/prisma/client.ts';
import type { DueRows } from '../../domain/job.ts';
import { lookAtInvoice } from '../invoice.ts';
import { attemptDue } from '../job-attempt.ts';

export const dueAttempts: DueRows = {
  kind: 'payment_attempt',
  due: `SELECT id, due_at FROM payment_attempt WHERE state = 'due' AND due_at <= $1`,
};

type Outcome = { state: 'paid' | 'declined' | 'moot'; declineCode: string | null };

/** What is owed by the customer, or for one subscription, is tried with the new method: once per invoice and method. */
export async function wantPaymentWith(
  tx: Tx,
  {
    customerId,
    subscriptionId,
    paymentMethod,
    now,
  }: { customerId: string; subscriptionId?: string; paymentMethod: string; now: Date },
): Promise<void> {
  const owed = await tx.invoice.findMany({
    where: {
      customer_id: customerId,
      ...(subscriptionId ? { subscription_id: subscriptionId } : {}),
      status: 'open',
      attempted: true,
      subscription: { status: { in: ['past_due', 'unpaid'] } },
    },
    select: { id: true },
    orderBy: [{ finalized_at: 'asc' }, { id: 'asc' }],
  });
  for (const { id } of owed) {
    const key = paymentMethod;
    await wantAttempt(tx, { invoiceId: id, reason: 'new_payment_method', key, paymentMethod, now });
  }
}

/** Saves the intent; one that is there already stays as it is. */
export async function wantAttempt(
  tx: Tx,
  attempt: {
    invoiceId: string;
    reason: 'new_payment_method' | 'schedule';
    key: string;
    paymentMethod: string | null;
    now: Date;
  },
): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO payment_attempt (id, invoice_id, reason, key, payment_method, due_at, state)
    VALUES (${newId('pat')}, ${attempt.invoiceId}, ${attempt.reason}, ${attempt.key}, ${attempt.paymentMethod},
      ${attempt.now}::timestamptz, 'due')
    ON CONFLICT (invoice_id, reason, key) DO NOTHING`;
}

/** Makes every try that is due. A decline ends the try; Stripe out of reach lets it wait. */
export function makeDueAttempts(ctx: Context): Promise<{ settled: number; failed: number }> {
  return attemptDue(ctx, dueAttempts, async (id) => {
    const { invoice_id } = await ctx.db.paymentAttempt.findUniqueOrThrow({ where: { id } });
    // Somebody may be paying this very invoice by hand: one after the other.
    await withLease(ctx.pool, `invoice-${invoice_id}`, () => makeAttempt(ctx, id));
  });
}

async function makeAttempt(ctx: Context, id: string): Promise<void> {
  const attempt = await ctx.db.paymentAttempt.findUniqueOrThrow({ where: { id } });
  if (attempt.state !== 'due') return;
  const invoice = await ctx.db.invoice.findUniqueOrThrow({ where: { id: attempt.invoice_id } });
  const outcome = await tryToPay(ctx, invoice, attempt);
  await lookAtInvoice(ctx, invoice);
  await ctx.db.paymentAttempt.updateMany({
    where: { id, state: 'due' },
    data: { state: outcome.state, decline_code: outcome.declineCode, done_at: ctx.now() },
  });
}

async function tryToPay(ctx: Context, invoice: Invoice, row: PaymentAttempt): Promise<Outcome> {
  if (invoice.status !== 'open') return { state: 'moot', declineCode: null };
  try {
    await ctx.stripe.invoices.pay(
      invoice.stripe_invoice_id,
      row.payment_method ? { payment_method: row.payment_method } : {},
      { idempotencyKey: `attempt-${row.id}` },
    );
    return { state: 'paid', declineCode: null };
  } catch (error) {
    const declineCode = declineCodeOf(error);
    if (declineCode !== null) return { state: 'declined', declineCode };
    // Paid, voided or gone meanwhile: the look that follows says which.
    if (isRefused(error)) return { state: 'moot', declineCode: null };
    throw stripeFailure(error);
  }
}
