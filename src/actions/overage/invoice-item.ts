// Overage as an item on an invoice: on the period's draft, on the next invoice that comes by itself, or where none
// comes soon, on one made for it. Every call goes out under a key of the charge's own.
import Stripe from 'stripe';
import { toSeconds } from '../../adapters/stripe-time.ts';
import { isInvoiceClosed } from '../../adapters/stripe-overage.ts';
import type { Context } from '../../context.ts';
import type { Way } from '../../domain/overage-report.ts';
import type { Case } from './charge.ts';

type ItemWay = Exclude<Way, { to: 'meter' }>;

/** Where an invoice closes under our hands, the next best is taken; the refused attempt has done nothing. */
export async function makeInvoiceItem(
  ctx: Context,
  given: Case,
  way: ItemWay,
): Promise<Stripe.InvoiceItem> {
  switch (way.to) {
    case 'next':
      return create(ctx, given, { subscription: given.stripeId });
    case 'draft':
      try {
        return await create(ctx, given, { invoice: way.invoice });
      } catch (error) {
        if (!isInvoiceClosed(error)) throw error;
        return makeInvoiceItem(ctx, given, { to: given.billing.isOver ? 'own' : 'next' });
      }
    case 'own':
      try {
        return await create(ctx, given, { invoice: await ownInvoice(ctx, given, '') });
      } catch (error) {
        if (!isInvoiceClosed(error)) throw error;
        return create(ctx, given, { invoice: await ownInvoice(ctx, given, `-${given.charge.id}`) });
      }
  }
}

type Place = { subscription: string } | { invoice: string };

function create(ctx: Context, given: Case, place: Place): Promise<Stripe.InvoiceItem> {
  const { charge, price, billing } = given;
  const where = 'invoice' in place ? place.invoice : 'next';
  return ctx.stripe.invoiceItems.create(
    {
      customer: billing.customerId,
      currency: price.currency,
      quantity: Number(charge.billed_units),
      unit_amount_decimal: Stripe.Decimal.from(price.unit_amount_decimal),
      description: `${price.title}, ${dayOf(charge.period_start)} to ${dayOf(charge.period_end)}`,
      period: { start: toSeconds(charge.period_start), end: toSeconds(charge.period_end) },
      metadata: { tollgate_overage: charge.id },
      ...place,
    },
    { idempotencyKey: `${charge.id}-${where}` },
  );
}

/** One for all charges of a period; it finalises and is collected by itself an hour later, as every draft. */
async function ownInvoice(ctx: Context, given: Case, suffix: string): Promise<string> {
  const { charge, price, billing } = given;
  const { subscription_id: subscription, period_end: end } = charge;
  const made = await ctx.stripe.invoices.create(
    {
      customer: billing.customerId,
      currency: price.currency,
      auto_advance: true,
      pending_invoice_items_behavior: 'exclude',
      description: `Usage until ${dayOf(end)}`,
      metadata: { tollgate_overage_of: subscription },
      ...billing.collection,
    },
    {
      idempotencyKey: `overage-invoice-${subscription}-${end.getTime()}-${price.currency}${suffix}`,
    },
  );
  return made.id;
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}
