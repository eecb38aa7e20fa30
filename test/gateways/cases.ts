// The rows of the matrix, for a gateway as shipped and for one that lets calls through while Tollgate is silent.
// Each says one thing that holds for the client, the API or Tollgate, whichever gateway is between them.
import { createHash, randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { send } from './client.ts';
import type { Received, Sent } from './client.ts';
import { expectDown, expectProblem, identity, nobody } from './expectation.ts';
import type { Ability, Variant } from './program.ts';
import type { Stand } from './stand.ts';

export type Scene = {
  stand: Stand;
  /** Between the gateway and Tollgate. */
  wire: TcpProxy;
  send: (sent: Sent) => Promise<Received>;
};
export type Case = {
  name: string;
  variant: Variant;
  /** What a gateway must be able to; others have a dash. */
  needs?: Ability;
  run: (scene: Scene) => Promise<void>;
};

export const sceneAt = (url: string, stand: Stand, wire: TcpProxy): Scene => ({
  stand,
  wire,
  send: (sent) => send(url, sent),
});

const as = (key: string) => ({ 'X-API-Key': key });
const forgedIdentity = {
  'X-Customer-Id': 'cus_forged',
  'X-Plan': 'forged',
  'X-Feature': 'forged',
  'X-Entitlement-Access': 'forged',
  'X-Gateway-Token': 'forged',
};
const forgedOrigin = {
  'X-Forwarded-Method': 'GET',
  'X-Forwarded-Uri': '/free',
  'X-Original-Method': 'GET',
  'X-Original-URI': '/free',
  'X-Original-URL': 'http://api.example/free',
  'X-HTTP-Method-Override': 'GET',
  'Idempotency-Key': 'forged',
};

const answers: Case[] = [
  {
    name: 'allow: the API knows who calls, the client how much is left',
    variant: 'closed',
    async run({ stand, send }) {
      const { key, customer } = await stand.key();
      const answer = await send({ path: '/search?q=1', headers: as(key) });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ method: 'GET', url: '/search?q=1' });
      expect(identity(answer)).toEqual({
        'x-customer-id': customer,
        'x-plan': 'pro',
        'x-feature': 'search',
        'x-entitlement-access': 'full',
      });
      expect(answer.headers['ratelimit-policy']).toMatch(/^"search-month";q=3;w=\d+$/);
      expect(answer.headers.ratelimit).toMatch(/^"search-month";r=2;t=\d+$/);
    },
  },
  {
    name: 'allow: a free route needs no key, and promises nothing it has no limit for',
    variant: 'closed',
    async run({ send }) {
      const answer = await send({ path: '/free' });
      expect(answer.status).toBe(200);
      expect(identity(answer)).toEqual({ ...nobody, 'x-entitlement-access': 'full' });
      expect(answer.headers.ratelimit).toBeUndefined();
      expect(answer.headers['ratelimit-policy']).toBeUndefined();
    },
  },
  {
    name: '401 with WWW-Authenticate',
    variant: 'closed',
    async run({ send }) {
      const missing = await send({ path: '/paid' });
      expectProblem(missing, 401, 'key_missing');
      expect(missing.headers['www-authenticate']).toBe('Bearer');
      expectProblem(await send({ path: '/paid', headers: as('tg_test_x') }), 401, 'key_invalid');
    },
  },
  {
    name: '402 with the link to pay',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key('nothing');
      const answer = await send({ path: '/paid', headers: as(key) });
      expectProblem(answer, 402, 'no_subscription');
      expect(answer.headers.link).toMatch(/<[^>]+\/a\/[^>]+>; rel="payment"/);
      expect(answer.headers['www-authenticate']).toBeUndefined();
    },
  },
  {
    name: '402 with Retry-After and RateLimit, once the quota is used up',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      for (let call = 0; call < 3; call += 1) {
        expect((await send({ path: '/search', headers: as(key) })).status).toBe(200);
      }
      const answer = await send({ path: '/search', headers: as(key) });
      expectProblem(answer, 402, 'quota_exhausted');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers.ratelimit).toMatch(/^"search-month";r=0;t=\d+$/);
      expect(answer.headers['ratelimit-policy']).toMatch(/^"search-month";q=3;w=\d+$/);
    },
  },
  {
    name: '403',
    variant: 'closed',
    async run({ send }) {
      expectProblem(await send({ path: '/closed' }), 403, 'route_denied');
    },
  },
  {
    name: '429 with Retry-After and RateLimit',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      for (let call = 0; call < 2; call += 1) await send({ path: '/burst', headers: as(key) });
      const answer = await send({ path: '/burst', headers: as(key) });
      expectProblem(answer, 429, 'rate_limited');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers.ratelimit).toMatch(/^"burst-month";r=0;t=\d+$/);
    },
  },
  {
    name: '503 of Tollgate',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key('unheard');
      const answer = await send({ path: '/paid', headers: as(key) });
      expectProblem(answer, 503, 'unverifiable');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    },
  },
];

