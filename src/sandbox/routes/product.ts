// /v1/products (https://docs.stripe.com/api/products).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  anyText,
  bool,
  clearable,
  created,
  currency,
  decimal,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { add, announce, change } from '../delivery/event.ts';
import { createPrice, cycleParams } from '../billing/price.ts';
import type { Product } from '../store/entity-catalog.ts';
import { newId, nowOn, type World } from '../world.ts';

const shared = {
  active: bool.optional(),
  description: clearable(anyText).optional(),
  images: clearable(z.array(text).max(8)).optional(),
  marketing_features: clearable(z.array(z.strictObject({ name: text })).max(15)).optional(),
  metadata: metadata.optional(),
  shippable: bool.optional(),
  statement_descriptor: text.optional(),
  tax_code: clearable(text).optional(),
  unit_label: clearable(text).optional(),
  url: clearable(text).optional(),
};
const createParams = z.strictObject({
  ...shared,
  name: text,
  id: text.optional(),
  type: z.enum(['good', 'service']).optional(),
  default_price_data: z
    .strictObject({
      currency,
      unit_amount: int.optional(),
      unit_amount_decimal: decimal.optional(),
      recurring: cycleParams.optional(),
      metadata: metadata.optional(),
    })
    .optional(),
});
const updateParams = z.strictObject({
  ...shared,
  name: text.optional(),
  default_price: clearable(text).optional(),
});
const listParams = z.strictObject({
  ...paging,
  active: bool.optional(),
  created,
  ids: z.array(text).optional(),
  shippable: bool.optional(),
  url: text.optional(),
});

const given = (params: object): Partial<Product> =>
  Object.fromEntries(
    Object.entries(params)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [
        key,
        value === null && key !== 'description' ? emptied(key) : (value as unknown),
      ]),
  );
const emptied = (key: string): unknown =>
  key === 'images' || key === 'marketing_features' ? [] : null;

const findProduct = (world: World, id: string | undefined): Product => {
  const product = find(world, 'product', id);
  if (product._deleted) throw missing('product', product.id);
  return product;
};

const create = (world: World, params: z.output<typeof createParams>): Product => {
  const { id = newId('prod', 14), metadata: changes, default_price_data: data, ...rest } = params;
  if (world.store.get('product', id) !== undefined) {
    throw invalid('Product already exists.', { param: 'id', code: 'resource_already_exists' });
  }
  const now = nowOn(world, null);
  const product: Product = {
    id,
    object: 'product',
    active: true,
    created: now,
    default_price: null,
    livemode: false,
    updated: now,
    _deleted: false,
    ...given(rest),
    name: params.name,
    metadata: mergeMetadata({}, changes),
  };
  add(world, 'product', product, 'product.created');
  if (data === undefined) return product;
  const price = createPrice(world, { ...data, product: id });
  return change(world, 'product', id, { default_price: price.id }, 'product.updated');
};

export const productEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/products', createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', '/v1/products', listParams, ({ world, params }) =>
    page(
      world,
      'product',
      '/v1/products',
      params,
      (row) =>
        !row._deleted &&
        (params.active === undefined || row.active === params.active) &&
        (params.ids === undefined || params.ids.includes(row.id)) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/products/:id', z.strictObject({}), ({ world, ids }) =>
    findProduct(world, ids['id']),
  ),
  endpoint('POST', '/v1/products/:id', updateParams, ({ world, params, ids }) => {
    const product = findProduct(world, ids['id']);
    const { metadata: changes, default_price: price, ...rest } = params;
    if (typeof price === 'string') find(world, 'price', price, 'default_price');
    const patch = {
      ...given(rest),
      ...(price === undefined ? {} : { default_price: price }),
      metadata: mergeMetadata(product.metadata, changes),
      updated: nowOn(world, null),
    };
    return change(world, 'product', product.id, patch, 'product.updated');
  }),
  endpoint('DELETE', '/v1/products/:id', z.strictObject({}), ({ world, ids }) => {
    const product = findProduct(world, ids['id']);
    if ([...world.store.all('price')].some((price) => price.product === product.id)) {
      throw invalid(
        'This product cannot be deleted because it has one or more user-created prices.',
      );
    }
    announce(world, 'product.deleted', product);
    return world.store.update('product', product.id, { _deleted: true });
  }),
];
