// /v1/customers/{id}/balance_transactions (https://docs.stripe.com/api/customer_balance_transactions).
import { z } from 'zod';
import { endpoint, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import { clearable, currency, int, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { moveBalance } from '../billing/balance.ts';
import type { BalanceTransaction, Customer } from '../store/entity.ts';
import type { World } from '../world.ts';

const url = '/v1/customers/:id/balance_transactions';
const table = 'customer_balance_transaction';
const createParams = z.strictObject({
  amount: int.refine((n) => n !== 0, 'must not be zero'),
  currency,
  description: clearable(text).optional(),
  metadata: metadata.optional(),
});
const updateParams = z.strictObject({
  description: clearable(text).optional(),
  metadata: metadata.optional(),
});

const owner = (world: World, ids: Record<string, string>): Customer =>
  findCustomer(world, ids['id'] ?? '', 'customer');

const find = (world: World, ids: Record<string, string>): BalanceTransaction => {
  const row = world.store.get(table, ids['transaction'] ?? '');
  if (row?.customer === owner(world, ids).id) return row;
  throw missing('customer balance transaction', ids['transaction'] ?? '');
};

const create = (
  world: World,
  customer: Customer,
  asked: z.output<typeof createParams>,
): BalanceTransaction => {
  if (customer.currency !== null && customer.currency !== asked.currency) {
    throw invalid(
      `You cannot combine currencies on a single customer. This customer's currency is ${customer.currency}.`,
      { param: 'currency' },
    );
  }
  if (customer.currency === null) {
    world.store.update('customer', customer.id, { currency: asked.currency });
  }
  return moveBalance(world, world.store.need('customer', customer.id), asked.amount, {
    type: 'adjustment',
    currency: asked.currency,
    description: asked.description ?? null,
    metadata: mergeMetadata({}, asked.metadata),
  })!;
};

export const balanceEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params, ids }) =>
    create(world, owner(world, ids), params),
  ),
  endpoint('GET', url, z.strictObject({ ...paging }), ({ world, params, ids }) => {
    const { id } = owner(world, ids);
    return page(
      world,
      table,
      `/v1/customers/${id}/balance_transactions`,
      params,
      (row) => row.customer === id,
    );
  }),
  endpoint('GET', `${url}/:transaction`, z.strictObject({}), ({ world, ids }) => find(world, ids)),
  endpoint('POST', `${url}/:transaction`, updateParams, ({ world, params, ids }) => {
    const row = find(world, ids);
    return world.store.update(table, row.id, {
      metadata: mergeMetadata(row.metadata, params.metadata),
      ...(params.description === undefined ? {} : { description: params.description }),
    });
  }),
];
