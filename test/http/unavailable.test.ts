// What REST says while PostgreSQL or Stripe is away: 503 with Retry-After in bounded time, never a 500, and the
// same request goes through once they are back.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createContext } from '../../src/context.ts';
import type { Context } from '../../src/context.ts';
import { createApp } from '../../src/http/app.ts';
import { createApi } from '../support/api.ts';
import type { Api } from '../support/api.ts';
import { testConfig } from '../support/config.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let wire: TcpProxy;
let ctx: Context;
let api: Api;
let token: string;
const server = createServer((request, response) => void createApp(ctx)(request, response));

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(wire.port);
  const config = testConfig({ DATABASE_URL: url.href });
  token = config.operatorTokens[0]!;
  ctx = await createContext(config, 'test');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api = createApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  wire.mend();
  await ctx.close();
  await wire.close();
  await database.drop();
});

describe('PostgreSQL is cut off', () => {
  const calls: [string, string, unknown?][] = [
    ['GET', '/plans'],
    ['GET', '/customers'],
    ['POST', '/customers', { external_id: 'x' }],
    ['PATCH', '/settings', { default_access: 'key' }],
    ['DELETE', '/customers/cus_00000000000000000000000000'],
    ['GET', '/usage'],
  ];

  test('503 unavailable for reads and writes, and readiness says degraded with 200', async () => {
    expect((await api('GET', '/customers', { token })).status).toBe(200);
    wire.cut();
    for (const [method, path, body] of calls) {
      const answer = await api(method, path, { token, ...(body ? { body } : {}) });
      expect([method, path, answer.status, answer.body.code]).toEqual([
        method,
        path,
        503,
        'unavailable',
      ]);
      expect(answer.headers.get('retry-after')).not.toBeNull();
    }
    const keyed = await api('POST', '/customers', {
      token,
      body: { external_id: 'x' },
      headers: { 'idempotency-key': 'k' },
    });
    expect(keyed.status).toBe(503);
    const ready = await api('GET', '/readyz');
    expect([ready.status, ready.body.degraded, ready.body.database]).toEqual([200, true, 'away']);
    expect((await api('GET', '/healthz')).status).toBe(200);
  });

  test('and back: the same requests go through', async () => {
    wire.mend();
    await until(
      'REST is back',
      async () => (await api('GET', '/customers', { token })).status === 200,
    );
    const made = await api('POST', '/customers', { token, body: { external_id: 'x' } });
    expect(made.status).toBe(201);
    await until('nothing is degraded', async () => !(await api('GET', '/readyz')).body.degraded);
  });
});
