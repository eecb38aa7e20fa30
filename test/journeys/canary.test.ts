// Secrets stay out of what the processes print: each is planted, used rightly and wrongly through every door,
// with everything logged and Stripe and PostgreSQL failing in between; then all output is searched.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBase62 } from '../../src/adapters/secret.ts';
import { choosePort } from '../../src/local/free-port.ts';
import { createApi } from '../support/api.ts';
import type { Api } from '../support/api.ts';
import { testEnvironment } from '../support/config.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import type { TestSandbox } from '../support/sandbox.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let wire: TcpProxy;
let sandbox: TestSandbox;
let env: Record<string, string | undefined>;
let api: Api;
let printed = '';
const processes: ChildProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(wire.port);
  const port = await choosePort(null);
  env = testEnvironment({ DATABASE_URL: url.href, PORT: String(port), LOG_LEVEL: 'debug' });
  sandbox = await startTestSandbox({
    secretKey: env['STRIPE_SECRET_KEY']!,
    webhookUrl: `http://127.0.0.1:${port}/webhooks/stripe`,
    webhookSecret: env['STRIPE_WEBHOOK_SECRET']!,
  });
  env['STRIPE_API_BASE'] = sandbox.url;
  start('src/main.ts');
  start('src/worker.ts');
  api = createApi(`http://127.0.0.1:${port}`);
  await until(
    'both are ready',
    () => /api ready/.test(printed) && /worker ready/.test(printed),
    30_000,
  );
}, 60_000);
afterAll(async () => {
  for (const child of processes) child.kill('SIGKILL');
  await sandbox.close();
  await wire.close();
  await database.drop();
});

function start(file: string): void {
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => (printed += part.toString()));
  }
  processes.push(child);
}

test('no secret is in anything that API and worker print', async () => {
  const operatorToken = env['OPERATOR_TOKENS']!;
  const gatewayToken = env['GATEWAY_TOKENS']!;
  const operator = (method: string, path: string, body?: unknown) =>
    api(method, path, { token: operatorToken, ...(body ? { body } : {}) });
  const email = `${randomBase62(16)}@example.com`;
  const { body: customer } = await operator('POST', '/customers', { external_id: 'c', email });
  const price = { amount: 900, currency: 'usd', interval: 'month' };
  await operator('POST', '/plans', { key: 'pro', name: 'Pro', price });
  const session = (await operator('POST', `/customers/${customer.id}/sessions`)).body.token;
  const idempotencyKey = `canary-${randomBase62(20)}`;
  const key = (
    await api('POST', '/keys', {
      token: session,
      body: { scopes: ['call', 'manage'] },
      headers: { 'idempotency-key': idempotencyKey },
    })
  ).body.key;
  const bought = await api('POST', '/subscriptions', { token: session, body: { plan: 'pro' } });
  const secrets: Record<string, string> = {
    operatorToken,
    gatewayToken,
    session,
    key,
    idempotencyKey,
    email,
    checkout: bought.body.checkout_url,
    stripe: env['STRIPE_SECRET_KEY']!,
    webhook: env['STRIPE_WEBHOOK_SECRET']!,
    pepper: env['KEY_PEPPER']!,
    password: new URL(env['DATABASE_URL']!).password,
  };

  await throughEveryDoor(secrets);
  await fetch(`${sandbox.url}/_sandbox/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${secrets['stripe']}`, 'content-type': 'application/json' },
    body: JSON.stringify({ api: [{ match: 'POST /v1/prices', status: 500 }] }),
  });
  const failed = await operator('POST', '/plans', { key: 'scale', name: 'Scale', price });
  expect(failed.status).toBe(503);
  wire.cut();
  await throughEveryDoor(secrets);
  wire.mend();
  await until('the API is back', async () => (await operator('GET', '/plans')).status === 200);
  for (const child of processes) child.kill('SIGTERM');
  await until('both have ended', () => processes.every((child) => child.exitCode !== null));

  expect(printed).toContain('"route":"/keys"');
  const leaked = Object.entries(secrets).filter(
    ([, secret]) => !secret || printed.includes(secret),
  );
  expect(leaked.map(([name]) => name)).toEqual([]);
}, 120_000);

/** Rightly, as the wrong credential, in the path, in the query, in the body, and in headers nobody asked for. */
async function throughEveryDoor(secrets: Record<string, string>): Promise<void> {
  const { key, gatewayToken } = secrets;
  for (const secret of Object.values(secrets)) {
    const inUrl = encodeURIComponent(secret);
    await Promise.all([
      api('GET', '/keys', { token: secret }),
      api('GET', `/plans/${inUrl}?q=${inUrl}`),
      api('GET', `/a/${inUrl}`),
      api('POST', '/keys', { token: secrets['session']!, body: { name: secret, [secret]: secret } }),
      api('POST', '/webhooks/stripe', { body: { secret }, headers: { 'stripe-signature': `t=1,v1=${secret}` } }),
      api('GET', '/entitlements', {
        headers: { 'x-gateway-token': gatewayToken!, 'x-api-key': secret, 'x-forwarded-method': 'GET', 'x-forwarded-uri': `/${inUrl}?k=${inUrl}` },
      }),
      api('POST', '/entitlements/check', {
        body: { api_key: secret, feature: 'x' },
        headers: { 'x-gateway-token': gatewayToken!, 'x-secret': secret },
      }),
    ]);
  } // prettier-ignore
  await api('GET', '/entitlements', { headers: { 'x-gateway-token': key! } });
}
