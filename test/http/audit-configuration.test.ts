// GET /audits/configuration over HTTP, with PostgreSQL and the sandbox: the demo is clean, each change that spoils it is
// found, and what the finding says mends it.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findingCodes, findingKinds } from '../../src/domain/audit/finding.ts';
import { defaultLadder } from '../../src/domain/plan.ts';
import { neededEvents } from '../../src/domain/stripe-event.ts';
import { prepareDemo } from '../../src/local/demo.ts';
import { demoPlans } from '../../src/local/demo-plans.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';
import { control } from '../support/stripe.ts';

let http: HttpTest;
let dataDir: string;
let customerId: string;
beforeAll(async () => {
  http = await startHttpTest({ sandbox: true });
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'audit-'));
  const demo = await prepareDemo({
    dataDir,
    apiUrl: http.url,
    operatorToken: http.test.tokens.operator,
    stripe: http.ctx.stripe,
  });
  customerId = demo.customers[0]!.id;
}, 60_000);
afterAll(async () => {
  await http.close();
  await rm(dataDir, { recursive: true });
});

async function audit() {
  const { status, body } = await http.operator('GET', '/audits/configuration');
  expect([status, body.checked_at]).toEqual([200, expect.stringMatching(/Z$/)]);
  return body.data as { code: string; subject: string; detail: string }[];
}
const found = async () => (await audit()).map(({ code, subject }) => `${code} ${subject}`);

