// Quotes: an offer that becomes a subscription or an invoice once it is accepted
// (https://docs.stripe.com/quotes). Its sums are those an invoice would have.
import { invalid } from '../api/error.ts';
import { add, announce } from '../delivery/event.ts';
import { clearTimer, setTimer } from '../engine/timer.ts';
import type { InvoiceLine } from '../store/entity-invoice.ts';
import type { Quote, QuoteLine } from '../store/entity-quote.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { holding } from './discount.ts';
import { draftInvoice } from './invoice-manual.ts';
import { totalsOf } from './invoice-total.ts';
import { days } from './period.ts';
import { priceAmount } from './price-amount.ts';
import { createSubscription } from './subscription-create.ts';
import { withTaxes } from './tax.ts';

export type QuoteSums = { lines: InvoiceLine[]; subtotal: number; total: number };

export const isRecurring = (world: World, line: QuoteLine): boolean =>
  world.store.need('price', line.price).recurring !== null;

/** The sums of some of a quote's lines. */
export const quoteSums = (world: World, quote: Quote, of: QuoteLine[]): QuoteSums => {
  const now = nowOn(world, quote.test_clock);
  const lines = of.map((line) => lineFor(world, line));
  if (quote.customer === null) {
    const taxed = withTaxes(world, lines, quote._tax_rates, '');
    const subtotal = lines.reduce((sum, line) => sum + line.amount, 0);
    return { lines: taxed, subtotal, total: subtotal };
  }
  const totals = totalsOf(world, {
    lines,
    discounts: holding(world, quote.discounts, now),
    taxRates: quote._tax_rates,
    customer: quote.customer,
  });
  return { lines: totals._lines, subtotal: totals.subtotal, total: totals.total };
};

const lineFor = (world: World, line: QuoteLine): InvoiceLine => {
  const price = world.store.need('price', line.price);
  return {
    id: line.id,
    amount: priceAmount(price, line.quantity),
    description: world.store.need('product', price.product).name,
    period: { start: 0, end: 0 },
    proration: false,
    price: line.price,
    quantity: line.quantity,
    subscription: null,
    subscriptionItem: null,
    invoiceItem: null,
    discountAmounts: [],
    taxRates: line.taxRates,
  };
};

const requireStatus = (quote: Quote, allowed: Quote['status'][], verb: string): void => {
  if (allowed.includes(quote.status)) return;
  throw invalid(
    `This quote cannot be ${verb} because its status is ${quote.status}. It must be ${allowed.join(' or ')}.`,
    { code: 'status_transition_invalid' },
  );
};

/** Draft to open: from here on it may be accepted. */
export const finalizeQuote = (world: World, quote: Quote, expires: number | null): Quote => {
  requireStatus(quote, ['draft'], 'finalized');
  if (quote.customer === null) {
    throw invalid('The quote must have a customer before it is finalized.', { param: 'customer' });
  }
  if (quote._lines.length === 0) {
    throw invalid('The quote must have line items before it is finalized.', {
      param: 'line_items',
    });
  }
  const numbered = [...world.store.all('quote')].filter((row) => row.number !== null).length + 1;
  const open = world.store.update('quote', quote.id, {
    status: 'open',
    expires_at: expires ?? quote.expires_at,
    number: `QT-${world.store.need('customer', quote.customer).invoice_prefix}-${String(numbered).padStart(4, '0')}-1`,
    status_transitions: {
      ...quote.status_transitions,
      finalized_at: nowOn(world, quote.test_clock),
    },
  });
  setTimer(world, 'quote.expire', quote.id, { clock: quote.test_clock, at: open.expires_at });
  announce(world, 'quote.finalized', open);
  return open;
};

/** The customer agreed: what recurs becomes a subscription, the rest is on its first invoice. */
export const acceptQuote = (world: World, quote: Quote): Quote => {
  requireStatus(quote, ['open'], 'accepted');
  clearTimer(world, 'quote.expire', quote.id);
  const customer = world.store.need('customer', quote.customer ?? '');
  const recurring = quote._lines.filter((line) => isRecurring(world, line));
  for (const line of quote._lines) if (!recurring.includes(line)) addItem(world, customer, line);
  const made =
    recurring.length > 0
      ? { subscription: subscribe(world, quote, customer, recurring) }
      : { invoice: billOnce(world, quote, customer) };
  const accepted = world.store.update('quote', quote.id, {
    ...made,
    status: 'accepted',
    status_transitions: {
      ...quote.status_transitions,
      accepted_at: nowOn(world, quote.test_clock),
    },
  });
  announce(world, 'quote.accepted', accepted);
  return accepted;
};

const addItem = (world: World, customer: Customer, line: QuoteLine): void => {
  const price = world.store.need('price', line.price);
  const now = nowOn(world, customer.test_clock);
  add(
    world,
    'invoiceitem',
    {
      id: newId('ii'),
      object: 'invoiceitem',
      amount: priceAmount(price, line.quantity),
      currency: price.currency,
      customer: customer.id,
      date: now,
      description: world.store.need('product', price.product).name,
      invoice: null,
      metadata: {},
      period: { start: now, end: now },
      proration: false,
      quantity: line.quantity,
      _subscription: null,
      _item: null,
      _price: price.id,
      _tax_rates: line.taxRates,
    },
    'invoiceitem.created',
  );
};

const subscribe = (world: World, quote: Quote, customer: Customer, lines: QuoteLine[]): string => {
  const now = nowOn(world, customer.test_clock);
  const { trial_period_days: trial, metadata, description } = quote._subscription_data;
  return createSubscription(world, {
    customer,
    items: lines.map(({ price, quantity, taxRates }) => ({
      price,
      quantity,
      ...(taxRates.length > 0 ? { tax_rates: taxRates } : {}),
    })),
    behavior: 'allow_incomplete',
    method: null,
    collection: quote.collection_method,
    daysUntilDue: quote._days_until_due,
    trialEnd: trial === null ? null : now + days(trial),
    trialEndBehavior: 'create_invoice',
    anchor: null,
    prorates: true,
    cancelAt: null,
    cancelAtPeriodEnd: false,
    discounts: quote.discounts.map((discount) => ({ discount })),
    metadata,
    description,
    billingMode: undefined,
    taxRates: quote._tax_rates,
    draftsFirst: true,
  }).subscription.id;
};

const billOnce = (world: World, quote: Quote, customer: Customer): string =>
  draftInvoice(world, customer, {
    currency: world.store.need('price', quote._lines[0]!.price).currency,
    collection: quote.collection_method,
    includesPending: true,
    autoAdvance: true,
    discounts: quote.discounts.map((discount) => ({ discount })),
    taxRates: quote._tax_rates,
    subscription: null,
    more: { _days_until_due: quote._days_until_due },
  }).id;

export const cancelQuote = (world: World, quote: Quote): Quote => {
  requireStatus(quote, ['draft', 'open'], 'canceled');
  clearTimer(world, 'quote.expire', quote.id);
  const canceled = world.store.update('quote', quote.id, {
    status: 'canceled',
    status_transitions: {
      ...quote.status_transitions,
      canceled_at: nowOn(world, quote.test_clock),
    },
  });
  announce(world, 'quote.canceled', canceled);
  return canceled;
};
