// What became of a payment, in the transaction in which we learned of it. Never tells whose card it was.
import type { Tx } from '../../adapters/postgres.ts';
import { paymentEvent } from '../../domain/payment.ts';
import type { Invoice } from '../../generated/prisma/client.ts';
import { invoiceView } from '../invoice-view.ts';
import { publish } from './publish.ts';

/** Stripe counts in seconds, and its clock is its own. */
const toleranceMs = 60_000;

/** `before` is the row as it was, null where it is new. What was paid before the customer came to us is no news. */
export async function publishPayment(
  tx: Tx,
  now: Date,
  { before, after }: { before: Invoice | null; after: Invoice },
): Promise<void> {
  const event = paymentEvent(before, after);
  if (!event || (!before && (await isFromBefore(tx, after)))) return;
  await tell(tx, now, { invoice: after, ...event });
}

/** The payer must do something; told once per attempt. */
export async function publishActionRequired(tx: Tx, now: Date, invoice: Invoice): Promise<void> {
  const step = String(invoice.attempt_count);
  await tell(tx, now, { invoice, type: 'payment.action_required', step });
}

type News = {
  invoice: Invoice;
  type: 'payment.succeeded' | 'payment.failed' | 'payment.action_required';
  step: string;
};

async function tell(tx: Tx, now: Date, { invoice, type, step }: News): Promise<void> {
  await publish(tx, {
    customerId: invoice.customer_id,
    subscriptionId: invoice.subscription_id,
    type,
    at: now,
    key: `${type} ${invoice.id} ${step}`,
    data: { invoice: invoiceView(invoice), attempt: invoice.attempt_count },
  });
}

async function isFromBefore(tx: Tx, invoice: Invoice): Promise<boolean> {
  const { created_at } = await tx.customer.findUniqueOrThrow({
    where: { id: invoice.customer_id },
    select: { created_at: true },
  });
  return invoice.created_at.getTime() < created_at.getTime() - toleranceMs;
}
