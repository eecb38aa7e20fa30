// A check is answered in its time: while PostgreSQL holds an answer back, a gateway that may not wait says 503,
// and one that may wait is still waiting.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

type Gateway = Awaited<ReturnType<Fixture['secondGateway']>>;

let f: Fixture;
let hasty: Gateway;
let patient: Gateway;
let plan: string;

beforeAll(async () => {
  f = await createFixture();
  plan = await f.plan('pro', [
    { feature: 'calls', limits: [{ window: 'day', max: 100, on_exceed: 'wait', overage: null }] },
  ]);
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/counted', access: 'feature', feature: 'calls' });
  await f.policy({ path: '/open', access: 'feature', feature: 'calls', when_down: 'open' });
  hasty = await f.secondGateway({ checkWithinMs: 200 });
  patient = await f.secondGateway({ checkWithinMs: 10_000 });
});
afterAll(async () => {
  await hasty.close();
  await patient.close();
  await f.close();
});

async function subscriber() {
  const customer = await f.customer();
  await f.subscribe(customer, plan);
  const key = await f.key(customer);
  await Promise.all([f.settled(), hasty.settled(), patient.settled()]);
  return { customer, key };
}

/** Holds rows or a table back until `release`. */
async function hold(sql: string, values: unknown[] = []) {
  const client = await f.ctx.pool.connect();
  await client.query('BEGIN');
  await client.query(sql, values);
  return async () => {
    await client.query('COMMIT');
    client.release();
  };
}

/** What the hasty one answers while the patient one waits, then what the patient one answers. */
async function whileHeld(path: string, key: string, sql: string, values: unknown[] = []) {
  const release = await hold(sql, values);
  let isWaiting = true;
  try {
    const waiting = f.askAt(patient.api, `GET ${path}`, key).finally(() => (isWaiting = false));
    const soon = await f.askAt(hasty.api, `GET ${path}`, key);
    expect(isWaiting).toBe(true);
    await release();
    return [soon, await waiting] as const;
  } catch (error) {
    await release();
    throw error;
  }
}

test('facts that do not come in time: 503, and no word of paying', async () => {
  const { key } = await subscriber();
  const lock = 'LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE';
  const [soon, later] = await whileHeld('/plain', key, lock);
  expect([soon.status, soon.body.code, soon.headers.get('retry-after')]).toEqual([
    503,
    'unverifiable',
    '5',
  ]);
  expect(later.status).toBe(200);
});

test('a count that does not come in time: 503, or through where the policy is open', async () => {
  const { customer, key } = await subscriber();
  for (const { api } of [hasty, patient]) {
    await until('counted once', async () => {
      return (await f.askAt(api, 'GET /counted', key)).status === 200;
    });
  }
  const lock = 'SELECT FROM usage_counter WHERE customer_id = $1 FOR UPDATE';
  const [closed, later] = await whileHeld('/counted', key, lock, [customer]);
  expect([closed.status, later.status]).toEqual([503, 200]);
  const [open] = await whileHeld('/open', key, lock, [customer]);
  expect([open.status, open.headers.get('x-entitlement-access')]).toEqual([200, 'degraded']);
});
