// What is used of each limit, over HTTP: counted by the check, seen here, each customer its own.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

let context: TestContext;
let server: TestServer;
const customers: { id: string; token: string; key: string }[] = [];

beforeAll(async () => {
  context = await createTestContext();
  server = await startTestServer(context);
  await operator('POST', '/plans', {
    key: 'free',
    name: 'Free',
    features: [
      { feature: 'reports', limits: [{ window: 'month', max: 10 }, { window: 'day', max: 5 }] },
      { feature: 'files' },
    ],
  }); // prettier-ignore
  for (const external_id of ['a', 'b']) {
    const { id } = (await operator('POST', '/customers', { external_id })).body;
    const { token } = (await operator('POST', `/customers/${id}/sessions`)).body;
    const { key } = (await operator('POST', '/keys', { customer_id: id })).body;
    await operator('POST', '/subscriptions', { customer_id: id, plan: 'free' });
    customers.push({ id, token, key });
  }
});
afterAll(async () => {
  await server.close();
  await context.close();
});

const operator = (method: string, path: string, body?: unknown) =>
  server.api(method, path, { token: context.tokens.operator, ...(body ? { body } : {}) });

describe('GET /usage', () => {
  test('200: a customer sees its own limits, windows and units', async () => {
    const [mine] = customers;
    const checked = await server.api('GET', '/entitlements/features/reports/3', {
      headers: { 'x-gateway-token': context.tokens.gateway, 'x-api-key': mine!.key },
    });
    expect(checked.status).toBe(200);
    const { status, body } = await server.api('GET', '/usage', { token: mine!.token });
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [
        expect.objectContaining({ customer_id: mine!.id, feature: 'reports', window: 'month', max: 10, used: 3, remaining: 7 }),
        expect.objectContaining({ customer_id: mine!.id, feature: 'reports', window: 'day', max: 5, used: 3, remaining: 2 }),
      ],
      next_cursor: null,
    }); // prettier-ignore
    for (const { window_start, resets_at } of body.data) {
      const now = context.ctx.now().toISOString();
      expect(window_start <= now && now < resets_at).toBe(true);
    }
  });

  test('200: an operator sees everybody’s, page by page, or one customer’s', async () => {
    const all = await operator('GET', '/usage');
    expect(new Set(all.body.data.map((row: any) => row.customer_id)).size).toBe(2);
    const first = await operator('GET', '/usage?limit=1');
    const second = await operator('GET', `/usage?limit=1&cursor=${first.body.next_cursor}`);
    expect([...first.body.data, ...second.body.data]).toEqual(all.body.data);
    expect(second.body.next_cursor).toBeNull();
    const one = await operator('GET', `/usage?customer_id=${customers[1]!.id}`);
    expect(one.body.data.map((row: any) => [row.customer_id, row.used])).toEqual([
      [customers[1]!.id, 0],
      [customers[1]!.id, 0],
    ]);
  });

  test('404: a customer naming another', async () => {
    const path = `/usage?customer_id=${customers[1]!.id}`;
    expect((await server.api('GET', path, { token: customers[0]!.token })).status).toBe(404);
  });
});
