// Items that wait for an invoice or are put on a draft (https://docs.stripe.com/api/invoiceitems):
// what they cost, and the draft that follows their changes. Makes no invoice.
import { z } from 'zod';
import { find } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import {
  bool,
  clearable,
  count,
  decimal,
  int,
  mergeMetadata,
  metadata,
  text,
  timestamp,
} from '../api/params.ts';
import { add, change } from '../delivery/event.ts';
import type { Invoice, InvoiceItem } from '../store/entity-invoice.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { discountsAsked, redeem } from './discount.ts';
import { refreshDraft } from './invoice-manual.ts';
import { multiply } from './money.ts';
import { priceAmount } from './price-amount.ts';
import { storedPrice } from './price-currency.ts';
import { onceData, priceOf } from './price-inline.ts';
import { taxRates } from './tax.ts';

export const itemParams = {
  amount: int.optional(),
  description: clearable(text).optional(),
  discountable: bool.optional(),
  discounts: discountsAsked.optional(),
  metadata: metadata.optional(),
  period: z.strictObject({ end: timestamp, start: timestamp }).optional(),
  price_data: onceData.optional(),
  pricing: z.strictObject({ price: text.optional() }).optional(),
  quantity: count.optional(),
  quantity_decimal: decimal.optional(),
  tax_rates: clearable(z.array(text).max(20)).optional(),
  unit_amount_decimal: decimal.optional(),
};
export type ItemAsked = z.output<z.ZodObject<typeof itemParams>>;

type Worth = Pick<InvoiceItem, 'amount' | 'quantity' | '_price'> & { currency: string | undefined };

/** What an item costs: an amount, a unit price, or a price of the catalog or made for it. */
const worthOf = (
  world: World,
  asked: ItemAsked,
  before: InvoiceItem | null,
  currency: string | undefined,
): Worth => {
  const quantity = quantityOf(asked) ?? before?.quantity ?? 1;
  const named = priceOf(
    world,
    { price: asked.pricing?.price, price_data: asked.price_data },
    'pricing',
  );
  if (asked.amount !== undefined && (named ?? asked.unit_amount_decimal) !== undefined) {
    throw invalid('You may only specify one of these parameters: amount, pricing.', {
      code: 'parameters_exclusive',
    });
  }
  if (asked.unit_amount_decimal !== undefined) {
    const amount = multiply(asked.unit_amount_decimal, quantity);
    return { amount, quantity, _price: null, currency: before?.currency };
  }
  const id = named ?? (asked.amount === undefined ? before?._price : null) ?? null;
  if (id !== null) return ofPrice(world, id, quantity, currency);
  const amount = asked.amount ?? before?.amount;
  if (amount === undefined) {
    throw invalid('You must provide one of: amount, pricing, or unit_amount_decimal.', {
      param: 'amount',
      code: 'parameter_missing',
    });
  }
  return { amount, quantity, _price: null, currency: before?.currency };
};

const quantityOf = (asked: ItemAsked): number | undefined =>
  asked.quantity_decimal === undefined ? asked.quantity : Number(asked.quantity_decimal);

const ofPrice = (
  world: World,
  id: string,
  quantity: number,
  currency: string | undefined,
): Worth => {
  if (world.store.get('price', id) === undefined) throw missingParam('price', id, 'pricing[price]');
  const price = storedPrice(world, id, currency);
  if (price.recurring !== null) {
    throw invalid(
      'The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.',
      { param: 'pricing[price]' },
    );
  }
  const amount = priceAmount(price, quantity);
  return { amount, quantity, _price: price.id, currency: price.currency };
};

type Place = { invoice: string | null; subscription: string | null; currency: string | undefined };

/** Adds an item for the customer: to a draft, or waiting for the next invoice. */
export const addItem = (
  world: World,
  customer: Customer,
  asked: ItemAsked,
  place: Place,
): InvoiceItem => {
  const now = nowOn(world, customer.test_clock);
  const invoice = draftFor(world, customer, place.invoice);
  const worth = worthOf(world, asked, null, place.currency ?? invoice?.currency);
  const currency = worth.currency ?? place.currency ?? customer.currency ?? 'usd';
  if (invoice !== null && invoice.currency !== currency) {
    throw invalid(
      `The currency of the invoice item (${currency}) must match the invoice's currency (${invoice.currency}).`,
      { param: 'currency' },
    );
  }
  const id = newId('ii');
  const holder = { customer: customer.id, subscription: place.subscription, invoice_item: id };
  const item: InvoiceItem = {
    id,
    object: 'invoiceitem',
    amount: worth.amount,
    currency,
    customer: customer.id,
    date: now,
    description: asked.description ?? nameOf(world, worth._price),
    invoice: invoice?.id ?? null,
    metadata: mergeMetadata({}, asked.metadata),
    period: asked.period ?? { start: now, end: now },
    proration: false,
    quantity: worth.quantity,
    _subscription: place.subscription,
    _item: null,
    _price: worth._price,
    _tax_rates: taxRates(world, asked.tax_rates ?? [], 'tax_rates'),
    _discountable: asked.discountable ?? worth.amount > 0,
    ...(asked.discounts == null ? {} : { _discounts: redeem(world, asked.discounts, holder, now) }),
  };
  add(world, 'invoiceitem', item, 'invoiceitem.created');
  if (customer.currency === null) {
    change(world, 'customer', customer.id, { currency }, 'customer.updated');
  }
  if (invoice !== null) refreshDraft(world, invoice.id);
  return item;
};

const nameOf = (world: World, price: string | null): string =>
  price === null ? '' : world.store.need('product', world.store.need('price', price).product).name;

const draftFor = (world: World, customer: Customer, id: string | null): Invoice | null => {
  if (id === null) return null;
  const invoice = find(world, 'invoice', id, 'invoice');
  if (invoice.customer !== customer.id) throw missingParam('invoice', id, 'invoice');
  refuseFinal(invoice);
  return invoice;
};

export const refuseFinal = (invoice: Invoice | undefined): void => {
  if (invoice === undefined || invoice.status === 'draft') return;
  throw invalid("The invoice is finalized, so its items can't be changed.", {
    param: 'invoice',
    code: 'invoice_not_editable',
  });
};

/** An item that may still be changed. */
export const editableItem = (world: World, id: string | undefined): InvoiceItem => {
  const item = find(world, 'invoiceitem', id);
  if (item.invoice !== null) refuseFinal(world.store.get('invoice', item.invoice));
  return item;
};

export const changeItem = (world: World, item: InvoiceItem, asked: ItemAsked): InvoiceItem => {
  const { currency: _, ...worth } = worthOf(world, asked, item, item.currency);
  const holder = {
    customer: item.customer,
    subscription: item._subscription,
    invoice_item: item.id,
  };
  const { test_clock: clock } = world.store.need('customer', item.customer);
  const changed = change(world, 'invoiceitem', item.id, {
    ...worth,
    metadata: mergeMetadata(item.metadata, asked.metadata),
    period: asked.period ?? item.period,
    ...(asked.description === undefined ? {} : { description: asked.description ?? '' }),
    ...(asked.discountable === undefined ? {} : { _discountable: asked.discountable }),
    ...(asked.discounts === undefined
      ? {}
      : { _discounts: redeem(world, asked.discounts ?? [], holder, nowOn(world, clock)) }),
    ...(asked.tax_rates === undefined
      ? {}
      : { _tax_rates: taxRates(world, asked.tax_rates ?? [], 'tax_rates') }),
  });
  if (item.invoice !== null) refreshDraft(world, item.invoice);
  return changed;
};