const calls: Case[] = [
  {
    name: 'every method is decided and served as what it is',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const answer = await send({ method, path: '/paid', headers: as(key) });
        expect([method, answer.status]).toEqual([method, method === 'OPTIONS' ? 204 : 200]);
        expect(stand.api.seen.at(-1)).toMatchObject({ method, url: '/paid' });
      }
      const head = await send({ method: 'HEAD', path: '/paid' });
      expect([head.status, head.text]).toEqual([401, '']);
      expect((await send({ path: '/mixed' })).status).toBe(200);
      expectProblem(await send({ method: 'POST', path: '/mixed' }), 401, 'key_missing');
    },
  },
  {
    name: 'a body of 200 kB arrives whole, and a denial of it arrives too',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      const body = randomBytes(200_000);
      const sent = { method: 'POST', path: '/paid', body };
      const answer = await send({ ...sent, headers: as(key) });
      expect(answer.status).toBe(200);
      const sha256 = createHash('sha256').update(body).digest('hex');
      expect(answer.body).toMatchObject({ bytes: 200_000, sha256 });
      const { headers } = stand.tollgate.asked.at(-1)!;
      expect([headers['content-length'] ?? '0', headers['transfer-encoding']]).toEqual([
        '0',
        undefined,
      ]);
      expectProblem(await send(sent), 401, 'key_missing');
    },
  },
  {
    name: 'Expect: 100-continue',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      const body = randomBytes(200_000);
      const sent = { method: 'PUT', path: '/paid', body, expectContinue: true };
      const answer = await send({ ...sent, headers: as(key) });
      expect(answer.status).toBe(200);
      expect(answer.body.bytes).toBe(200_000);
      expectProblem(await send(sent), 401, 'key_missing');
    },
  },
  {
    name: 'a CORS preflight, which carries no key, is answered by the API',
    variant: 'closed',
    async run({ send }) {
      const answer = await send({
        method: 'OPTIONS',
        path: '/nowhere',
        headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' },
      });
      expect(answer.status).toBe(204);
      expect(answer.headers['access-control-allow-origin']).toBe('https://app.example');
    },
  },
  {
    name: "the API's own errors pass untouched",
    variant: 'closed',
    async run({ send }) {
      for (const status of [401, 402, 403, 404, 429, 500, 502, 503]) {
        const answer = await send({ path: `/free/own/${status}` });
        expect([status, answer.status, answer.headers['x-api']]).toEqual([status, status, 'yes']);
        expect(answer.body.url).toBe(`/free/own/${status}`);
      }
      const answer = await send({ path: '/free/own/401' });
      expect(answer.headers['www-authenticate']).toBe('Basic realm="api"');
    },
  },
];

const economy: Case[] = [
  {
    name: 'the connection to Tollgate is kept, whatever it answers',
    variant: 'closed',
    needs: 'kept connections',
    async run({ stand, send }) {
      const { key } = await stand.key();
      const before = stand.tollgate.connections();
      for (let call = 0; call < 30; call += 1) {
        expect((await send({ path: '/paid', headers: as(key) })).status).toBe(200);
        expect((await send({ path: '/export', headers: as(key) })).status).toBe(402);
      }
      // Health checks may add their own.
      expect(stand.tollgate.connections() - before).toBeLessThan(20);
    },
  },
];

