// /v1/prices (https://docs.stripe.com/api/prices).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
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
import { currencyOptions, optionsOf } from '../billing/price-currency.ts';
import { createPrice, recurringParams, schemeParams, takeLookupKey } from '../billing/price.ts';
import { productFor } from '../billing/product.ts';
import { change } from '../delivery/event.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';

const createParams = z.strictObject({
  currency,
  currency_options: currencyOptions.optional(),
  active: bool.optional(),
  ...schemeParams,
  lookup_key: z.string().min(1).max(200).optional(),
  metadata: metadata.optional(),
  nickname: text.optional(),
  product: text.optional(),
  product_data: z
    .strictObject({
      name: text,
      active: bool.optional(),
      metadata: metadata.optional(),
      unit_label: text.optional(),
    })
    .optional(),
  recurring: recurringParams.optional(),
  tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
  transfer_lookup_key: bool.optional(),
  unit_amount: int.optional(),
  unit_amount_decimal: decimal.optional(),
});
const updateParams = z.strictObject({
  active: bool.optional(),
  currency_options: clearable(currencyOptions).optional(),
  lookup_key: z.string().max(200).optional(),
  metadata: metadata.optional(),
  nickname: text.optional(),
  tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
  transfer_lookup_key: bool.optional(),
});
const listParams = z.strictObject({
  ...paging,
  active: bool.optional(),
  created,
  currency: currency.optional(),
  lookup_keys: z.array(text).max(10).optional(),
  product: text.optional(),
  recurring: z
    .strictObject({
      interval: text.optional(),
      meter: text.optional(),
      usage_type: text.optional(),
    })
    .optional(),
  type: z.enum(['one_time', 'recurring']).optional(),
});

const create = (world: World, params: z.output<typeof createParams>): Price => {
  const { product_data: data, product, currency_options: options, ...rest } = params;
  if ((product === undefined) === (data === undefined)) {
    throw invalid('You must provide exactly one of `product` or `product_data`.', {
      param: 'product',
      code: 'parameter_missing',
    });
  }
  return createPrice(world, {
    ...rest,
    product: product ?? productFor(world, data!),
    ...(options === undefined ? {} : { currencyOptions: optionsOf(options) }),
  });
};

export const priceEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/prices', createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', '/v1/prices', listParams, ({ world, params }) =>
    page(
      world,
      'price',
      '/v1/prices',
      params,
      (row) =>
        (params.active === undefined || row.active === params.active) &&
        (params.currency === undefined || row.currency === params.currency) &&
        (params.product === undefined || row.product === params.product) &&
        (params.type === undefined || row.type === params.type) &&
        (params.recurring?.interval === undefined ||
          row.recurring?.interval === params.recurring.interval) &&
        (params.recurring?.meter === undefined ||
          row.recurring?.meter === params.recurring.meter) &&
        (params.recurring?.usage_type === undefined ||
          (row.recurring?.usage_type ?? 'licensed') === params.recurring.usage_type) &&
        (params.lookup_keys === undefined ||
          (row.lookup_key !== null && params.lookup_keys.includes(row.lookup_key))) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/prices/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'price', ids['id']),
  ),
  endpoint('POST', '/v1/prices/:id', updateParams, ({ world, params, ids }) => {
    const price = find(world, 'price', ids['id']);
    const {
      metadata: changes,
      lookup_key: key,
      transfer_lookup_key: transfers,
      active,
      nickname,
      currency_options: options,
    } = params;
    const patch = {
      ...(active === undefined ? {} : { active }),
      ...(nickname === undefined ? {} : { nickname }),
      ...(key === undefined ? {} : { lookup_key: key === '' ? null : key }),
      metadata: mergeMetadata(price.metadata, changes),
      ...(options === undefined
        ? {}
        : {
            _currency_options:
              options === null ? {} : { ...price._currency_options, ...optionsOf(options) },
          }),
    };
    takeLookupKey(world, { ...price, ...patch }, transfers ?? false);
    return change(world, 'price', price.id, patch, 'price.updated');
  }),
];
