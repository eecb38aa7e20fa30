// A running server with plans to be metered by, and customers on them: what the tests of usage stand on.
import { createTestContext } from './context.ts';
import type { TestContext } from './context.ts';
import { startTestServer } from './server.ts';
import type { ApiAnswer } from './api.ts';

export type Metered = Awaited<ReturnType<typeof startMetered>>;
export type Subscriber = { id: string; key: string; token: string; subscription: string };

/** With `frozen`, business time stands still there until `moveTo` moves it. */
export async function startMetered(options: { frozen?: Date } = {}) {
  const context: TestContext = await createTestContext();
  let frozenMs = options.frozen?.getTime();
  if (frozenMs !== undefined) context.ctx.clock.nowMs = () => frozenMs!;
  const server = await startTestServer(context);
  const { api } = server;
  const operator = (method: string, path: string, body?: unknown) =>
    api(method, path, { token: context.tokens.operator, ...(body ? { body } : {}) });
  const gateway = (method: string, path: string, body?: unknown, headers = {}) =>
    api(method, path, {
      headers: { 'x-gateway-token': context.tokens.gateway, ...headers },
      ...(body ? { body } : {}),
    });
  let made = 0;

  return {
    ...context,
    url: server.url,
    operator,
    gateway,
    /** 201, or the test stops here. */
    async plan(key: string, features: unknown[], more: Record<string, unknown> = {}) {
      expectStatus(await operator('POST', '/plans', { key, name: key, features, ...more }), 201);
    },
    async subscriber(plan: string, more: { key?: object; customer?: object } = {}) {
      made += 1;
      const customer = expectStatus(
        await operator('POST', '/customers', { external_id: `c${made}`, ...more.customer }),
        201,
      );
      const id: string = customer.id;
      const { token } = (await operator('POST', `/customers/${id}/sessions`)).body;
      const made_key = expectStatus(
        await operator('POST', '/keys', { customer_id: id, ...more.key }),
        201,
      );
      const bought = expectStatus(
        await operator('POST', '/subscriptions', { customer_id: id, plan }),
        201,
      );
      return { id, key: made_key.key, keyId: made_key.id, token, subscription: bought.id };
    },
    /** The check: units of a feature, by key. */
    check: (key: string, feature: string, cost = 1) =>
      gateway('GET', `/entitlements/features/${feature}/${cost}`, undefined, { 'x-api-key': key }),
    /** Rows of GET /usage as `name window: used/held`. */
    async usage(customerId: string): Promise<Record<string, { used: number; held: number }>> {
      const { body } = await operator('GET', `/usage?customer_id=${customerId}`);
      return Object.fromEntries(
        body.data.map((row: any) => [
          `${row.feature} ${row.window}${row.key_id ? ' key' : ''}`,
          { used: row.used, held: row.held },
        ]),
      );
    },
    /** Business time alone: no job runs, which is what much here is about. */
    async moveTo(instant: Date) {
      const { ctx } = context;
      if (frozenMs !== undefined) {
        frozenMs = instant.getTime();
        return;
      }
      await ctx.pool.query('UPDATE clock SET offset_ms = $1', [instant.getTime() - Date.now()]);
      await ctx.clock.refresh();
      await ctx.notify.settled();
    },
    later: (seconds: number) => new Date(context.ctx.now().getTime() + seconds * 1000),
    async close() {
      await server.close();
      await context.close();
    },
  };
}

export function expectStatus(answer: ApiAnswer, status: number): any {
  if (answer.status !== status) {
    throw new Error(`${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}