const trust: Case[] = [
  {
    name: 'identity headers that the client forged are overwritten',
    variant: 'closed',
    async run({ stand, send }) {
      const { key, customer } = await stand.key();
      const known = await send({ path: '/paid', headers: { ...as(key), ...forgedIdentity } });
      expect(identity(known)).toMatchObject({ 'x-customer-id': customer, 'x-plan': 'pro' });
      const unknown = await send({ path: '/free', headers: forgedIdentity });
      expect(identity(unknown)).toEqual({ ...nobody, 'x-entitlement-access': 'full' });
      const disguised = { 'X_Customer_Id': 'forged', 'X-Customer_Id': 'forged', 'X_PLAN': 'forged' }; // prettier-ignore
      const underscored = await send({ path: '/free', headers: disguised });
      for (const answer of [known, unknown, underscored]) {
        expect(JSON.stringify(answer.body.headers)).not.toContain('forged');
      }
    },
  },
  {
    name: 'origin headers that the client forged are overwritten, and its query is not read',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key('nothing');
      const path = '/paid?method=GET&path=/free&feature=search';
      const headers = { ...as(key), ...forgedOrigin };
      const denied = await send({ method: 'POST', path, headers });
      expectProblem(denied, 402, 'no_subscription');
      const twice = { 'X-Forwarded-Uri': ['/free', '/free'], 'X-Original-URI': ['/free', '/free'] };
      expectProblem(await send({ path: '/paid', headers: twice }), 401, 'key_missing');
    },
  },
  {
    name: "the client's own Authorization and cookies reach the API, not Tollgate",
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      const own = { Authorization: 'Basic dXNlcjpwYXNz', Cookie: 'session=secret' };
      const answer = await send({ path: '/paid', headers: { ...as(key), ...own } });
      expect(answer.body.headers).toMatchObject({
        authorization: own.Authorization,
        cookie: own.Cookie,
      });
      expect(answer.body.headers['x-gateway-token'] ?? '').toBe('');
      const { headers } = stand.tollgate.asked.at(-1)!;
      expect(headers['x-api-key']).toBe(key);
      expect([headers.authorization ?? '', headers.cookie ?? '']).toEqual(['', '']);
    },
  },
  {
    name: 'a key may come as a bearer',
    variant: 'closed',
    async run({ stand, send }) {
      const { key, customer } = await stand.key();
      const answer = await send({ path: '/paid', headers: { Authorization: `Bearer ${key}` } });
      expect(answer.status).toBe(200);
      expect(identity(answer)).toMatchObject({ 'x-customer-id': customer });
    },
  },
  {
    name: 'two keys are none',
    variant: 'closed',
    async run({ stand, send }) {
      const { key } = await stand.key();
      const answer = await send({ path: '/paid', headers: { 'X-API-Key': [key, key] } });
      expectProblem(answer, 401, 'key_invalid');
    },
  },
  {
    name: 'a path that can be read in two ways opens nothing',
    variant: 'closed',
    async run({ stand, send }) {
      const before = stand.api.seen.length;
      for (const path of [
        '/free/../paid',
        '/free/%2e%2e/paid',
        '//paid',
        '/free/..%2fpaid',
        '/free%2fown',
        '/free/..%5cpaid',
        '/PAID',
      ]) {
        const { status } = await send({ path });
        expect([path, status >= 400 && status < 500]).toEqual([path, true]);
      }
      expect(stand.api.seen.slice(before)).toEqual([]);
    },
  },
];

const outages: Case[] = [
  {
    name: 'Tollgate down: 503, and back again',
    variant: 'closed',
    async run({ stand, wire, send }) {
      const { key } = await stand.key();
      wire.cut();
      try {
        expectDown(await send({ path: '/paid', headers: as(key) }));
        expectDown(await send({ method: 'POST', path: '/free', body: Buffer.from('{}') }));
      } finally {
        wire.mend();
      }
      await until('served again', async () => {
        return (await send({ path: '/paid', headers: as(key) })).status === 200;
      });
    },
  },
  {
    name: 'Tollgate silent: 503 within the deadline',
    variant: 'closed',
    async run({ stand, wire, send }) {
      const { key } = await stand.key();
      wire.silence();
      try {
        expectDown(await send({ path: '/paid', headers: as(key) }));
      } finally {
        wire.cut();
        wire.mend();
      }
      await until('served again', async () => {
        return (await send({ path: '/paid', headers: as(key) })).status === 200;
      });
    },
  },
  {
    name: 'fail open: denials stand while Tollgate answers, its 503 too',
    variant: 'open',
    async run({ stand, send }) {
      expectProblem(await send({ path: '/paid' }), 401, 'key_missing');
      const nothing = await stand.key('nothing');
      const denied = await send({ path: '/paid', headers: as(nothing.key) });
      expectProblem(denied, 402, 'no_subscription');
      const unheard = await stand.key('unheard');
      const unsure = await send({ path: '/paid', headers: as(unheard.key) });
      expectProblem(unsure, 503, 'unverifiable');
      const { key, customer } = await stand.key();
      const served = await send({ path: '/paid', headers: as(key) });
      expect(identity(served)).toMatchObject({ 'x-customer-id': customer });
    },
  },
  {
    name: 'fail open: Tollgate down or silent, calls pass as nobody',
    variant: 'open',
    async run({ stand, wire, send }) {
      const { key } = await stand.key();
      const headers = { ...as(key), ...forgedIdentity };
      const body = randomBytes(200_000);
      for (const fault of ['cut', 'silence'] as const) {
        wire[fault]();
        try {
          const answer = await send({ method: 'POST', path: '/paid', headers, body });
          expect([fault, answer.status, answer.body.bytes]).toEqual([fault, 200, 200_000]);
          expect(identity(answer)).toEqual(nobody);
          expect(JSON.stringify(answer.body.headers)).not.toContain('forged');
          expect(answer.headers.ratelimit).toBeUndefined();
        } finally {
          wire.cut();
          wire.mend();
        }
      }
      await until('decided again', async () => (await send({ path: '/paid' })).status === 401);
    },
  },
];

export const cases = [...answers, ...calls, ...economy, ...trust, ...outages];
