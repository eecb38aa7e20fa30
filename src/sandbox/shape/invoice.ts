// How Stripe shows invoices, their lines and the items that wait for the next one.
import { tidyDecimal } from '../billing/money.ts';
import { storedPrice } from '../billing/price-currency.ts';
import { totalTaxes } from '../billing/tax.ts';
import type { Customer } from '../store/entity.ts';
import type {
  Credited,
  Invoice,
  InvoiceItem,
  InvoiceLine,
  TaxAmount,
} from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { showTaxRate } from './tax.ts';
import { embedded, layered, publicPart, type Wire } from './wire.ts';

const linesShownMax = 10;

export const showInvoice = (world: World, invoice: Invoice): Wire => {
  const customer = world.store.get('customer', invoice.customer);
  const discounted = discountTotals(invoice);
  const taxes = totalTaxes(invoice._lines);
  const inclusive = sum(taxes.map((tax) => (tax.inclusive ? tax.amount : 0)));
  return layered(emptyInvoice, publicPart(invoice), {
    customer_email: customer?.email ?? null,
    customer_name: customer?.name ?? null,
    effective_at: invoice.status_transitions.finalized_at,
    lines: embedded(
      `/v1/invoices/${invoice.id}/lines`,
      invoice._lines.slice(0, linesShownMax).map((line) => showLine(world, invoice, line)),
      invoice._lines.length,
    ),
    parent: showParent(world, invoice),
    subtotal_excluding_tax: invoice.subtotal - inclusive,
    total_discount_amounts: discounted,
    total_excluding_tax: invoice.total - sum(taxes.map((tax) => tax.amount)),
    total_taxes: taxes.map(showTax),
    default_tax_rates: (invoice._tax_rates ?? []).map((id) =>
      showTaxRate(world.store.need('tax_rate', id)),
    ),
    customer_tax_ids: taxIdsOf(world, invoice.customer),
    customer_tax_exempt: exemptOf(customer),
    total_pretax_credit_amounts: discounted.map((part) => ({ ...part, type: 'discount' })),
  });
};

const emptyInvoice = {
  account_country: 'US',
  account_name: 'Sandbox',
  account_tax_ids: null,
  amount_overpaid: 0,
  amount_paid_off_stripe: 0,
  amount_shipping: 0,
  application: null,
  automatic_tax: {
    disabled_reason: null,
    enabled: false,
    liability: null,
    provider: null,
    status: null,
  },
  custom_fields: null,
  customer_account: null,
  customer_address: null,
  customer_phone: null,
  customer_shipping: null,
  default_source: null,
  description: null,
  footer: null,
  from_invoice: null,
  issuer: { type: 'self' },
  last_finalization_error: null,
  latest_revision: null,
  on_behalf_of: null,
  payment_settings: {
    default_mandate: null,
    payment_method_options: null,
    payment_method_types: null,
  },
  post_payment_credit_notes_amount: 0,
  pre_payment_credit_notes_amount: 0,
  receipt_number: null,
  rendering: null,
  shipping_cost: null,
  shipping_details: null,
  statement_descriptor: null,
  webhooks_delivered_at: null,
};

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);

const exemptOf = (customer: Customer | undefined): unknown =>
  (customer as { tax_exempt?: unknown } | undefined)?.tax_exempt ?? 'none';

const taxIdsOf = (world: World, customer: string): Wire[] =>
  [...world.store.all('tax_id')]
    .filter((row) => row.customer === customer)
    .map(({ type, value }) => ({ type, value }));

/** A tax as lines, invoices and credit notes show it. */
export const showTax = (tax: TaxAmount): Wire => ({
  amount: tax.amount,
  tax_behavior: tax.inclusive ? 'inclusive' : 'exclusive',
  tax_rate_details: { tax_rate: tax.rate },
  taxability_reason: tax.reason,
  taxable_amount: tax.taxable,
  type: 'tax_rate_details',
});

const showParent = (world: World, invoice: Invoice): Wire | null => {
  if (invoice._subscription === null) return null;
  const subscription = world.store.get('subscription', invoice._subscription);
  return {
    quote_details: null,
    subscription_details: {
      metadata: subscription?.metadata ?? {},
      subscription: invoice._subscription,
    },
    type: 'subscription_details',
  };
};

const discountTotals = (invoice: Invoice): { amount: number; discount: string }[] => {
  const totals = new Map<string, number>();
  for (const line of invoice._lines) {
    for (const { amount, discount } of line.discountAmounts) {
      totals.set(discount, (totals.get(discount) ?? 0) + amount);
    }
  }
  return [...totals].map(([discount, amount]) => ({ amount, discount }));
};

