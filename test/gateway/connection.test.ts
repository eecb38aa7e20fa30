// What a gateway's connections need of our server: room for the heads that pass through them, and to stay open for
// longer than the gateway keeps them.
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { startTestServer } from '../support/server.ts';

let t: TestContext;
let server: Awaited<ReturnType<typeof startTestServer>>;
beforeAll(async () => {
  t = await createTestContext();
  server = await startTestServer(t);
});
afterAll(async () => {
  await server.close();
  await t.close();
});

/** Asks with so many bytes of headers that belong to the API behind us. */
function ask(extraBytes: number, agent = new Agent()): Promise<IncomingMessage> {
  const headers: Record<string, string> = {
    'X-Gateway-Token': t.tokens.gateway,
    'X-Forwarded-Method': 'GET',
    'X-Forwarded-Uri': '/nowhere',
  };
  for (let n = 0; n * 4_000 < extraBytes; n += 1) headers[`X-Cookie-${n}`] = 'x'.repeat(3_980);
  return new Promise((resolve, reject) => {
    request(`${server.url}/entitlements`, { headers, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer));
    })
      .on('error', reject)
      .end();
  });
}

test('a head of 60 KiB is answered, one beyond 64 KiB is 431', async () => {
  expect((await ask(60 * 1024)).statusCode).toBe(401);
  expect((await ask(70 * 1024)).statusCode).toBe(431);
});

test('a connection stays open for more than 75 seconds, and serves call after call', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [first, second] = [await ask(0, agent), await ask(0, agent)];
  expect(second.socket).toBe(first.socket);
  const [, seconds] = /timeout=(\d+)/.exec(String(first.headers['keep-alive'])) ?? [];
  expect(Number(seconds)).toBeGreaterThan(75);
  agent.destroy();
});
