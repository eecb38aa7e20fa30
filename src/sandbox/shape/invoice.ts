// How Stripe shows invoices, their lines and the items that wait for the next one.
import type { Invoice, InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { World } from '../world.ts';
import { embedded, publicPart, type Wire } from './wire.ts';

const linesShownMax = 10;

export const showInvoice = (world: World, invoice: Invoice): Wire => {
  const customer = world.store.get('customer', invoice.customer);
  const discounted = discountTotals(invoice);
  return {
    ...emptyInvoice,
    ...publicPart(invoice),
    customer_email: customer?.email ?? null,
    customer_name: customer?.name ?? null,
    effective_at: invoice.status_transitions.finalized_at,
    lines: embedded(
      `/v1/invoices/${invoice.id}/lines`,
      invoice._lines.slice(0, linesShownMax).map((line) => showLine(world, invoice, line)),
      invoice._lines.length,
    ),
    parent: showParent(world, invoice),
    subtotal_excluding_tax: invoice.subtotal,
    total_discount_amounts: discounted,
    total_excluding_tax: invoice.total,
    total_pretax_credit_amounts: discounted.map((part) => ({ ...part, type: 'discount' })),
  };
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
  customer_tax_exempt: 'none',
  customer_tax_ids: [],
  default_source: null,
  default_tax_rates: [],
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
  total_taxes: [],
  webhooks_delivered_at: null,
};

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
  const price = world.store.need('price', line.price);
  return {
    id: line.id,
    object: 'line_item',
    amount: line.amount,
    currency: invoice.currency,
    description: line.description,
    discount_amounts: line.discountAmounts,
    discountable: !line.proration,
    discounts: [],
    invoice: invoice.id,
    livemode: false,
    metadata: {},
    parent: lineParent(line),
    period: line.period,
    pretax_credit_amounts: line.discountAmounts.map((part) => ({ ...part, type: 'discount' })),
    pricing: {
      price_details: { price: line.price, product: price.product },
      type: 'price_details',
      unit_amount_decimal: price.unit_amount_decimal,
    },
    quantity: line.quantity,
    quantity_decimal: String(line.quantity),
    subscription: line.subscription,
    subtotal: line.amount,
    taxes: [],
  };
};

const lineParent = (line: InvoiceLine): Wire => {
  const details = {
    invoice_item: line.invoiceItem,
    proration: line.proration,
    proration_details: line.proration ? { credited_items: null } : null,
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
  const price = world.store.need('price', item._price);
  return {
    customer_account: null,
    discountable: !item.proration,
    discounts: [],
    livemode: false,
    net_amount: item.amount,
    parent: {
      subscription_details: { subscription: item._subscription, subscription_item: item._item },
      type: 'subscription_details',
    },
    pricing: {
      price_details: { price: item._price, product: price.product },
      type: 'price_details',
      unit_amount_decimal: price.unit_amount_decimal,
    },
    proration_details: { credited_items: null, discount_amounts: [] },
    quantity_decimal: String(item.quantity),
    tax_rates: [],
    test_clock: world.store.need('customer', item.customer).test_clock,
    ...publicPart(item),
  };
};
