// What the client keeps, for how long, and what it does where nobody answers: against the running service behind a
// wire that can be cut or fall silent.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TollgateOptions } from '../../packages/client/src/index.ts';
import { createTollgate, fetchCharge } from '../../packages/client/src/index.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startService } from './service.ts';
import type { Service } from './service.ts';

let service: Service;
let wire: TcpProxy;
let key: string;
let customerId: string;
beforeAll(async () => {
  service = await startService();
  wire = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
});
beforeEach(async () => {
  wire.mend();
  ({ key, id: customerId } = await service.subscriber());
});
afterAll(async () => {
  await wire.close();
  await service.close();
});

const client = (options: Partial<TollgateOptions> = {}) =>
  service.client({ url: `http://127.0.0.1:${wire.port}`, ...options });
const call = (uri: string) => ({ method: 'GET', uri, apiKey: key });

/** How many requests the service sees while `work` runs. */
async function requestsIn(work: () => Promise<unknown>): Promise<number> {
  const before = service.requests();
  await work();
  return service.requests() - before;
}

describe('what is kept', () => {
  test('is an allow that counts nothing: a second call asks nobody', async () => {
    const tollgate = client();
    const first = await tollgate.check(call('/calls/1?page=1'));
    expect(first).toMatchObject({ allowed: true, customerId, plan: 'basic', source: 'service' });
    const asked = await requestsIn(async () => {
      const again = await tollgate.check(call('/calls/1?page=2'));
      expect(again).toMatchObject({ allowed: true, customerId, source: 'cache' });
    });
    expect(asked).toBe(0);
  });

  test('is never what counts: each call is asked, and counted', async () => {
    const tollgate = client({ staleMs: 60_000 });
    const asked = await requestsIn(async () => {
      for (let i = 0; i < 3; i += 1) await tollgate.check(call('/images'));
      await Promise.all([tollgate.check(call('/images')), tollgate.check(call('/images'))]);
    });
    expect(asked).toBe(5);
    expect(await service.used(customerId, 'images')).toEqual({ used: 5, held: 0 });
  });

  test('is of one key, one method and one path', async () => {
    const tollgate = client();
    await tollgate.check(call('/free'));
    const noKey = await tollgate.check({ method: 'GET', uri: '/calls/1' });
    expect([noKey.status, noKey.code]).toEqual([401, 'key_missing']);
    await tollgate.check(call('/calls/1'));
    expect((await tollgate.check({ method: 'GET', uri: '/calls/1' })).status).toBe(401);
    expect((await tollgate.check(call('/gold'))).status).toBe(402);
  });

  test('is bounded: what was used longest ago goes', async () => {
    const tollgate = client({ cacheMax: 2 });
    for (const n of [1, 2, 1, 3]) await tollgate.check(call(`/calls/${n}`));
    expect(await requestsIn(() => tollgate.check(call('/calls/1')))).toBe(0);
    expect(await requestsIn(() => tollgate.check(call('/calls/2')))).toBe(1);
    const none = client({ cacheMax: 0 });
    await none.check(call('/calls/1'));
    expect(await requestsIn(() => none.check(call('/calls/1')))).toBe(1);
  });
});

describe('an allow that is over its time', () => {
  /** Answers as the service does, but what it says holds for a moment only. */
  const shortLived: typeof fetch = async (...request) => {
    const answer = await service.fetch(...request);
    const headers = new Headers(answer.headers);
    if (headers.has('x-accel-expires')) headers.set('x-accel-expires', '0.001');
    return new Response(answer.body, { status: answer.status, headers });
  };
  const outOfDate = () => until('its time is over', () => Date.now() > lastAskedAt + 5);
  let lastAskedAt = 0;

  test('is used while one request fetches a newer one', async () => {
    const tollgate = client({ staleMs: 60_000, fetch: shortLived });
    await tollgate.check(call('/calls/1'));
    lastAskedAt = Date.now();
    await outOfDate();
    const asked = await requestsIn(async () => {
      const many = await Promise.all(
        Array.from({ length: 20 }, () => tollgate.check(call('/calls/1'))),
      );
      expect(new Set(many.map(({ source }) => source))).toEqual(new Set(['stale']));
    });
    expect(asked).toBe(1);
  });

  test('is used where nobody answers, and says that it is degraded', async () => {
    const tollgate = client({ fetch: shortLived });
    await tollgate.check(call('/calls/1'));
    lastAskedAt = Date.now();
    await outOfDate();
    wire.cut();
    expect(await tollgate.check(call('/calls/1'))).toMatchObject({
      allowed: true,
      access: 'degraded',
      source: 'stale',
    });
    expect((await tollgate.check(call('/calls/2'))).status).toBe(503);
  });

  test('is not used for longer than was said', async () => {
    const tollgate = client({ fetch: shortLived, maxStaleMs: 0 });
    await tollgate.check(call('/calls/1'));
    lastAskedAt = Date.now();
    await outOfDate();
    wire.cut();
    expect(await tollgate.check(call('/calls/1'))).toMatchObject({ allowed: false, status: 503 });
  });
});

