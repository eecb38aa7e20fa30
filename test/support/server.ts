// The real server on a test's context: gateway and REST on one port, as in production.
import { startServer } from '../../src/server.ts';
import { createApi } from './api.ts';
import type { Api } from './api.ts';
import type { TestContext } from './context.ts';

export type TestServer = { url: string; api: Api; close: () => Promise<void> };

/** Listens where the context's sandbox sends its webhooks, or without one on any free port. */
export async function startTestServer(test: TestContext): Promise<TestServer> {
  const server = await startServer(test.ctx, { port: test.config.port, host: '127.0.0.1' });
  return { url: server.url, api: createApi(server.url), close: () => server.close() };
}
