// Keeps our copies of invoices equal to Stripe's. A copy that is already right is not touched.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { InvoiceFacts } from '../../adapters/stripe-invoice.ts';
import { difference } from '../../domain/subscription.ts';
import { noteChanges } from './want.ts';
import type { Change } from './want.ts';
import { publishPayment } from '../event/payment.ts';

/** `subscriptionId` null: of the customer alone, or of a subscription that has no row. */
export async function saveInvoices(
  tx: Tx,
  given: {
    now: Date;
    customerId: string;
    subscriptionId: string | null;
    invoices: InvoiceFacts[];
    changes: Change[];
  },
): Promise<void> {
  const { now, customerId, subscriptionId, invoices, changes } = given;
  const known = await tx.invoice.findMany({
    where: { stripe_invoice_id: { in: invoices.map((invoice) => invoice.stripe_invoice_id) } },
  });
  const byStripeId = new Map(known.map((row) => [row.stripe_invoice_id, row]));
  // Oldest first, so that our ids sort as the invoices do.
  for (const invoice of invoices.toReversed()) {
    const next = { ...invoice, ...(subscriptionId ? { subscription_id: subscriptionId } : {}) };
    const row = byStripeId.get(invoice.stripe_invoice_id);
    if (!row) {
      changes.push({
        object: next.stripe_invoice_id,
        field: 'status',
        ours: null,
        stripes: next.status,
      });
      const after = await tx.invoice.create({
        data: { ...next, id: newId('inv'), customer_id: customerId },
      });
      await publishPayment(tx, now, { before: null, after });
      continue;
    }
    const change = difference(row, next);
    if (!change) continue;
    noteChanges(changes, row.stripe_invoice_id, change);
    const after = await tx.invoice.update({ where: { id: row.id }, data: change.after });
    await publishPayment(tx, now, { before: row, after });
  }
}
