// The REST side alone on a port of its own, and a call per kind of caller. For tests of http/ that need no
// gateway around it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from '../../src/http/app.ts';
import type { Context } from '../../src/context.ts';
import type { Environment } from '../../src/config.ts';
import { createApi } from './api.ts';
import type { Api, ApiAnswer } from './api.ts';
import { createTestContext } from './context.ts';
import type { TestContext } from './context.ts';

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<ApiAnswer>;
export type HttpTest = {
  ctx: Context;
  test: TestContext;
  url: string;
  api: Api;
  operator: Call;
  anyone: Call;
  /** Calls with this Bearer credential. */
  as: (token: string) => Call;
  /** A new customer, and calls with a session of its own. */
  customer: (externalId: string) => Promise<{ id: string; token: string; call: Call }>;
  close: () => Promise<void>;
};

export async function startHttpTest(
  options: { env?: Environment; sandbox?: boolean } = {},
): Promise<HttpTest> {
  const test = await createTestContext(options);
  const server = createServer(createApp(test.ctx));
  await new Promise<void>((resolve) => server.listen(test.config.port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api = createApi(url);
  const as = (token: string): Call => (method, path, body, headers) =>
    api(method, path, { token, ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) }); // prettier-ignore
  const operator = as(test.tokens.operator);
  return {
    ctx: test.ctx,
    test,
    url,
    api,
    operator,
    as,
    anyone: (method, path, body, headers) =>
      api(method, path, {
        ...(body === undefined ? {} : { body }),
        ...(headers ? { headers } : {}),
      }),
    async customer(externalId) {
      const { body } = await operator('POST', '/customers', { external_id: externalId });
      const session = await operator('POST', `/customers/${body.id}/sessions`);
      return { id: body.id, token: session.body.token, call: as(session.body.token) };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await test.close();
    },
  };
}
