// Invoices as the outside sees them, and paying one. The money is Stripe's business: we ask, then look.
import { newId } from '../adapters/id.ts';
import { withLease } from '../adapters/lease.ts';
import { inTransaction } from '../adapters/postgres.ts';
import { callStripe, isRefused } from '../adapters/stripe-error.ts';
import type { Context } from '../context.ts';
import { AppError, notFound } from '../domain/error.ts';
import type { Invoice } from '../generated/prisma/client.ts';
import { assertOwner } from './caller.ts';
import type { Caller } from './caller.ts';
import { recordIntent } from './intent.ts';
import { afterCursor, pageArguments, toPage } from './page.ts';
import type { Page } from './page.ts';
import { invoiceView } from './invoice-view.ts';
import { payerOf } from './customer/stripe.ts';
import { syncNow } from './stripe/object.ts';
import { ownCustomerId } from './subscription/subscription.ts';

export type InvoiceView = ReturnType<typeof invoiceView>;

/** Newest first; a customer sees their own, an operator all or one customer's. */
export async function listInvoices(
  ctx: Context,
  caller: Caller,
  query: Page & { customer_id?: string | undefined },
) {
  const customerId = ownCustomerId(caller, query.customer_id);
  const rows = await ctx.db.invoice.findMany({
    where: { ...afterCursor(query), ...(customerId ? { customer_id: customerId } : {}) },
    ...pageArguments(query),
  });
  return toPage(rows, query, invoiceView);
}

export async function getInvoice(ctx: Context, caller: Caller, id: string): Promise<InvoiceView> {
  return invoiceView(await loadInvoice(ctx, caller, id));
}

/** The one to pay first; null where nothing is owed. */
export async function oldestOpenInvoice(
  ctx: Context,
  customerId: string,
): Promise<InvoiceView | null> {
  const row = await ctx.db.invoice.findFirst({
    where: { customer_id: customerId, status: 'open' },
    orderBy: [{ finalized_at: 'asc' }, { id: 'asc' }],
  });
  return row && invoiceView(row);
}

/** The invoice, paid: access is open when this returns. Paid already is fine; 402 `payment_failed` on a decline. */
export async function payInvoice(ctx: Context, caller: Caller, id: string): Promise<InvoiceView> {
  await loadInvoice(ctx, caller, id);
  await withLease(ctx.pool, `invoice-${id}`, async () => {
    const row = await loadInvoice(ctx, caller, id);
    if (row.status === 'paid') return;
    if (row.status !== 'open' && row.status !== 'uncollectible') {
      throw new AppError('invalid_state', `An invoice that is ${row.status} cannot be paid.`);
    }
    await pay(ctx, caller, row);
  });
  return getInvoice(ctx, caller, id);
}

async function pay(ctx: Context, caller: Caller, row: Invoice): Promise<void> {
  const method = await methodOf(ctx, row);
  const entry = {
    action: 'invoice.pay',
    objectId: row.id,
    customerId: row.customer_id,
    before: { status: row.status },
  };
  await inTransaction(ctx, (tx) => recordIntent(tx, ctx.now(), caller, entry));
  try {
    await callStripe(() =>
      ctx.stripe.invoices.pay(
        row.stripe_invoice_id,
        method ? { payment_method: method } : {},
        // Each attempt has a key of its own: a stored decline must not outlive a change of the card.
        { idempotencyKey: `pay-${row.id}-${newId('req')}` },
      ),
    );
  } catch (error) {
    await lookAtInvoice(ctx, row);
    if (isDecline(error)) {
      throw new AppError('payment_failed', 'The payment was declined.', { invoice_id: row.id });
    }
    // Refused because somebody else has just paid it: that is what was wanted.
    const now = await ctx.db.invoice.findUniqueOrThrow({ where: { id: row.id } });
    if (!isRefused(error) || now.status !== 'paid') throw error;
  }
  await lookAtInvoice(ctx, row);
}

/** The card the customer put in last: a subscription may still hold an older one, which Stripe would try first. */
async function methodOf(ctx: Context, { customer_id }: Invoice): Promise<string | null> {
  const customer = await ctx.db.customer.findUniqueOrThrow({ where: { id: customer_id } });
  if (!customer.stripe_customer_id) return null;
  return (await payerOf(ctx, customer.stripe_customer_id)).paymentMethod;
}

/** Brings invoice and access up to date, whichever root object carries them. */
export async function lookAtInvoice(ctx: Context, row: Invoice): Promise<void> {
  const stripeInvoice = await callStripe(() => ctx.stripe.invoices.retrieve(row.stripe_invoice_id));
  const subscription = stripeInvoice.parent?.subscription_details?.subscription;
  const customer = stripeInvoice.customer;
  if (subscription) await syncNow(ctx, 'subscription', idOf(subscription));
  else if (customer) await syncNow(ctx, 'customer', idOf(customer));
}

async function loadInvoice(ctx: Context, caller: Caller, id: string): Promise<Invoice> {
  const row = await ctx.db.invoice.findUnique({ where: { id } });
  if (!row) throw notFound();
  assertOwner(caller, row.customer_id);
  return row;
}

function isDecline(error: unknown): boolean {
  return error instanceof AppError && error.code === 'payment_failed';
}

function idOf(value: string | { id: string }): string {
  return typeof value === 'string' ? value : value.id;
}
