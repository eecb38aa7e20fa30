// /v1/invoiceitems (https://docs.stripe.com/api/invoiceitems): what waits for a customer's next invoice.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  clearable,
  count,
  created,
  currency,
  decimal,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { refreshDraft } from '../billing/invoice-manual.ts';
import { priceAmount } from '../billing/price-amount.ts';
import { multiply } from '../billing/money.ts';
import { taxRates } from '../billing/tax.ts';
import { add, announce, change } from '../delivery/event.ts';
import { newId, nowOn, type World } from '../world.ts';
import type { Invoice, InvoiceItem } from '../store/entity-invoice.ts';
import type { Customer } from '../store/entity.ts';

const url = '/v1/invoiceitems';
const table = 'invoiceitem';
const shared = {
  amount: int.optional(),
  description: clearable(text).optional(),
  discountable: bool.optional(),
  metadata: metadata.optional(),
  period: z.strictObject({ end: timestamp, start: timestamp }).optional(),
  pricing: z.strictObject({ price: text.optional() }).optional(),
  quantity: count.optional(),
  tax_rates: clearable(z.array(text).max(20)).optional(),
  unit_amount_decimal: decimal.optional(),
};
const createParams = z.strictObject({
  ...shared,
  currency: currency.optional(),
  customer: text,
  invoice: text.optional(),
  subscription: text.optional(),
});
const updateParams = z.strictObject(shared);
const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  invoice: text.optional(),
  pending: bool.optional(),
});

type Asked = z.output<typeof updateParams>;
type Worth = Pick<InvoiceItem, 'amount' | 'quantity' | '_price'> & { currency: string | undefined };

/** What an item costs: an amount, a unit price, or a price of the catalog. */
const worthOf = (world: World, asked: Asked, before: InvoiceItem | null): Worth => {
  const quantity = asked.quantity ?? before?.quantity ?? 1;
  const id = asked.pricing?.price ?? (asked.amount === undefined ? before?._price : null) ?? null;
  if (asked.amount !== undefined && (asked.pricing ?? asked.unit_amount_decimal) !== undefined) {
    throw invalid('You may only specify one of these parameters: amount, pricing.', {
      code: 'parameters_exclusive',
    });
  }
  if (asked.unit_amount_decimal !== undefined) {
    const amount = multiply(asked.unit_amount_decimal, quantity);
    return { amount, quantity, _price: null, currency: before?.currency };
  }
  if (id === null) {
    const amount = asked.amount ?? before?.amount;
    if (amount === undefined) {
      throw invalid('You must provide one of: amount, pricing, or unit_amount_decimal.', {
        param: 'amount',
        code: 'parameter_missing',
      });
    }
    return { amount, quantity, _price: null, currency: before?.currency };
  }
  const price = world.store.get('price', id);
  if (price === undefined) throw missingParam('price', id, 'pricing[price]');
  if (price.recurring !== null) {
    throw invalid(
      'The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.',
      { param: 'pricing[price]' },
    );
  }
  return {
    amount: priceAmount(price, quantity),
    quantity,
    _price: price.id,
    currency: price.currency,
  };
};

const create = (world: World, asked: z.output<typeof createParams>): InvoiceItem => {
  const customer = findCustomer(world, asked.customer);
  const now = nowOn(world, customer.test_clock);
  const invoice = draftFor(world, customer, asked.invoice);
  const worth = worthOf(world, asked, null);
  const money = worth.currency ?? asked.currency ?? customer.currency ?? 'usd';
  if (invoice !== null && invoice.currency !== money) {
    throw invalid(
      `The currency of the invoice item (${money}) must match the invoice's currency (${invoice.currency}).`,
      { param: 'currency' },
    );
  }
  if (asked.subscription !== undefined)
    find(world, 'subscription', asked.subscription, 'subscription');
  const item = add(
    world,
    table,
    {
      id: newId('ii'),
      object: table,
      amount: worth.amount,
      currency: money,
      customer: customer.id,
      date: now,
      description: asked.description ?? nameOf(world, worth._price),
      invoice: invoice?.id ?? null,
      metadata: mergeMetadata({}, asked.metadata),
      period: asked.period ?? { start: now, end: now },
      proration: false,
      quantity: worth.quantity,
      _subscription: asked.subscription ?? null,
      _item: null,
      _price: worth._price,
      _tax_rates: taxRates(world, asked.tax_rates ?? [], 'tax_rates'),
      _discountable: asked.discountable ?? worth.amount > 0,
    },
    'invoiceitem.created',
  );
  if (customer.currency === null) world.store.update('customer', customer.id, { currency: money });
  if (invoice !== null) refreshDraft(world, invoice.id);
  return item;
};

const nameOf = (world: World, price: string | null): string =>
  price === null ? '' : world.store.need('product', world.store.need('price', price).product).name;

const draftFor = (world: World, customer: Customer, id: string | undefined): Invoice | null => {
  if (id === undefined) return null;
  const invoice = find(world, 'invoice', id, 'invoice');
  if (invoice.customer !== customer.id) throw missingParam('invoice', id, 'invoice');
  refuseFinal(invoice);
  return invoice;
};

const refuseFinal = (invoice: Invoice | undefined): void => {
  if (invoice === undefined || invoice.status === 'draft') return;
  throw invalid("The invoice is finalized, so its items can't be changed.", {
    param: 'invoice',
    code: 'invoice_not_editable',
  });
};

const editable = (world: World, id: string | undefined): InvoiceItem => {
  const item = find(world, table, id);
  if (item.invoice !== null) refuseFinal(world.store.get('invoice', item.invoice));
  return item;
};

const update = (world: World, item: InvoiceItem, asked: Asked): InvoiceItem => {
  const { currency: _currency, ...worth } = worthOf(world, asked, item);
  const changed = change(world, table, item.id, {
    ...worth,
    metadata: mergeMetadata(item.metadata, asked.metadata),
    period: asked.period ?? item.period,
    ...(asked.description === undefined ? {} : { description: asked.description ?? '' }),
    ...(asked.discountable === undefined ? {} : { _discountable: asked.discountable }),
    ...(asked.tax_rates === undefined
      ? {}
      : { _tax_rates: taxRates(world, asked.tax_rates ?? [], 'tax_rates') }),
  });
  if (item.invoice !== null) refreshDraft(world, item.invoice);
  return changed;
};

export const invoiceItemEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      table,
      url,
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) &&
        row.invoice === (params.invoice ?? row.invoice) &&
        (params.pending === undefined || (row.invoice === null) === params.pending) &&
        isWithin(row.date, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, table, ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) =>
    update(world, editable(world, ids['id']), params),
  ),
  endpoint('DELETE', `${url}/:id`, z.strictObject({}), ({ world, ids }) => {
    const item = editable(world, ids['id']);
    world.store.remove(table, item.id);
    announce(world, 'invoiceitem.deleted', item);
    if (item.invoice !== null) refreshDraft(world, item.invoice);
    return { raw: { id: item.id, object: table, deleted: true } };
  }),
];
