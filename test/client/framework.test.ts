// The middleware in the frameworks themselves, in front of the running service: whatever it answers reaches the
// client, and only success is charged.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import {
  expressCharge,
  expressGuard,
  fastifyCharge,
  fastifyGuard,
  fetchCharge,
  fetchGuard,
  honoCharge,
  honoGuard,
} from '../../packages/client/src/index.ts';
import type { Charge, Decision, Tollgate } from '../../packages/client/src/index.ts';
import { until } from '../support/until.ts';
import { startService } from './service.ts';
import type { Service } from './service.ts';

type Served = { url: string; close: () => Promise<unknown> };
const image = { feature: 'images', units: 5 };
/** `/paint?status=…&used=…`: a handler that goes well or not, and says what it used. */
const outcome = (url: string) => {
  const query = new URL(url, 'http://x').searchParams;
  return { status: Number(query.get('status') ?? 200), used: query.get('used') };
};

const servers: Record<string, (tollgate: Tollgate) => Promise<Served>> = {
  async express(tollgate) {
    const app = express();
    app.post('/paint', expressCharge(tollgate, image), (request, response) => {
      const { status, used } = outcome(request.originalUrl);
      const { charge } = request as unknown as { charge: Charge };
      if (used) charge.use(Number(used));
      response.status(status).send('painted');
    });
    app.use(expressGuard(tollgate));
    app.use((request, response) => {
      response.json((request as unknown as { tollgate: Decision }).tollgate.customerId);
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () => closed(server),
    };
  },

  async fastify(tollgate) {
    const app = fastify({ forceCloseConnections: true });
    app.post('/paint', { onRequest: fastifyCharge(tollgate, image) }, async (request, reply) => {
      const { status, used } = outcome(request.url);
      const { charge } = request as unknown as { charge: Charge };
      if (used) charge.use(Number(used));
      return reply.code(status).send('painted');
    });
    await app.register(async (guarded) => {
      guarded.addHook('onRequest', fastifyGuard(tollgate));
      guarded.all('/*', async (request, reply) =>
        reply.send(
          JSON.stringify((request as unknown as { tollgate: Decision }).tollgate.customerId),
        ),
      );
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    return { url, close: () => app.close() };
  },

  async hono(tollgate) {
    const app = new Hono<{ Variables: { tollgate: Decision; charge: Charge } }>();
    app.post('/paint', honoCharge(tollgate, image), (c) => {
      const { status, used } = outcome(c.req.url);
      if (used) c.get('charge').use(Number(used));
      return c.text('painted', status as 200);
    });
    app.use(honoGuard(tollgate));
    app.all('/*', (c) => c.json(c.get('tollgate').customerId));
    return serveFetch((request) => app.fetch(request));
  },

  async fetch(tollgate) {
    const paint = fetchCharge(
      tollgate,
      (request, charge) => {
        const { status, used } = outcome(request.url);
        if (used) charge.use(Number(used));
        return new Response('painted', { status });
      },
      image,
    );
    const rest = fetchGuard(tollgate, (_request, decision) => Response.json(decision.customerId));
    return serveFetch((request) =>
      new URL(request.url).pathname === '/paint' ? paint(request) : rest(request),
    );
  },
};

/** A fetch-style handler behind a real socket. */
async function serveFetch(
  handle: (request: Request) => Response | Promise<Response>,
): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    const headers = new Headers(incoming.headers as Record<string, string>);
    const request = new Request(`http://here${incoming.url}`, {
      method: incoming.method!,
      headers,
    });
    void Promise.resolve(handle(request)).then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(Buffer.from(await response.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => closed(server),
  };
}

/** Clients keep their connections; this does not wait for them to tire of it. */
function closed(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

describe.each(Object.keys(servers))('%s', (name) => {
  let served: Served;
  beforeAll(async () => {
    served = await servers[name]!(service.client());
  });
  afterAll(() => served.close());
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${served.url}${path}`, { method, headers });

  test('lets pass what may pass, and tells the handler who it is', async () => {
    const { id, key } = await service.subscriber();
    const answer = await ask('/calls/1?page=2', { 'x-api-key': key });
    expect([answer.status, await answer.json()]).toEqual([200, id]);
    const bearer = await ask('/calls/1', { authorization: `Bearer ${key}` }, 'DELETE');
    expect([bearer.status, await bearer.json()]).toEqual([200, id]);
    const free = await ask('/free');
    expect([free.status, await free.json()]).toEqual([200, null]);
  });

  test('passes the limit on with an allow', async () => {
    const { key } = await service.subscriber();
    const { headers } = await ask('/images', { 'x-api-key': key });
    expect(headers.get('ratelimit')).toContain('r=9');
  });

  test.each([
    ['/calls/1', false, 401, 'key_missing', 'www-authenticate'],
    ['/gold', true, 402, 'feature_not_in_plan', 'link'],
    ['/bursts', true, 429, 'rate_limited', 'retry-after'],
  ])('answers %s as the service says', async (path, hasKey, status, code, header) => {
    const { key } = await service.subscriber();
    const headers: Record<string, string> = hasKey ? { 'x-api-key': key } : {};
    if (status === 429) await (await ask(path, headers)).body?.cancel();
    const answer = await ask(path, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get(header)).toBeTruthy();
    expect(await answer.json()).toMatchObject({ status, code });
    const head = await ask(path, headers, path === '/calls/1' ? 'HEAD' : 'GET');
    expect(head.status).toBe(status);
  });

  test('charges what was used where the handler succeeds, and nothing where it fails', async () => {
    const { id, key } = await service.subscriber();
    const paint = (query: string) => ask(`/paint?${query}`, { 'x-api-key': key }, 'POST');
    const settled = () =>
      until('nothing is held', async () => (await service.used(id, 'images')).held === 0);
    expect((await paint('status=200&used=3')).status).toBe(200);
    await settled();
    expect(await service.used(id, 'images')).toEqual({ used: 3, held: 0 });
    expect((await paint('status=500')).status).toBe(500);
    await settled();
    expect(await service.used(id, 'images')).toEqual({ used: 3, held: 0 });
    expect((await paint('status=201')).status).toBe(201);
    await settled();
    expect(await service.used(id, 'images')).toEqual({ used: 8, held: 0 });
    const short = await paint('status=200');
    expect([short.status, ((await short.json()) as any).code]).toEqual([402, 'quota_exhausted']);
  });

  test('denies what is to be charged without a key', async () => {
    const answer = await ask('/paint', {}, 'POST');
    expect([answer.status, ((await answer.json()) as any).code]).toEqual([401, 'key_missing']);
  });
});
