// A customer's cash balance (https://docs.stripe.com/api/cash_balance) and the test helper that
// plays the bank.
import { z } from 'zod';
import { endpoint, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import { currency, int, paging, text } from '../api/params.ts';
import { fund, showCash } from '../billing/cash.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';

const url = '/v1/customers/:id/cash_balance_transactions';
const table = 'customer_cash_balance_transaction';
const none = z.strictObject({});
const fundParams = z.strictObject({
  amount: int.refine((n) => n > 0, 'Invalid positive integer'),
  currency,
  reference: text.optional(),
});

const owner = (world: World, ids: Record<string, string>): Customer =>
  findCustomer(world, ids['id'] ?? '', 'customer');

export const cashEndpoints: Endpoint[] = [
  endpoint(
    'POST',
    '/v1/test_helpers/customers/:id/fund_cash_balance',
    fundParams,
    ({ world, params, ids }) =>
      fund(world, owner(world, ids), { ...params, reference: params.reference ?? null }),
  ),
  endpoint('GET', '/v1/customers/:id/cash_balance', none, ({ world, ids }) => ({
    raw: showCash(world, owner(world, ids).id),
  })),
  endpoint('GET', url, z.strictObject({ ...paging }), ({ world, params, ids }) => {
    const { id } = owner(world, ids);
    const at = `/v1/customers/${id}/cash_balance_transactions`;
    return page(world, table, at, params, (row) => row.customer === id);
  }),
  endpoint('GET', `${url}/:transaction`, none, ({ world, ids }) => {
    const row = world.store.get(table, ids['transaction'] ?? '');
    if (row?.customer === owner(world, ids).id) return row;
    throw missing('customer cash balance transaction', ids['transaction'] ?? '');
  }),
];
