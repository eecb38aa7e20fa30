// /v1/customers/{id}/sources: cards and sources of the old kind (https://docs.stripe.com/api/cards).
import { z } from 'zod';
import { endpoint, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { missing } from '../api/error.ts';
import { pageOf } from '../api/list.ts';
import { int, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { cardFacts, given } from './token.ts';
import { addSource, removeSource, sourcesOf } from '../billing/customer.ts';
import { emit } from '../delivery/event.ts';
import { showSource } from '../shape/source.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';

const url = '/v1/customers/:id/sources';
const none = z.strictObject({});
const createParams = z.strictObject({
  metadata: metadata.optional(),
  source: text,
  validate: text.optional(),
});
const updateParams = z.strictObject({
  exp_month: int.optional(),
  exp_year: int.optional(),
  metadata: metadata.optional(),
  ...cardFacts,
});

const owner = (world: World, ids: Record<string, string>): Customer =>
  findCustomer(world, ids['id'] ?? '', 'customer');

const find = (world: World, ids: Record<string, string>): PaymentMethod => {
  const { id } = owner(world, ids);
  const source = sourcesOf(world, id).find((row) => row.id === ids['source']);
  if (source === undefined) throw missing('source', ids['source'] ?? '');
  return source;
};

const update = (
  world: World,
  source: PaymentMethod,
  asked: z.output<typeof updateParams>,
): PaymentMethod => {
  const { exp_month: month, exp_year: year, metadata: changes, ...facts } = asked;
  const card = source.card!;
  const updated = world.store.update('payment_method', source.id, {
    card: {
      ...card,
      exp_month: month ?? card.exp_month,
      exp_year: year ?? card.exp_year,
    },
    metadata: mergeMetadata(source.metadata, changes),
    _facts: { ...source._facts, ...given(facts) },
  });
  emit(world, 'customer.source.updated', showSource(updated), { metadata: source.metadata });
  return updated;
};

const isA =
  (object: 'card' | 'source' | undefined) =>
  ({ _source: around }: PaymentMethod): boolean =>
    object === undefined || (object === 'source') === (around !== undefined);

export const sourceEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params, ids }) => {
    const source = addSource(world, owner(world, ids), params.source, false);
    const described = world.store.update('payment_method', source.id, {
      metadata: mergeMetadata(source.metadata, params.metadata),
    });
    return { raw: showSource(described) };
  }),
  endpoint(
    'GET',
    url,
    z.strictObject({ ...paging, object: z.enum(['card', 'source']).optional() }),
    ({ world, params, ids }) => {
      const { id } = owner(world, ids);
      const rows = sourcesOf(world, id).filter(isA(params.object)).reverse();
      const paged = pageOf(rows, `/v1/customers/${id}/sources`, params);
      return {
        raw: {
          object: 'list',
          data: (paged.list as PaymentMethod[]).map(showSource),
          has_more: paged.hasMore,
          url: paged.url,
        },
      };
    },
  ),
  endpoint('GET', `${url}/:source`, none, ({ world, ids }) => ({
    raw: showSource(find(world, ids)),
  })),
  endpoint('POST', `${url}/:source`, updateParams, ({ world, params, ids }) => ({
    raw: showSource(update(world, find(world, ids), params)),
  })),
  endpoint('DELETE', `${url}/:source`, none, ({ world, ids }) => {
    const source = find(world, ids);
    removeSource(world, owner(world, ids), source);
    if (source._source === undefined) {
      return { raw: { id: source.id, object: 'card', deleted: true } };
    }
    const { customer: _customer, ...shown } = showSource(source);
    return { raw: { ...shown, status: 'consumed' } };
  }),
];
