// What a customer may use right now, as data: the same truth as the check's, cheap to ask again.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let context: TestContext;
let server: TestServer;
let customerId: string;
let session: string;

beforeAll(async () => {
  context = await createTestContext();
  server = await startTestServer(context);
  await operator('POST', '/plans', {
    key: 'free',
    name: 'Free',
    features: [
      { feature: 'calls', limits: [{ window: 'month', max: 2, on_exceed: 'payment' }] },
      { feature: 'reports', limits: [] },
    ],
  });
  customerId = (await operator('POST', '/customers', { external_id: 'e1' })).body.id;
  session = (await operator('POST', `/customers/${customerId}/sessions`, {})).body.token;
});
afterAll(async () => {
  await server.close();
  await context.close();
});

const operator = (method: string, path: string, body: unknown) =>
  server.api(method, path, { body, token: context.tokens.operator });

const read = (headers: Record<string, string> = {}) =>
  server.api('GET', `/customers/${customerId}/entitlements`, { token: session, headers });
const use = () =>
  server.api('POST', '/entitlements/check', {
    body: { customer_id: customerId, feature: 'calls' },
    headers: { 'x-gateway-token': context.tokens.gateway },
  });

describe('GET /customers/{id}/entitlements', () => {
  test('200: without a subscription nothing, and why', async () => {
    const { status, body } = await read();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      customer_id: customerId,
      plan: null,
      status: null,
      access: 'deny',
      code: 'no_subscription',
      entitlements: [],
    });
    expect(Math.abs(Date.parse(body.data_as_of) - Date.now())).toBeLessThan(60_000);
  });

  test('200: every feature of the plan, with what is used and when it resets', async () => {
    await operator('POST', '/subscriptions', { customer_id: customerId, plan: 'free' });
    await use();
    const { body } = await read();
    expect(body).toMatchObject({ plan: 'free', status: 'active', access: 'full', code: null });
    expect(body.entitlements).toMatchObject([
      {
        feature: 'calls',
        allowed: true,
        code: null,
        limits: [{ window: 'month', max: 2, used: 1, remaining: 1 }],
      },
      { feature: 'reports', allowed: true, code: null, limits: [] },
    ]);
    expect(Date.parse(body.entitlements[0].limits[0].resets_at)).toBeGreaterThan(Date.now());
  });

  test('200: a full limit is told with the code that the check gives', async () => {
    await use();
    const denied = await use();
    const { body } = await read();
    expect(body.entitlements[0]).toMatchObject({ allowed: false, code: denied.body.code });
    expect(denied.body.code).toBe('quota_exhausted');
  });

  test('304: to whoever has this very state, and 200 again once it changed', async () => {
    const first = await read();
    const tag = first.headers.get('etag')!;
    const again = await read({ 'if-none-match': tag });
    expect([again.status, again.body]).toEqual([304, '']);
    await operator('PATCH', `/customers/${customerId}`, { blocked: true });
    const changed = await read({ 'if-none-match': tag });
    expect([changed.status, changed.body.code]).toEqual([200, 'customer_blocked']);
    await operator('PATCH', `/customers/${customerId}`, { blocked: false });
    expect((await read({ 'if-none-match': tag })).status).toBe(304);
  });

  test("404: somebody else's and nobody's look the same, byte for byte but for the instance", async () => {
    const other = (await operator('POST', '/customers', { external_id: 'e2' })).body.id as string;
    const texts = [];
    for (const id of [other, 'cus_01hzy3v7k2m4n6p8q0r2s4t6v8']) {
      const { status, body } = await server.api('GET', `/customers/${id}/entitlements`, {
        token: session,
      });
      expect(status).toBe(404);
      texts.push(JSON.stringify({ ...body, instance: '' }));
    }
    expect(texts[0]).toBe(texts[1]);
  });
});
