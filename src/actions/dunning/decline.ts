// How the last attempt to collect an invoice ended. Asks Stripe; changes nothing.
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { LastAttempt } from '../../domain/dunning.ts';
import type { Invoice } from '../../generated/prisma/client.ts';

const nothingKnown: LastAttempt = { declineCode: null, needsAction: false };

/** A decline in the bank's word, or else in Stripe's; nothing is known where there was no card at all. */
export async function lastAttempt(ctx: Context, invoice: Invoice | null): Promise<LastAttempt> {
  if (!invoice) return nothingKnown;
  const { payments } = await callStripe(() =>
    ctx.stripe.invoices.retrieve(invoice.stripe_invoice_id, {
      expand: ['payments.data.payment.payment_intent'],
    }),
  );
  for (const { payment } of payments?.data ?? []) {
    const intent = payment.payment_intent;
    if (!intent || typeof intent === 'string') continue;
    const error = intent.last_payment_error;
    const declineCode = error ? (error.decline_code ?? error.code ?? null) : null;
    return { declineCode, needsAction: intent.status === 'requires_action' };
  }
  return nothingKnown;
}
