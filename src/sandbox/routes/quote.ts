// /v1/quotes (https://docs.stripe.com/api/quotes).
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint, type Raw } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  clearable,
  count,
  int,
  mergeMetadata,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { redeem } from '../billing/discount.ts';
import { days } from '../billing/period.ts';
import { acceptQuote, cancelQuote, finalizeQuote, isRecurring } from '../billing/quote.ts';
import { taxRates } from '../billing/tax.ts';
import { add, change } from '../delivery/event.ts';
import { showQuoteLines } from '../shape/quote.ts';
import type { Quote, QuoteLine } from '../store/entity-quote.ts';
import { newId, nowOn, type World } from '../world.ts';
import { discounts } from './subscription-params.ts';

const url = '/v1/quotes';
const none = z.strictObject({});
const lifeDays = 30;
const shared = {
  automatic_tax: z.strictObject({ enabled: z.literal('false') }).optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  customer: text.optional(),
  default_tax_rates: clearable(z.array(text).max(20)).optional(),
  description: clearable(text).optional(),
  discounts: discounts.optional(),
  expires_at: timestamp.optional(),
  footer: clearable(text).optional(),
  header: clearable(text).optional(),
  invoice_settings: z.strictObject({ days_until_due: count.optional() }).optional(),
  metadata: metadata.optional(),
  subscription_data: z
    .strictObject({
      description: clearable(text).optional(),
      metadata: metadata.optional(),
      trial_period_days: clearable(int).optional(),
    })
    .optional(),
};
const line = {
  price: text,
  quantity: count.optional(),
  tax_rates: clearable(z.array(text).max(10)).optional(),
};
const createParams = z.strictObject({
  ...shared,
  line_items: z.array(z.strictObject(line)).max(100).optional(),
});
const updateParams = z.strictObject({
  ...shared,
  line_items: z
    .array(z.strictObject({ ...line, id: text.optional() }))
    .max(100)
    .optional(),
});
const listParams = z.strictObject({
  ...paging,
  customer: text.optional(),
  status: z.enum(['accepted', 'canceled', 'draft', 'open']).optional(),
  test_clock: text.optional(),
});

type Asked = z.output<typeof updateParams>;

const create = (world: World, asked: Asked): Quote => {
  const customer = asked.customer === undefined ? null : findCustomer(world, asked.customer);
  const clock = customer?.test_clock ?? null;
  const now = nowOn(world, clock);
  const blank: Quote = {
    id: newId('qt'),
    object: 'quote',
    collection_method: 'charge_automatically',
    created: now,
    customer: customer?.id ?? null,
    description: null,
    discounts: [],
    expires_at: now + days(lifeDays),
    footer: null,
    header: null,
    invoice: null,
    livemode: false,
    metadata: {},
    number: null,
    status: 'draft',
    status_transitions: { accepted_at: null, canceled_at: null, finalized_at: null },
    subscription: null,
    test_clock: clock,
    _lines: [],
    _tax_rates: [],
    _days_until_due: null,
    _subscription_data: { description: null, metadata: {}, trial_period_days: null },
  };
  return add(world, 'quote', { ...blank, ...patchOf(world, blank, asked) }, 'quote.created');
};

const patchOf = (world: World, quote: Quote, asked: Asked): Partial<Quote> => {
  const plain = ['collection_method', 'description', 'expires_at', 'footer', 'header'] as const;
  const customer =
    asked.customer === undefined ? quote.customer : findCustomer(world, asked.customer).id;
  const data = asked.subscription_data;
  return {
    ...Object.fromEntries(
      plain.filter((key) => asked[key] !== undefined).map((key) => [key, asked[key]]),
    ),
    customer,
    metadata: mergeMetadata(quote.metadata, asked.metadata),
    ...(asked.default_tax_rates === undefined
      ? {}
      : { _tax_rates: taxRates(world, asked.default_tax_rates ?? [], 'default_tax_rates') }),
    ...(asked.discounts === undefined
      ? {}
      : { discounts: redeemed(world, quote, customer, asked.discounts ?? []) }),
    ...(asked.line_items === undefined ? {} : { _lines: linesOf(world, asked.line_items) }),
    _days_until_due: asked.invoice_settings?.days_until_due ?? quote._days_until_due,
    _subscription_data: {
      description: data?.description ?? quote._subscription_data.description,
      metadata: mergeMetadata(quote._subscription_data.metadata, data?.metadata),
      trial_period_days:
        data?.trial_period_days === undefined
          ? quote._subscription_data.trial_period_days
          : data.trial_period_days,
    },
  };
};

