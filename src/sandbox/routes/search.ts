// /v1/…/search (https://docs.stripe.com/search): what Stripe lets be searched, by resource. At Stripe
// new objects take a moment to be found; here they are at once.
import { z } from 'zod';
import { endpoint, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { int, text } from '../api/params.ts';
import { matchesQuery, parseQuery, type Fields } from '../api/search.ts';
import { render } from '../shape/render.ts';
import type { AnyRow, TableName } from '../store/table.ts';
import type { World } from '../world.ts';

const common: Fields = { created: 'number', metadata: 'token' };
const paid: Fields = { ...common, amount: 'number', currency: 'token', customer: 'token' };

const searchable: { path: string; table: TableName; fields: Fields }[] = [
  { path: 'charges', table: 'charge', fields: { ...paid, status: 'token' } },
  {
    path: 'customers',
    table: 'customer',
    fields: { ...common, email: 'text', name: 'text', phone: 'text' },
  },
  {
    path: 'invoices',
    table: 'invoice',
    fields: {
      ...common,
      currency: 'token',
      customer: 'token',
      number: 'token',
      receipt_number: 'token',
      status: 'token',
      'parent.subscription_details.subscription': 'token',
      total: 'number',
    },
  },
  { path: 'payment_intents', table: 'payment_intent', fields: { ...paid, status: 'token' } },
  {
    path: 'prices',
    table: 'price',
    fields: {
      ...common,
      active: 'token',
      currency: 'token',
      lookup_key: 'token',
      product: 'token',
      type: 'token',
    },
  },
  {
    path: 'products',
    table: 'product',
    fields: {
      ...common,
      active: 'token',
      description: 'text',
      name: 'text',
      shippable: 'token',
      url: 'text',
    },
  },
  {
    path: 'subscriptions',
    table: 'subscription',
    fields: { ...common, canceled_at: 'number', customer: 'token', status: 'token' },
  },
];

const params = z.strictObject({
  limit: int.refine((n) => n >= 1 && n <= 100, 'Invalid integer').optional(),
  page: text.optional(),
  query: z.string().min(1).max(2_000),
});

const search = (
  world: World,
  { path, table, fields }: (typeof searchable)[number],
  asked: z.output<typeof params>,
) => {
  const query = parseQuery(asked.query, fields);
  const from = asked.page === undefined ? 0 : startOf(asked.page);
  const limit = asked.limit ?? 10;
  const found = ([...world.store.all(table)] as AnyRow[])
    .reverse()
    .map((row) => render(world, row as never))
    .filter((object) => object['deleted'] !== true && matchesQuery(query, object));
  const hasMore = found.length > from + limit;
  return {
    raw: {
      object: 'search_result',
      data: found.slice(from, from + limit),
      has_more: hasMore,
      next_page: hasMore ? Buffer.from(String(from + limit)).toString('base64') : null,
      url: `/v1/${path}/search`,
    },
  };
};

const startOf = (page: string): number => {
  const start = Buffer.from(page, 'base64').toString();
  if (/^\d{1,9}$/.test(start)) return Number(start);
  throw invalid('Invalid page: pass the `next_page` of the search before.', { param: 'page' });
};

export const searchEndpoints: Endpoint[] = searchable.map((one) =>
  endpoint('GET', `/v1/${one.path}/search`, params, ({ world, params: asked }) =>
    search(world, one, asked),
  ),
);
