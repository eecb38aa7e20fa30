// /v1/entitlements and the features of products (https://docs.stripe.com/api/entitlements/feature).
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing, missingParam } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { refreshProduct } from '../billing/entitlement.ts';
import type { Feature, ProductFeature } from '../store/entity-entitlement.ts';
import { newId, type World } from '../world.ts';

const url = '/v1/entitlements/features';
const activeUrl = '/v1/entitlements/active_entitlements';
const productUrl = '/v1/products/:id/features';
const none = z.strictObject({});
const createParams = z.strictObject({
  lookup_key: z.string().min(1).max(80),
  metadata: metadata.optional(),
  name: z.string().min(1).max(80),
});
const updateParams = z.strictObject({
  active: bool.optional(),
  metadata: metadata.optional(),
  name: z.string().min(1).max(80).optional(),
});
const listParams = z.strictObject({
  ...paging,
  archived: bool.optional(),
  lookup_key: text.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): Feature => {
  for (const other of world.store.all('entitlements.feature')) {
    if (other.lookup_key !== asked.lookup_key) continue;
    throw invalid(`A feature with lookup key ${asked.lookup_key} already exists.`, {
      param: 'lookup_key',
      code: 'resource_already_exists',
    });
  }
  return world.store.put('entitlements.feature', {
    id: newId('feat_test', 26),
    object: 'entitlements.feature',
    active: true,
    livemode: false,
    lookup_key: asked.lookup_key,
    metadata: mergeMetadata({}, asked.metadata),
    name: asked.name,
  });
};

const productOf = (world: World, ids: Record<string, string>): string => {
  const product = find(world, 'product', ids['id'], 'product');
  if (product._deleted) throw missing('product', product.id, 'product');
  return product.id;
};

const attached = (world: World, ids: Record<string, string>): ProductFeature => {
  const product = productOf(world, ids);
  const row = world.store.get('product_feature', ids['feature'] ?? '');
  if (row?._product !== product) throw missing('product feature', ids['feature'] ?? '');
  return row;
};

const attach = (world: World, product: string, id: string): ProductFeature => {
  const feature = world.store.get('entitlements.feature', id);
  if (feature === undefined) throw missingParam('feature', id, 'entitlement_feature');
  for (const row of world.store.all('product_feature')) {
    if (row._product !== product || row._feature !== id) continue;
    throw invalid('This feature is already attached to the product.', {
      param: 'entitlement_feature',
      code: 'resource_already_exists',
    });
  }
  const row = world.store.put('product_feature', {
    id: newId('prodft_test', 26),
    object: 'product_feature',
    livemode: false,
    _product: product,
    _feature: id,
  });
  refreshProduct(world, product);
  return row;
};

export const entitlementEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'entitlements.feature',
      url,
      params,
      (row) =>
        (params.archived === undefined || row.active !== params.archived) &&
        row.lookup_key === (params.lookup_key ?? row.lookup_key),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) =>
    find(world, 'entitlements.feature', ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => {
    const feature = find(world, 'entitlements.feature', ids['id']);
    return world.store.update('entitlements.feature', feature.id, {
      active: params.active ?? feature.active,
      metadata: mergeMetadata(feature.metadata, params.metadata),
      name: params.name ?? feature.name,
    });
  }),
  endpoint('GET', activeUrl, z.strictObject({ ...paging, customer: text }), ({ world, params }) => {
    const { id } = findCustomer(world, params.customer);
    return page(
      world,
      'entitlements.active_entitlement',
      activeUrl,
      params,
      (row) => row._customer === id,
    );
  }),
  endpoint('GET', `${activeUrl}/:id`, none, ({ world, ids }) =>
    find(world, 'entitlements.active_entitlement', ids['id']),
  ),
  endpoint(
    'POST',
    productUrl,
    z.strictObject({ entitlement_feature: text }),
    ({ world, params, ids }) => attach(world, productOf(world, ids), params.entitlement_feature),
  ),
  endpoint('GET', productUrl, z.strictObject({ ...paging }), ({ world, params, ids }) => {
    const id = productOf(world, ids);
    return page(
      world,
      'product_feature',
      `/v1/products/${id}/features`,
      params,
      (row) => row._product === id,
    );
  }),
  endpoint('GET', `${productUrl}/:feature`, none, ({ world, ids }) => attached(world, ids)),
  endpoint('DELETE', `${productUrl}/:feature`, none, ({ world, ids }) => {
    const row = attached(world, ids);
    world.store.remove('product_feature', row.id);
    refreshProduct(world, row._product);
    return { raw: { id: row.id, object: 'product_feature', deleted: true } };
  }),
];