const redeemed = (
  world: World,
  quote: Quote,
  customer: string | null,
  asked: NonNullable<Asked['discounts']>,
): string[] => {
  if (customer === null) {
    throw invalid('A quote needs a customer before it can have discounts.', { param: 'discounts' });
  }
  return redeem(world, asked, { customer, subscription: null }, nowOn(world, quote.test_clock));
};

const linesOf = (world: World, asked: NonNullable<Asked['line_items']>): QuoteLine[] => {
  const lines = asked.map((line, i) => {
    const price = world.store.get('price', line.price);
    if (price === undefined) throw missingParam('price', line.price, `line_items[${i}][price]`);
    return {
      id: line.id ?? newId('li'),
      price: price.id,
      quantity: line.quantity ?? 1,
      taxRates: taxRates(world, line.tax_rates ?? [], `line_items[${i}][tax_rates]`),
    };
  });
  const currencies = new Set(lines.map(({ price }) => world.store.need('price', price).currency));
  const cycles = new Set(
    lines
      .filter((line) => isRecurring(world, line))
      .map(({ price }) => JSON.stringify(world.store.need('price', price).recurring)),
  );
  if (currencies.size > 1 || cycles.size > 1) {
    throw invalid('All line items must have the same currency and interval.', {
      param: 'line_items',
    });
  }
  return lines;
};

const update = (world: World, quote: Quote, asked: Asked): Quote => {
  const given = Object.keys(asked).filter((key) => asked[key as keyof Asked] !== undefined);
  if (quote.status !== 'draft' && given.some((key) => key !== 'metadata' && key !== 'expires_at')) {
    throw invalid(`This quote is ${quote.status}, so only its metadata and expiry may change.`);
  }
  return change(world, 'quote', quote.id, patchOf(world, quote, asked));
};

const lines = (world: World, quote: Quote, at: string): Raw => ({
  raw: { object: 'list', data: showQuoteLines(world, quote), has_more: false, url: at },
});

const needed = (world: World, id: string | undefined): Quote => find(world, 'quote', id);

export const quoteEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, (call) => create(call.world, call.params)),
  endpoint('GET', url, listParams, ({ world, params: asked }) =>
    page(
      world,
      'quote',
      url,
      asked,
      (row) =>
        row.customer === (asked.customer ?? row.customer) &&
        row.status === (asked.status ?? row.status) &&
        row.test_clock === (asked.test_clock ?? row.test_clock),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) => needed(world, ids['id'])),
  endpoint('POST', `${url}/:id`, updateParams, (call) =>
    update(call.world, needed(call.world, call.ids['id']), call.params),
  ),
  endpoint(
    'POST',
    `${url}/:id/finalize`,
    z.strictObject({ expires_at: timestamp.optional() }),
    (call) =>
      finalizeQuote(call.world, needed(call.world, call.ids['id']), call.params.expires_at ?? null),
  ),
  endpoint('POST', `${url}/:id/accept`, none, ({ world, ids }) =>
    acceptQuote(world, needed(world, ids['id'])),
  ),
  endpoint('POST', `${url}/:id/cancel`, none, ({ world, ids }) =>
    cancelQuote(world, needed(world, ids['id'])),
  ),
  endpoint('GET', `${url}/:id/line_items`, z.strictObject({ ...paging }), ({ world, ids }) =>
    lines(world, needed(world, ids['id']), `${url}/${ids['id'] ?? ''}/line_items`),
  ),
  endpoint(
    'GET',
    `${url}/:id/computed_upfront_line_items`,
    z.strictObject({ ...paging }),
    ({ world, ids }) =>
      lines(
        world,
        needed(world, ids['id']),
        `${url}/${ids['id'] ?? ''}/computed_upfront_line_items`,
      ),
  ),
];
