// When a key was last used: remembered without a write per call, and right within a minute.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPool } from '../../src/adapters/postgres.ts';
import { createKeyUse } from '../../src/gateway/key-use.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
beforeAll(async () => {
  f = await createFixture();
});
afterAll(() => f.close());

const lastUse = async () =>
  (await f.sql('SELECT last_used_at FROM api_key')).rows[0].last_used_at as Date | null;

test('many uses are one write, which a closing gateway does not lose and which announces nothing', async () => {
  const plan = await f.plan('pro', []);
  const customer = await f.customer();
  await f.subscribe(customer, plan);
  const key = await f.key(customer);
  await f.policy({ path: '/plain', access: 'subscription' });
  const gateway = await f.secondGateway();
  for (let call = 0; call < 5; call += 1) await f.askAt(gateway.api, 'GET /plain', key);
  expect(await lastUse()).toBeNull();
  await f.settled();
  let announced = 0;
  const stop = f.ctx.notify.listen({ changed: () => (announced += 1) });
  await gateway.close();
  await f.settled();
  stop();
  expect(Math.abs((await lastUse())!.getTime() - Date.now())).toBeLessThan(60_000);
  expect(announced).toBe(0);
});

test('a write never takes the time of last use back', async () => {
  const pool = createPool({ url: f.config.databaseUrl, name: 'test', max: 1 });
  let now = Date.parse('2030-01-02T00:00:00Z');
  const use = createKeyUse({ pool, log: f.ctx.log, nowMs: () => now });
  const { rows } = await f.sql('SELECT id FROM api_key');
  use.touch({ key: rows[0], notedAt: 0 });
  await use.close();
  now = Date.parse('2030-01-01T00:00:00Z');
  const late = createKeyUse({ pool, log: f.ctx.log, nowMs: () => now });
  late.touch({ key: rows[0], notedAt: 0 });
  await late.close();
  expect((await lastUse())!.toISOString()).toBe('2030-01-02T00:00:00.000Z');
  await pool.end();
});

test('however many keys were used, all of them are written', async () => {
  const pool = createPool({ url: f.config.databaseUrl, name: 'test', max: 1 });
  const { rows } = await f.sql('SELECT id FROM api_key');
  const use = createKeyUse({ pool, log: f.ctx.log, nowMs: () => Date.parse('2031-01-01') });
  for (let n = 0; n < 12_000; n += 1) use.touch({ key: { id: `key_gone_${n}` }, notedAt: 0 });
  use.touch({ key: rows[0], notedAt: 0 });
  await use.close();
  expect((await lastUse())!.toISOString()).toBe('2031-01-01T00:00:00.000Z');
  await pool.end();
});

test('asking by POST is a use of the key too', async () => {
  const customer = await f.customer();
  const key = await f.key(customer);
  const gateway = await f.secondGateway();
  const headers = { 'x-gateway-token': f.tokens.gateway };
  const body = { api_key: key, method: 'GET', path: '/plain' };
  expect((await gateway.api('POST', '/entitlements/check', { headers, body })).status).toBe(200);
  await gateway.close();
  const { rows } = await f.sql('SELECT last_used_at FROM api_key WHERE customer_id = $1', [
    customer,
  ]);
  expect(rows[0].last_used_at).toBeInstanceOf(Date);
});
