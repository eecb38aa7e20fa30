// What of a subscription at Stripe matters to billing its overage: the metered item, the draft of a period, when the
// next invoice comes, and what closed invoices have billed. Reads fields, decides nothing.
import Stripe from 'stripe';
import type { Billing } from '../domain/overage-report.ts';
import { isFinal } from '../domain/subscription.ts';

const pageSize = 100;
const pagesMax = 500;

export type OverageBilling = Billing & {
  customerId: string;
  collection: {
    collection_method: 'charge_automatically' | 'send_invoice';
    days_until_due?: number;
  };
};

/** `periodEnd` in milliseconds since 1970: the period whose draft is looked for. */
export async function fetchBilling(
  stripe: Stripe,
  of: { subscriptionId: string; priceId: string | null; periodEnd: number },
): Promise<OverageBilling> {
  const id = of.subscriptionId;
  const subscription = await stripe.subscriptions.retrieve(id);
  const items = subscription.items.has_more ? await listItems(stripe, id) : subscription.items.data;
  const item = items.find(({ price }) => price.id === of.priceId);
  const drafts = await stripe.invoices
    .list({ subscription: id, status: 'draft', limit: pageSize })
    .autoPagingToArray({ limit: pagesMax });
  const draft = drafts.find(
    (invoice) =>
      invoice.billing_reason === 'subscription_cycle' && invoice.period_end * 1000 === of.periodEnd,
  );
  const isSent = subscription.collection_method === 'send_invoice';
  return {
    customerId: idOf(subscription.customer),
    isOver: isFinal(subscription.status),
    item: item
      ? {
          createdAt: item.created * 1000,
          periodStart: item.current_period_start * 1000,
          periodEnd: item.current_period_end * 1000,
        }
      : null,
    nextInvoiceAt: Math.min(...items.map(({ current_period_end: end }) => end * 1000)),
    draft: draft
      ? { id: draft.id, finalizesAt: ms(draft.automatically_finalizes_at ?? null) }
      : null,
    collection: isSent
      ? { collection_method: 'send_invoice', days_until_due: subscription.days_until_due ?? 30 }
      : { collection_method: 'charge_automatically' },
  };
}

/** The id of the subscription's item at a price; null where it has none. */
export async function findItem(
  stripe: Stripe,
  subscriptionId: string,
  priceId: string,
): Promise<string | null> {
  const items = await listItems(stripe, subscriptionId);
  return items.find(({ price }) => price.id === priceId)?.id ?? null;
}

/** Units at a price on invoices that have closed, on lines whose period holds `at` (milliseconds since 1970). */
export async function billedUnits(
  stripe: Stripe,
  of: { subscriptionId: string; priceId: string; at: number },
): Promise<{ units: number; invoiceId: string | null }> {
  const at = Math.floor(of.at / 1000);
  const invoices = await stripe.invoices
    .list({ subscription: of.subscriptionId, created: { gte: at - 3_600 }, limit: pageSize })
    .autoPagingToArray({ limit: pagesMax });
  let units = 0;
  let invoiceId: string | null = null;
  for (const invoice of invoices) {
    if (invoice.status === 'draft') continue;
    for (const line of await linesOf(stripe, invoice)) {
      const isOfPeriod = line.period.start <= at && at < line.period.end;
      if (priceOf(line) !== of.priceId || !isOfPeriod) continue;
      units += line.quantity ?? 0;
      invoiceId = invoice.id;
    }
  }
  return { units, invoiceId };
}

/** The invoice item that an earlier attempt made for a charge; null: none was made. */
export async function findInvoiceItem(
  stripe: Stripe,
  of: { customerId: string; chargeId: string; since: Date },
): Promise<Stripe.InvoiceItem | null> {
  const created = { gte: Math.floor(of.since.getTime() / 1000) - 86_400 };
  const items = stripe.invoiceItems.list({ customer: of.customerId, created, limit: pageSize });
  for await (const item of items) {
    if (item.metadata?.['tollgate_overage'] === of.chargeId) return item;
  }
  return null;
}

/** Stripe has this very meter event already (docs, "Record usage for billing with the API": Idempotency). */
export function isKnownEvent(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return false;
  return (
    error.code === 'resource_already_exists' ||
    /already exists with identifier/i.test(error.message)
  );
}

/** Too late to put anything on this invoice. */
export function isInvoiceClosed(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (error.code === 'invoice_not_editable' ||
      error.code === 'invoice_already_finalized' ||
      /finalized|not a draft/i.test(error.message))
  );
}

function listItems(stripe: Stripe, subscription: string): Promise<Stripe.SubscriptionItem[]> {
  return stripe.subscriptionItems
    .list({ subscription, limit: pageSize })
    .autoPagingToArray({ limit: pagesMax });
}

/** Lists inside an object are cut at ten. */
async function linesOf(stripe: Stripe, invoice: Stripe.Invoice): Promise<Stripe.InvoiceLineItem[]> {
  if (!invoice.lines.has_more) return invoice.lines.data;
  return stripe.invoices
    .listLineItems(invoice.id, { limit: pageSize })
    .autoPagingToArray({ limit: pagesMax });
}

function priceOf({ pricing }: Stripe.InvoiceLineItem): string | null {
  const price = pricing?.price_details?.price;
  return typeof price === 'string' ? price : (price?.id ?? null);
}

function idOf(value: string | { id: string }): string {
  return typeof value === 'string' ? value : value.id;
}

function ms(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
