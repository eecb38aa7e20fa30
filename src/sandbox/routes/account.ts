// GET /v1/account: tells a client which account its key belongs to.
import { z } from 'zod';
import { endpoint, type Endpoint } from '../api/endpoint.ts';
import { StripeError } from '../api/error.ts';
import { showAccount } from '../shape/customer.ts';
import { readFact, type World } from '../world.ts';

type Account = { id: string; created: number };

const account = (world: World): Account =>
  readFact<Account>(world, 'account', { id: '', created: 0 });

export const accountEndpoints: Endpoint[] = [
  endpoint('GET', '/v1/account', z.strictObject({}), ({ world }) => {
    const { id, created } = account(world);
    return { raw: showAccount(id, created) };
  }),
  endpoint('GET', '/v1/accounts/:id', z.strictObject({}), ({ world, ids }) => {
    const { id, created } = account(world);
    if (ids['id'] === id) return { raw: showAccount(id, created) };
    throw new StripeError(403, {
      type: 'invalid_request_error',
      code: 'account_invalid',
      message: `The provided key does not have access to account '${ids['id'] ?? ''}' (or that account does not exist).`,
    });
  }),
];