describe('where nobody answers', () => {
  test('it is 503 with a problem, unless the switch says open', async () => {
    wire.cut();
    const closed = await client().check(call('/calls/1'));
    expect(closed).toMatchObject({
      allowed: false,
      status: 503,
      code: 'unverifiable',
      source: 'fallback',
    });
    expect(closed.headers['retry-after']).toBe('5');
    expect(closed.problem?.retryable).toBe(true);
    const open = await client({ whenDown: 'open' }).check(call('/calls/1'));
    expect(open).toMatchObject({
      allowed: true,
      status: 200,
      access: 'degraded',
      source: 'fallback',
    });
  });

  test('a wire that is silent is waited for no longer than was said', async () => {
    wire.silence();
    const errors: unknown[] = [];
    const tollgate = client({ timeoutMs: 50, onError: (error) => errors.push(error) });
    expect((await tollgate.check(call('/calls/1'))).status).toBe(503);
    expect((errors[0] as Error).name).toBe('TimeoutError');
  });

  test('after some failures in a row nobody is asked, and one call finds out that it is over', async () => {
    wire.cut();
    const tollgate = client({ breakerFailures: 3, breakerCoolDownMs: 200, cacheMax: 0 });
    for (let i = 0; i < 3; i += 1) await tollgate.check(call('/calls/1'));
    const asked = await requestsIn(() =>
      Promise.all(Array.from({ length: 50 }, () => tollgate.check(call('/calls/1')))),
    );
    expect(asked).toBeLessThanOrEqual(1);
    wire.mend();
    await until('it is asked again', async () => (await tollgate.check(call('/calls/1'))).allowed);
    expect(await requestsIn(() => tollgate.check(call('/calls/1')))).toBe(1);
  });

  test('what is no answer of the service is none', async () => {
    const tollgate = client({ fetch: async () => new Response('<html>', { status: 200 }) });
    expect((await tollgate.check(call('/calls/1'))).status).toBe(503);
  });

  test('a wrong token of ours opens nothing, whatever the switch says', async () => {
    const tollgate = client({ token: `tgg_${'x'.repeat(32)}`, whenDown: 'open' });
    expect(await tollgate.check(call('/calls/1'))).toMatchObject({
      allowed: false,
      status: 503,
      code: 'gateway_unauthorized',
    });
  });
});

describe('usage', () => {
  test('is recorded once however often it is told, one or many', async () => {
    const tollgate = client();
    const record = { apiKey: key, feature: 'images', units: 2, id: 'r1' };
    await tollgate.record(record);
    await tollgate.record([
      record,
      { customerId, feature: 'images', units: 3, id: 'r2', at: new Date() },
    ]);
    expect(await service.used(customerId, 'images')).toEqual({ used: 5, held: 0 });
    await expect(
      tollgate.record({ customerId, feature: 'images', units: -1, id: 'r3' }),
    ).rejects.toMatchObject({ name: 'TollgateError', status: 422 });
  });

  test('held units are settled once, and given back once', async () => {
    const tollgate = client();
    const held = await tollgate.reserve({
      apiKey: key,
      feature: 'images',
      units: 4,
      expiresIn: 60,
    });
    expect(await service.used(customerId, 'images')).toEqual({ used: 0, held: 4 });
    const { id } = held.reservation!;
    await tollgate.settle(id, 3);
    expect((await tollgate.settle(id, 3)).status).toBe('settled');
    const other = await tollgate.reserve({
      customerId,
      feature: 'images',
      units: 4,
      expiresIn: 60,
    });
    await tollgate.release(other.reservation!.id);
    await tollgate.release(other.reservation!.id);
    expect(await service.used(customerId, 'images')).toEqual({ used: 3, held: 0 });
  });

  test('a charge that cannot be ended is told, and does not spoil the answer', async () => {
    const errors: unknown[] = [];
    const tollgate = client({ onError: (error) => errors.push(error) });
    const paint = fetchCharge(
      tollgate,
      () => {
        wire.cut();
        return new Response('painted');
      },
      { feature: 'images', units: 1 },
    );
    const request = new Request('http://here/', { headers: { 'x-api-key': key } });
    expect((await paint(request)).status).toBe(200);
    expect(errors).toHaveLength(1);
  });

  test('where nobody answers nothing is held, and telling says so', async () => {
    wire.cut();
    const tollgate = client();
    const held = await tollgate.reserve({ customerId, feature: 'images', units: 1, expiresIn: 60 });
    expect(held.decision).toMatchObject({ allowed: false, status: 503 });
    await expect(
      tollgate.record({ customerId, feature: 'images', units: 1, id: 'lost' }),
    ).rejects.toThrow('fetch failed');
  });
});

test('an address or a token that cannot be one is said at once', () => {
  expect(() => createTollgate({ url: 'tollgate', token: 'tgg_x' })).toThrow('url');
  expect(() => createTollgate({ url: 'http://tollgate', token: 'tgo_x' })).toThrow('token');
});
