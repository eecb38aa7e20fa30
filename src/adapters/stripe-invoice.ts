// How an invoice at Stripe becomes our row's columns. Reads fields, decides nothing.
import type Stripe from 'stripe';
import { instant } from './stripe-time.ts';

export type InvoiceFacts = ReturnType<typeof invoiceFacts>;

/** Column by column; amounts are minor units of the currency. */
export function invoiceFacts(invoice: Stripe.Invoice) {
  const period = servicePeriod(invoice);
  return {
    stripe_invoice_id: invoice.id,
    number: invoice.number,
    status: invoice.status ?? 'draft',
    currency: invoice.currency,
    total: BigInt(invoice.total),
    amount_due: BigInt(invoice.amount_due),
    amount_paid: BigInt(invoice.amount_paid),
    period_start: instant(period.start),
    period_end: instant(period.end),
    finalized_at: instant(invoice.status_transitions.finalized_at),
    attempted: invoice.attempted,
    attempt_count: invoice.attempt_count,
    next_payment_attempt: instant(invoice.next_payment_attempt),
    hosted_invoice_url: invoice.hosted_invoice_url ?? null,
    invoice_pdf: invoice.invoice_pdf ?? null,
    created_at: instant(invoice.created),
  };
}

/** The invoice's own period is the one before; what is paid for stands on its lines (Invoice object, period_end). */
function servicePeriod(invoice: Stripe.Invoice): { start: number; end: number } {
  const line = invoice.lines.data.find(
    ({ parent }) => parent?.subscription_item_details?.proration === false,
  );
  return line?.period ?? { start: invoice.period_start, end: invoice.period_end };
}
