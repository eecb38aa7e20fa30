// How Stripe shows quotes, with the sums of what is paid at once and of what recurs.
import { isRecurring, quoteSums, type QuoteSums } from '../billing/quote.ts';
import { exclusiveTax } from '../billing/tax.ts';
import type { Quote } from '../store/entity-quote.ts';
import type { World } from '../world.ts';
import { showPrice } from './catalog.ts';
import { publicPart, type Wire } from './wire.ts';

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);

const totalDetails = ({ lines }: QuoteSums): Wire => ({
  amount_discount: sum(lines.flatMap((line) => line.discountAmounts.map((part) => part.amount))),
  amount_shipping: 0,
  amount_tax: sum(lines.map(exclusiveTax)),
});

export const showQuote = (world: World, quote: Quote): Wire => {
  const all = quoteSums(world, quote, quote._lines);
  const first = quote._lines[0];
  return {
    application: null,
    application_fee_amount: null,
    application_fee_percent: null,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    customer_account: null,
    from_quote: null,
    on_behalf_of: null,
    subscription_schedule: null,
    transfer_data: null,
    ...publicPart(quote),
    amount_subtotal: all.subtotal,
    amount_total: all.total,
    computed: { recurring: recurringPart(world, quote), upfront: partOf(all) },
    currency: first === undefined ? null : world.store.need('price', first.price).currency,
    default_tax_rates: quote._tax_rates,
    invoice_settings: {
      custom_fields: null,
      days_until_due: quote._days_until_due,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    subscription_data: {
      billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
      effective_date: null,
      ...quote._subscription_data,
    },
    total_details: totalDetails(all),
  };
};

const partOf = (sums: QuoteSums): Wire => ({
  amount_subtotal: sums.subtotal,
  amount_total: sums.total,
  total_details: totalDetails(sums),
});

const recurringPart = (world: World, quote: Quote): Wire | null => {
  const lines = quote._lines.filter((line) => isRecurring(world, line));
  if (lines.length === 0) return null;
  const { recurring } = world.store.need('price', lines[0]!.price);
  return {
    ...partOf(quoteSums(world, quote, lines)),
    interval: recurring?.interval,
    interval_count: recurring?.interval_count,
  };
};

/** The quote's lines, as line items. */
export const showQuoteLines = (world: World, quote: Quote): Wire[] =>
  quoteSums(world, quote, quote._lines).lines.map((line) => {
    const price = world.store.need('price', line.price ?? '');
    const off = sum(line.discountAmounts.map((part) => part.amount));
    const tax = exclusiveTax(line);
    return {
      id: line.id,
      object: 'item',
      adjustable_quantity: null,
      amount_discount: off,
      amount_subtotal: line.amount,
      amount_tax: tax,
      amount_total: line.amount - off + tax,
      currency: price.currency,
      description: line.description,
      metadata: {},
      price: showPrice(price),
      quantity: line.quantity,
    };
  });
