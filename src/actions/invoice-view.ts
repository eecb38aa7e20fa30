// An invoice as the outside sees it: over REST and in events.
import type { Invoice } from '../generated/prisma/client.ts';

export function invoiceView(row: Invoice) {
  return {
    id: row.id,
    customer_id: row.customer_id,
    subscription_id: row.subscription_id,
    number: row.number,
    status: row.status,
    currency: row.currency,
    total: Number(row.total),
    amount_due: Number(row.amount_due),
    amount_paid: Number(row.amount_paid),
    period_start: row.period_start.toISOString(),
    period_end: row.period_end.toISOString(),
    next_payment_attempt: row.next_payment_attempt?.toISOString() ?? null,
    hosted_invoice_url: row.hosted_invoice_url,
    invoice_pdf: row.invoice_pdf,
    created_at: row.created_at.toISOString(),
  };
}
