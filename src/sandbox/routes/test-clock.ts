// /v1/test_helpers/test_clocks (https://docs.stripe.com/billing/testing/test-clocks).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { paging, text, timestamp } from '../api/params.ts';
import { boundary } from '../billing/period.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { TestClock } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';

const url = '/v1/test_helpers/test_clocks';
const table = 'test_helpers.test_clock';
const twoYears = 2 * 366 * 86_400;

/** Two intervals of the shortest subscription, as at Stripe; two years when there is none. */
const furthest = (world: World, clock: TestClock): number => {
  let limit = clock.frozen_time + twoYears;
  for (const row of world.store.all('subscription')) {
    if (
      row.test_clock !== clock.id ||
      row.status === 'canceled' ||
      row.status === 'incomplete_expired'
    )
      continue;
    for (const item of row.items) {
      const { recurring } = world.store.need('price', item.price);
      limit = Math.min(limit, boundary(clock.frozen_time, recurring!, 2));
    }
  }
  return limit;
};

const advance = (world: World, clock: TestClock, target: number): TestClock => {
  if (clock.status !== 'ready')
    throw invalid('You cannot advance a test clock that is already advancing.');
  if (target <= clock.frozen_time)
    throw invalid('`frozen_time` must be after the current frozen time.', { param: 'frozen_time' });
  if (target > furthest(world, clock)) {
    throw invalid(
      '`frozen_time` is too far: a test clock advances by at most two intervals of its shortest subscription.',
      { param: 'frozen_time' },
    );
  }
  world.woken.timers = true;
  return change(
    world,
    table,
    clock.id,
    { status: 'advancing', _target: target },
    'test_helpers.test_clock.advancing',
  );
};

/** The clock goes, and with it its customers and all that is theirs. */
const remove = (world: World, clock: TestClock): Record<string, unknown> => {
  announce(world, 'test_helpers.test_clock.deleted', clock);
  const customers = new Set(
    [...world.store.all('customer')]
      .filter((row) => row.test_clock === clock.id)
      .map((row) => row.id),
  );
  for (const name of [
    'subscription',
    'invoice',
    'payment_intent',
    'charge',
    'invoiceitem',
  ] as const) {
    for (const row of [...world.store.all(name)]) {
      if (row.customer !== null && customers.has(row.customer)) world.store.remove(name, row.id);
    }
  }
  for (const timer of [...world.store.all('timer')])
    if (timer.clock === clock.id) world.store.remove('timer', timer.id);
  for (const id of customers)
    world.store.update('customer', id, { _deleted: true, test_clock: null });
  world.store.remove(table, clock.id);
  return { id: clock.id, object: table, deleted: true };
};

export const testClockEndpoints: Endpoint[] = [
  endpoint(
    'POST',
    url,
    z.strictObject({ frozen_time: timestamp, name: text.optional() }),
    ({ world, params }) =>
      add(
        world,
        table,
        {
          id: newId('clock'),
          object: table,
          created: nowOn(world, null),
          frozen_time: params.frozen_time,
          name: params.name ?? null,
          status: 'ready',
          _target: null,
        },
        'test_helpers.test_clock.created',
      ),
  ),
  endpoint('GET', url, z.strictObject({ ...paging }), ({ world, params }) =>
    page(world, table, url, params, () => true),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, table, ids['id']),
  ),
  endpoint(
    'POST',
    `${url}/:id/advance`,
    z.strictObject({ frozen_time: timestamp }),
    ({ world, params, ids }) => advance(world, find(world, table, ids['id']), params.frozen_time),
  ),
  endpoint('DELETE', `${url}/:id`, z.strictObject({}), ({ world, ids }) => ({
    raw: remove(world, find(world, table, ids['id'])),
  })),
];