/** Does it, and fails where it is refused. */
async function operator(method: string, where: string, body?: unknown): Promise<any> {
  const answer = await http.operator(method, where, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${where}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
const faults = (...api: object[]) =>
  control(http.test.sandbox!, 'PUT', '/_sandbox/faults', { api });
const url = () => `http://127.0.0.1:${http.test.config.port}/webhooks/stripe`;
const features = (key: string): object[] => demoPlans.find((plan) => plan.key === key)!.features;
const setFeatures = (key: string, ...more: object[]) =>
  operator('PATCH', `/plans/${key}`, { features: [...features(key), ...more] });

/** Makes the policies; the answer deletes them. */
async function policies(...lines: [path: string, access: string, feature?: string][]) {
  const made: string[] = [];
  for (const [where, access, feature] of lines) {
    const body = { method: 'GET', path: where, access, ...(feature ? { feature } : {}) };
    made.push((await operator('POST', '/route-policies', body)).id);
  }
  return async () => {
    for (const id of made) await operator('DELETE', `/route-policies/${id}`);
  };
}

async function endpoint(change: object, undo: object) {
  const { data } = await http.ctx.stripe.webhookEndpoints.list();
  await http.ctx.stripe.webhookEndpoints.update(data[0]!.id, change);
  return () => http.ctx.stripe.webhookEndpoints.update(data[0]!.id, undo);
}

async function pricesOf(key: string): Promise<string> {
  return (await operator('GET', `/plans/${key}`)).stripe_price_id;
}

type Case = [code: string, subject: string | (() => string), spoil: () => Promise<() => unknown>];
const cases: Case[] = [
  [
    'free_route_unreachable',
    'GET /docs/*',
    () =>
      policies(
        ['/docs/*', 'free'],
        ['/docs/', 'subscription'],
        ['/docs/:page', 'subscription'],
        ['/docs/:page/*', 'subscription'],
      ),
  ],
  [
    'free_route_shadowed',
    'GET /:version/health',
    () => policies(['/:version/health', 'free'], ['/v1/*', 'subscription']),
  ],
  [
    'free_route_excepted',
    'GET /files/*',
    () => policies(['/files/*', 'free'], ['/files/premium', 'subscription']),
  ],
  ['feature_without_plan', 'maps', () => policies(['/maps', 'feature', 'maps'])],
  [
    'default_plan_missing',
    'nothing',
    async () => {
      // No request can bring this about: the settings name only plans that are offered.
      await http.ctx.pool.query(`UPDATE setting SET default_plan = 'nothing'`);
      return () => operator('PATCH', '/settings', { default_plan: null });
    },
  ],
  [
    'plan_unreachable',
    'hidden',
    async () => {
      await operator('POST', '/plans', { key: 'hidden', name: 'Hidden', public: false });
      return () => operator('PATCH', '/plans/hidden', { archived: true });
    },
  ],
  [
    'plan_without_version',
    'half',
    async () => {
      const plan = { key: 'half', name: 'Half', price: { amount: 500, currency: 'usd', interval: 'month' } }; // prettier-ignore
      await faults({ match: 'POST /v1/prices', status: 500 });
      expect((await http.operator('POST', '/plans', plan)).status).toBe(503);
      await faults();
      return () => operator('POST', '/plans', plan);
    },
  ],
  [
    'paid_feature_in_free_plan',
    'free',
    async () => {
      await setFeatures('free', { feature: 'reports' });
      return () => setFeatures('free');
    },
  ],
  [
    'limits_contradict',
    'pro',
    async () => {
      const limits = [
        { window: 'day', max: 100 },
        { window: 'month', max: 10 },
      ];
      await setFeatures('pro', { feature: 'maps', limits });
      return () => setFeatures('pro');
    },
  ],
  [
    'ladder_denies_unannounced',
    'pro',
    async () => {
      await operator('PATCH', '/plans/pro', { ladder: [{ after_hours: 0, access: 'deny' }] });
      return () => operator('PATCH', '/plans/pro', { ladder: defaultLadder });
    },
  ],
  [
    'ladder_outlives_retries',
    'settings.default_ladder',
    async () => {
      const default_ladder = [{ after_hours: 400, access: 'deny' }];
      await operator('PATCH', '/settings', { default_ladder });
      return () =>
        operator('PATCH', '/settings', {
          payment_retries: 'tollgate',
          payment_retry_hours: [100, 400],
        });
    },
  ],
  [
    'price_inactive',
    'pro',
    async () => {
      const price = await pricesOf('pro');
      await http.ctx.stripe.prices.update(price, { active: false });
      return () => http.ctx.stripe.prices.update(price, { active: true });
    },
  ],
  [
    'price_changed',
    'pro',
    async () => {
      // Stripe never changes an amount: this is a database that was filled from elsewhere.
      const set = 'UPDATE plan_version SET price_amount = $1 WHERE stripe_price_id = $2';
      const price = await pricesOf('pro');
      await http.ctx.pool.query(set, [1, price]);
      return () => http.ctx.pool.query(set, [2_900, price]);
    },
  ],
  [
    'price_gone',
    'scale',
    async () => {
      const set = 'UPDATE plan_version SET stripe_price_id = $1 WHERE stripe_price_id = $2';
      const price = await pricesOf('scale');
      await http.ctx.pool.query(set, ['price_of_another_account', price]);
      return () => http.ctx.pool.query(set, [price, 'price_of_another_account']);
    },
  ],
  [
    'webhook_endpoint_missing',
    url,
    () => endpoint({ url: 'http://127.0.0.1:1/elsewhere' }, { url: url() }),
  ],
  ['webhook_endpoint_disabled', url, () => endpoint({ disabled: true }, { disabled: false })],
  [
    'webhook_events_missing',
    url,
    () => endpoint({ enabled_events: ['invoice.paid'] }, { enabled_events: [...neededEvents] }),
  ],
  [
    'manage_key_without_expiry',
    'key',
    async () => {
      const body = { customer_id: customerId, scopes: ['call', 'manage'] };
      const { id } = await operator('POST', '/keys', body);
      return () => operator('DELETE', `/keys/${id}`);
    },
  ],
  [
    'stripe_not_asked',
    'prices',
    async () => {
      await faults({ match: 'GET /v1/prices/*', status: 500 });
      return () => faults();
    },
  ],
  [
    'stripe_not_asked',
    'webhook endpoints',
    async () => {
      await faults({ match: 'GET /v1/webhook_endpoints', status: 403, body: {} });
      return () => faults();
    },
  ],
];

test('the demo is without a finding', async () => expect(await audit()).toEqual([]));

describe('found, and gone once it is mended', () => {
  test.each(cases)('%s', async (code, named, spoil) => {
    const subject = typeof named === 'function' ? named() : named;
    const mend = await spoil();
    const data = await audit();
    expect(data).toEqual([
      {
        code,
        subject: expect.stringContaining(subject),
        detail: expect.stringMatching(/\S/),
        ...findingKinds[code as keyof typeof findingKinds],
      },
    ]);
    await mend();
    expect(await found()).toEqual([]);
  });

  test('every kind of finding is provoked here, but for the bound’s own', () => {
    const provoked = new Set(cases.map(([code]) => code));
    expect(findingCodes.filter((code) => !provoked.has(code))).toEqual(['audit_incomplete']);
  });
});

test('what Stripe has forgotten is told for every offered plan with a price', async () => {
  const paths = { match: 'GET /v1/prices/*', status: 404, body: { error: { type: 'invalid_request_error', code: 'resource_missing' } } }; // prettier-ignore
  await faults(paths);
  expect(await found()).toEqual(['price_gone half', 'price_gone pro', 'price_gone scale']);
  await faults();
});

test('a price that is half an answer is not heard, rather than changed', async () => {
  await faults({ match: 'GET /v1/prices/*', body: {} });
  expect(await found()).toEqual(['stripe_not_asked prices']);
  await faults();
});

test('only operators may ask', async () => {
  const { call } = await http.customer('curious');
  expect((await call('GET', '/audits/configuration')).status).toBe(403);
  expect((await http.anyone('GET', '/audits/configuration')).status).toBe(401);
});
