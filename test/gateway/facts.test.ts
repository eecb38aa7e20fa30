// Facts in memory while notices come, stay away and come again, and while there is no room for all of them.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Notify } from '../../src/adapters/notify.ts';
import { hashSecret } from '../../src/adapters/secret.ts';
import { makeKey } from '../../src/domain/api-key.ts';
import { createFacts } from '../../src/gateway/facts.ts';
import type { Found } from '../../src/gateway/facts.ts';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
beforeAll(async () => {
  f = await createFixture();
});
afterAll(() => f.close());

type Listener = Parameters<Notify['listen']>[0];

/** Facts whose notices are in our hands; `knowsNone` answers for a database without keys. */
function factsWith(max = { keys: 100, customers: 100 }, knowsNone = false) {
  let listener: Listener = {};
  const notify = {
    listen: (given: Listener) => {
      listener = given;
      return () => undefined;
    },
    hearing: () => true,
    lastHeardMs: () => Date.now(),
  } as unknown as Notify;
  let reads = 0;
  let isAway = false;
  const query = (given: string) => {
    if (isAway) return Promise.reject(new Error('away'));
    reads += 1;
    return knowsNone ? Promise.resolve({ rows: [] }) : f.ctx.pool.query(given);
  };
  const pool = { query } as unknown as typeof f.ctx.pool;
  const facts = createFacts({ pool, notify, pepper: f.config.keyPepper, max });
  return {
    facts,
    reads: () => reads,
    goAway: () => (isAway = true),
    tell: (...ids: string[]) => listener.changed?.('customer', ids),
    resume: () => listener.resumed?.(),
  };
}

const revoke = (key: string) =>
  f.sql('UPDATE api_key SET revoked_at = now() WHERE hash = $1', [
    hashSecret(f.config.keyPepper, key),
  ]);
const isRevoked = (found: Found) =>
  typeof found !== 'string' && found.entry.key?.revokedAt !== null;

async function owner(keys: number) {
  const id = await f.customer();
  return { id, keys: await Promise.all(Array.from({ length: keys }, () => f.key(id))) };
}

test('a change is heard too for a customer that had to make room for others', async () => {
  const { facts, tell } = factsWith({ keys: 100, customers: 2 });
  const { id, keys } = await owner(1);
  const key = keys[0]!;
  expect(isRevoked(await facts.findKey(key))).toBe(false);
  for (let other = 0; other < 3; other += 1) await facts.findKey((await owner(1)).keys[0]!);
  expect(facts.size()).toEqual({ keys: 4, customers: 2 });
  await revoke(key);
  tell(id);
  expect(isRevoked(await facts.findKey(key))).toBe(true);
});

test('after a silence each key is read again, also where another key of its customer was', async () => {
  const { facts, resume, reads } = factsWith();
  const { keys } = await owner(2);
  for (const key of keys) await facts.findKey(key);
  // Nobody heard of this one.
  await revoke(keys[0]!);
  resume();
  expect(isRevoked(await facts.findKey(keys[1]!))).toBe(false);
  expect(isRevoked(await facts.findKey(keys[0]!))).toBe(true);
  expect(reads()).toBe(4);
});

test('what a notice took back is not served in an outage, also where a silence came before', async () => {
  const { facts, resume, tell, goAway } = factsWith();
  const { id, keys } = await owner(2);
  for (const key of keys) await facts.findKey(key);
  resume();
  await facts.findKey(keys[1]!);
  tell(id);
  goAway();
  for (const key of keys) expect(await facts.findKey(key)).toBe('unreachable');
});

test('one load serves all who ask meanwhile', async () => {
  const { facts, reads } = factsWith({ keys: 5_000, customers: 5_000 });
  const { keys } = await owner(1);
  const found = await Promise.all(Array.from({ length: 200 }, async () => facts.findKey(keys[0]!)));
  expect(new Set(found).size).toBe(1);
  expect(reads()).toBe(1);
});

test('memory holds no more keys and customers than it may, and the ones in use stay', async () => {
  const { facts, reads } = factsWith({ keys: 3, customers: 3 });
  const owners = await Promise.all(Array.from({ length: 6 }, () => owner(1)));
  for (const { keys } of owners) await facts.findKey(keys[0]!);
  expect(facts.size()).toEqual({ keys: 3, customers: 3 });
  const before = reads();
  for (const { keys } of owners.slice(3)) await facts.findKey(keys[0]!);
  expect(reads()).toBe(before);
});

const strangers = (count: number) =>
  Array.from({ length: count }, (_, n) => makeKey('test', String(n).padStart(30, '0')));

test('that a key is unknown is asked once, remembered for a moment, and for so many keys only', async () => {
  const { facts, reads } = factsWith(undefined, true);
  const keys = strangers(10_001);
  const ask = async (key: string) => expect(await facts.findKey(key)).toBe('unknown');
  for (const key of keys) await ask(key);
  expect(reads()).toBe(10_001);
  await ask(keys.at(-1)!);
  expect(reads()).toBe(10_001);
  // The first one had to go.
  await ask(keys[0]!);
  expect(reads()).toBe(10_002);
  await until('the last one is asked about again', async () => {
    await ask(keys.at(-1)!);
    return reads() > 10_002;
  });
});

test('a notice about anybody drops what was unknown, and what is no key nobody is asked about', async () => {
  const { facts, reads, tell } = factsWith(undefined, true);
  const [key] = strangers(1);
  await facts.findKey(key!);
  tell('cus_new');
  await facts.findKey(key!);
  expect(reads()).toBe(2);
  for (const bad of ['', 'nonsense', `${key!}0`, key!.toUpperCase(), 'x'.repeat(60_000)])
    expect(await facts.findKey(bad)).toBe('unknown');
  expect(reads()).toBe(2);
});
