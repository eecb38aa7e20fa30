// /v1/tax_rates (https://docs.stripe.com/api/tax_rates) and customers' tax ids.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, created, isWithin, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { add, announce, change } from '../delivery/event.ts';
import { newId, nowOn, type World } from '../world.ts';
import type { TaxRate } from '../store/entity-catalog.ts';
import type { Customer, TaxId } from '../store/entity.ts';

const url = '/v1/tax_rates';
const percentage = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,4})?$/, 'Invalid decimal')
  .transform(Number)
  .refine((n) => n <= 100, 'must be at most 100');
const words = {
  active: bool.optional(),
  country: z.string().length(2).optional(),
  description: text.optional(),
  jurisdiction: text.optional(),
  metadata: metadata.optional(),
  state: text.optional(),
  tax_type: text.optional(),
};
const createParams = z.strictObject({
  ...words,
  display_name: z.string().min(1).max(50),
  inclusive: bool,
  percentage,
});
const updateParams = z.strictObject({
  ...words,
  display_name: z.string().min(1).max(50).optional(),
});
const listParams = z.strictObject({
  ...paging,
  active: bool.optional(),
  created,
  inclusive: bool.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): TaxRate =>
  add(
    world,
    'tax_rate',
    {
      id: newId('txr'),
      object: 'tax_rate',
      active: asked.active ?? true,
      country: asked.country ?? null,
      created: nowOn(world, null),
      description: asked.description ?? null,
      display_name: asked.display_name,
      inclusive: asked.inclusive,
      jurisdiction: asked.jurisdiction ?? null,
      livemode: false,
      metadata: mergeMetadata({}, asked.metadata),
      percentage: asked.percentage,
      state: asked.state ?? null,
      tax_type: asked.tax_type ?? null,
    },
    'tax_rate.created',
  );

const update = (
  world: World,
  rate: TaxRate,
  { metadata: changes, ...asked }: z.output<typeof updateParams>,
): TaxRate => {
  const given = Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined),
  );
  const patch = { ...given, metadata: mergeMetadata(rate.metadata, changes) };
  return change(world, 'tax_rate', rate.id, patch, 'tax_rate.updated');
};
const idsUrl = '/v1/customers/:id/tax_ids';

const owner = (world: World, ids: Record<string, string>): Customer =>
  findCustomer(world, ids['id'] ?? '', 'customer');

const taxId = (world: World, ids: Record<string, string>): TaxId => {
  const row = world.store.get('tax_id', ids['tax_id'] ?? '');
  if (row?.customer !== owner(world, ids).id) throw missing('tax ID', ids['tax_id'] ?? '');
  return row;
};
const idsMax = 5;
/** A tax id of the customer; Stripe keeps five at most. */
export const addTaxId = (
  world: World,
  customer: Customer,
  asked: { type: string; value: string },
): TaxId => {
  const theirs = [...world.store.all('tax_id')].filter((row) => row.customer === customer.id);
  if (theirs.length >= idsMax) {
    throw invalid(`You have reached the maximum of ${idsMax} tax IDs for this customer.`);
  }
  return add(
    world,
    'tax_id',
    {
      id: newId('txi'),
      object: 'tax_id',
      country:
        asked.type === 'eu_vat' ? asked.value.slice(0, 2) : asked.type.slice(0, 2).toUpperCase(),
      created: nowOn(world, customer.test_clock),
      customer: customer.id,
      livemode: false,
      type: asked.type,
      value: asked.value,
    },
    'customer.tax_id.created',
  );
};
export const taxIdParams = z.strictObject({
  type: z.string().regex(/^[a-z]{2}_[a-z_]+$/, 'Invalid tax ID type'),
  value: text,
});

export const taxEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'tax_rate',
      url,
      params,
      (row) =>
        row.active === (params.active ?? row.active) &&
        row.inclusive === (params.inclusive ?? row.inclusive) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, 'tax_rate', ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) =>
    update(world, find(world, 'tax_rate', ids['id']), params),
  ),
  endpoint('POST', idsUrl, taxIdParams, ({ world, params, ids }) =>
    addTaxId(world, owner(world, ids), params),
  ),
  endpoint('GET', idsUrl, z.strictObject({ ...paging }), ({ world, params, ids }) => {
    const { id } = owner(world, ids);
    return page(
      world,
      'tax_id',
      `/v1/customers/${id}/tax_ids`,
      params,
      (row) => row.customer === id,
    );
  }),
  endpoint('GET', `${idsUrl}/:tax_id`, z.strictObject({}), ({ world, ids }) => taxId(world, ids)),
  endpoint('DELETE', `${idsUrl}/:tax_id`, z.strictObject({}), ({ world, ids }) => {
    const row = taxId(world, ids);
    world.store.remove('tax_id', row.id);
    announce(world, 'customer.tax_id.deleted', row);
    return { raw: { id: row.id, object: 'tax_id', deleted: true } };
  }),
];
