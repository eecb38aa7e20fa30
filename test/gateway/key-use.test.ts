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
  use.touch(rows[0].id);
  await use.close();
  now = Date.parse('2030-01-01T00:00:00Z');
  const late = createKeyUse({ pool, log: f.ctx.log, nowMs: () => now });
  late.touch(rows[0].id);
  await late.close();
  expect((await lastUse())!.toISOString()).toBe('2030-01-02T00:00:00.000Z');
  await pool.end();
});