export const showLine = (world: World, invoice: Invoice, line: InvoiceLine): Wire => {
  return {
    id: line.id,
    object: 'line_item',
    amount: line.amount,
    currency: invoice.currency,
    description: line.description,
    discount_amounts: line.discountAmounts,
    discountable: !line.proration && line.discountable !== false,
    discounts: (line.discounts ?? line.ownDiscounts?.map((part) => part.discount) ?? []).filter(
      isOnce,
    ),
    invoice: invoice.id,
    livemode: false,
    metadata: line.metadata ?? {},
    parent: lineParent(world, line),
    period: line.period,
    pretax_credit_amounts: line.discountAmounts.map((part) => ({ ...part, type: 'discount' })),
    pricing: pricingOf(world, { ...line, currency: invoice.currency }, line.unitAmountDecimal),
    quantity: line.quantity,
    quantity_decimal: String(line.quantity),
    subscription: line.subscription,
    subtotal: line.amount,
    taxes: (line.taxes ?? []).map(showTax),
  };
};

/** The price behind an amount, or the amount alone. */
const pricingOf = (
  world: World,
  of: { price: string | null; amount: number; quantity: number; currency: string },
  unit?: string,
): Wire => {
  const { price: id, amount, quantity } = of;
  const known = id !== null && world.store.get('price', id) !== undefined;
  const price = known ? storedPrice(world, id, of.currency) : undefined;
  if (price === undefined) {
    return {
      type: 'price_details',
      unit_amount_decimal: tidyDecimal((amount / (quantity === 0 ? 1 : quantity)).toFixed(12)),
    };
  }
  return {
    price_details: { price: price.id, product: price.product },
    type: 'price_details',
    unit_amount_decimal: unit ?? price.unit_amount_decimal,
  };
};

const isOnce = (id: string, at: number, all: string[]): boolean => all.indexOf(id) === at;

/** What a credit gives back: a debit that waits, or lines of an invoice. */
const showCredited = (credited: Credited | undefined): Wire | null => {
  if (credited === undefined) return null;
  return 'invoiceItem' in credited
    ? { invoice_item: credited.invoiceItem, type: 'invoice_item' }
    : {
        invoice_line_item_details: {
          invoice: credited.invoice,
          invoice_line_items: credited.lines,
        },
        type: 'invoice_line_items',
      };
};

/** On a line it is always lines: of an item that waited, the line it became. */
const creditedLines = (world: World, { credited }: InvoiceLine): Wire | null => {
  if (credited === undefined) return null;
  if ('lines' in credited) return { invoice: credited.invoice, invoice_line_items: credited.lines };
  const item = world.store.get('invoiceitem', credited.invoiceItem);
  const invoice = item?.invoice == null ? undefined : world.store.get('invoice', item.invoice);
  const line = invoice?._lines.find((one) => one.invoiceItem === credited.invoiceItem);
  return line === undefined ? null : { invoice: invoice!.id, invoice_line_items: [line.id] };
};

const lineParent = (world: World, line: InvoiceLine): Wire => {
  const details = {
    invoice_item: line.invoiceItem,
    proration: line.proration,
    proration_details: line.proration ? { credited_items: creditedLines(world, line) } : null,
    subscription: line.subscription,
  };
  return line.subscriptionItem === null
    ? {
        invoice_item_details: details,
        subscription_item_details: null,
        type: 'invoice_item_details',
      }
    : {
        invoice_item_details: null,
        subscription_item_details: { ...details, subscription_item: line.subscriptionItem },
        type: 'subscription_item_details',
      };
};

export const showInvoiceItem = (world: World, item: InvoiceItem): Wire => {
  const taken = item._taken ?? [];
  return {
    customer_account: null,
    discountable: !item.proration && item._discountable !== false,
    discounts: (item._discounts ?? taken.map((part) => part.discount)).filter(isOnce),
    livemode: false,
    net_amount: item.amount - (item._itemized === true ? sum(taken.map((part) => part.amount)) : 0),
    parent: itemParent(item),
    pricing: pricingOf(world, { ...item, price: item._price }),
    proration_details: { credited_items: showCredited(item._credited), discount_amounts: taken },
    quantity_decimal: String(item.quantity),
    tax_rates: (item._tax_rates ?? []).map((id) => showTaxRate(world.store.need('tax_rate', id))),
    test_clock: world.store.need('customer', item.customer).test_clock,
    ...publicPart(item),
  };
};

const itemParent = ({ _subscription: subscription, _item: item }: InvoiceItem): Wire | null =>
  subscription === null
    ? null
    : {
        subscription_details: {
          subscription,
          ...(item === null ? {} : { subscription_item: item }),
        },
        type: 'subscription_details',
      };
