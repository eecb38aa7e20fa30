// PostgreSQL away from one gateway, by a wire that is cut: what is still known serves, what is not is 503, nobody
// is told to pay, and nothing needs a restart afterwards.
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
let wire: TcpProxy;
let gateway: Awaited<ReturnType<Fixture['secondGateway']>>;
let known: { id: string; key: string };
let unknown: string;
let opened = 0;
let counted = 0;

beforeAll(async () => {
  f = await createFixture();
  const database = new URL(f.config.databaseUrl);
  wire = await startTcpProxy({ host: database.hostname, port: Number(database.port) });
  database.port = String(wire.port);
  database.hostname = '127.0.0.1';
  const plan = await f.plan('pro', [
    { feature: 'calls', limits: [{ window: 'day', max: 1_000, on_exceed: 'wait', overage: null }] },
  ]);
  const id = await f.customer();
  await f.subscribe(id, plan);
  known = { id, key: await f.key(id) };
  unknown = await f.key(id);
  await f.policy({ path: '/free', access: 'free' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/strict', access: 'subscription', max_stale_seconds: 0 });
  await f.policy({ path: '/counted', access: 'feature', feature: 'calls' });
  await f.policy({ path: '/counted/open', access: 'feature', feature: 'calls', when_down: 'open' });
  gateway = await f.secondGateway({ databaseUrl: database.href, databaseDirectUrl: database.href });
  expect((await ask('GET /plain', known.key)).status).toBe(200);
});
afterAll(async () => {
  wire.mend();
  await gateway.close();
  await wire.close();
  await f.close();
});

const ask = (call: string, key?: string) => f.askAt(gateway.api, call, key);

describe('while PostgreSQL is away', () => {
  beforeAll(async () => {
    wire.cut();
    await until('the facts are older than a second', async () => {
      const { headers } = await ask('GET /plain', known.key);
      return headers.get('x-entitlement-access') === 'degraded';
    });
  });

  test('a key known before still passes, marked degraded', async () => {
    expect((await ask('GET /plain', known.key)).status).toBe(200);
    expect((await ask('GET /free')).status).toBe(200);
  });

  test('a key not known before is 503, never 401 or 402', async () => {
    const answer = await ask('GET /plain', unknown);
    expect([answer.status, answer.body.code, answer.body.retryable]).toEqual([
      503,
      'unverifiable',
      true,
    ]);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(Date.parse(answer.body.data_as_of)).toBeLessThan(Date.now());
  });

  test('a key that is no key is still 401: that needs nobody to ask', async () => {
    expect((await ask('GET /plain', 'tg_test_nonsense')).status).toBe(401);
  });

  test('what must be counted follows the policy: closed is 503, open passes degraded', async () => {
    expect((await ask('GET /counted', known.key)).body.code).toBe('unverifiable');
    const open = await ask('GET /counted/open', known.key);
    expect([open.status, open.headers.get('x-entitlement-access')]).toEqual([200, 'degraded']);
  });

  test('what an open policy lets through is in the journal before the answer', async () => {
    const folder = path.join(f.config.dataDir, 'journal');
    const units = async () => {
      const files = await readdir(folder);
      const texts = await Promise.all(
        files.map((name) => readFile(path.join(folder, name), 'utf8')),
      );
      return texts.join('').split('\n').filter(Boolean).length;
    };
    const before = await units();
    await Promise.all(Array.from({ length: 20 }, () => ask('GET /counted/open', known.key)));
    expect(await units()).toBe(before + 20);
    opened = before + 20;
  });

  test('facts older than a policy allows are 503', async () => {
    expect((await ask('GET /strict', known.key)).status).toBe(503);
  });
});

test('afterwards everything works again without a restart, and what changed meanwhile holds', async () => {
  await f.sql('UPDATE customer SET blocked = true WHERE id = $1', [known.id]);
  wire.mend();
  await until('the change is known', async () => {
    const { body } = await ask('GET /plain', known.key);
    return body.code === 'customer_blocked';
  });
  await f.sql('UPDATE customer SET blocked = false WHERE id = $1', [known.id]);
  await until('the key passes, fresh', async () => {
    const { status, headers } = await ask('GET /counted', known.key);
    if (status === 200) counted += 1;
    return status === 200 && headers.get('x-entitlement-access') === 'full';
  });
  expect((await ask('GET /plain', unknown)).status).toBe(200);
});

test('and what was let through is counted, once', async () => {
  const used = async () => {
    const { rows } = await f.sql('SELECT used FROM usage_counter WHERE customer_id = $1', [
      known.id,
    ]);
    return rows[0]?.used as number;
  };
  // Besides what was counted directly, when the key passed again.
  await until('the journal is counted', async () => (await used()) === opened + counted);
  await until(
    'the files are gone',
    async () => (await readdir(path.join(f.config.dataDir, 'journal'))).length === 0,
  );
  const { rows } = await f.sql('SELECT count(*)::int AS lines FROM journaled_usage');
  expect(rows[0].lines).toBe(opened);
});

test('a LISTEN connection that has gone silent is noticed within five seconds: answers say how old they are', async () => {
  const { notify } = gateway.ctx;
  wire.silence();
  await until(
    'nothing was heard for five seconds',
    () => Date.now() - notify.lastHeardMs() > 5_000,
  );
  expect(notify.hearing()).toBe(false);
  await until('the answer is degraded', async () => {
    const { headers } = await ask('GET /plain', known.key);
    return headers.get('x-entitlement-access') === 'degraded';
  });
  expect(gateway.ctx.notify.hearing()).toBe(false);
  wire.cut();
  wire.mend();
  await until('it hears again', () => gateway.ctx.notify.hearing());
});
