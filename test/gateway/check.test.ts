// The check through the front door: every form, the order of denials, what each answer carries.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
let pro: string;
let customer: string;
let key: string;

beforeAll(async () => {
  f = await createFixture();
  pro = await f.plan(
    'pro',
    [
      {
        feature: 'search',
        limits: [{ window: 'month', max: 3, on_exceed: 'payment', overage: null }],
      },
      { feature: 'burst', limits: [{ window: 'day', max: 2, on_exceed: 'wait', overage: null }] },
      {
        feature: 'both',
        limits: [
          { window: 'day', max: 1, on_exceed: 'wait', overage: null },
          { window: 'month', max: 1, on_exceed: 'payment', overage: null },
        ],
      },
      { feature: 'flat', limits: [] },
    ],
    2000,
  );
  await f.plan(
    'scale',
    [
      {
        feature: 'search',
        limits: [{ window: 'month', max: 1000, on_exceed: 'payment', overage: null }],
      },
      { feature: 'export', limits: [] },
    ],
    9900,
  );
  customer = await f.customer();
  await f.subscribe(customer, pro);
  key = await f.key(customer);
  await f.policy({ path: '/status', access: 'free' });
  await f.policy({ path: '/closed', access: 'deny' });
  await f.policy({ path: '/me', access: 'key' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/search', access: 'feature', feature: 'search' });
  await f.policy({ path: '/flat', access: 'feature', feature: 'flat', cost: 0 });
  await f.policy({ path: '/export', access: 'feature', feature: 'export' });
  await f.policy({ path: '/read/*', access: 'subscription', read_only: true });
  await f.settled();
});
afterAll(() => f.close());

const members = [
  'type', 'title', 'status', 'detail', 'instance', 'code', 'retryable', 'feature', 'plan', 'limit', 'used',
  'remaining', 'resets_at', 'decision_id', 'data_as_of', 'actions',
]; // prettier-ignore

describe('200', () => {
  test('carries every identity header, even empty, and a small JSON body', async () => {
    const answer = await f.ask('GET /status');
    expect(answer.status).toBe(200);
    for (const name of ['x-customer-id', 'x-plan', 'x-feature'])
      expect(answer.headers.get(name)).toBe('');
    expect(answer.headers.get('x-entitlement-status')).toBe('200');
    expect(answer.headers.get('x-entitlement-access')).toBe('full');
    expect(answer.headers.get('x-decision-id')).toMatch(/^dec_[0-9a-hjkmnp-tv-z]{26}$/);
    expect(answer.body).toMatchObject({ allowed: true, status: 200 });
  });

  test('names customer, plan and feature, and the limits it counted', async () => {
    const other = await f.customer();
    await f.subscribe(other, pro);
    const answer = await f.ask('GET /search?q=1', await f.key(other));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-customer-id')).toBe(other);
    expect(answer.headers.get('x-plan')).toBe('pro');
    expect(answer.headers.get('x-feature')).toBe('search');
    expect(answer.headers.get('ratelimit-policy')).toMatch(/^"search-month";q=3;w=\d+$/);
    expect(answer.headers.get('ratelimit')).toMatch(/^"search-month";r=2;t=\d+$/);
  });

  test('takes the key as a bearer too, and ignores an Authorization that is not ours', async () => {
    expect((await f.ask('GET /me', undefined, { authorization: `Bearer ${key}` })).status).toBe(
      200,
    );
    const foreign = await f.ask('GET /me', undefined, { authorization: 'Basic dXNlcjpwYXNz' });
    expect(foreign.body.code).toBe('key_missing');
    expect((await f.ask('GET /me', key, { authorization: 'Bearer something-else' })).status).toBe(
      200,
    );
  });

  test('of HEAD has the same head and no body', async () => {
    const headers = {
      'x-gateway-token': f.tokens.gateway,
      'x-forwarded-method': 'GET',
      'x-forwarded-uri': '/status',
    };
    const answer = await f.api('HEAD', '/entitlements', { headers });
    expect([answer.status, answer.body]).toEqual([200, '']);
  });

  test('lets a CORS preflight through that no policy names', async () => {
    expect((await f.ask('OPTIONS /plain')).status).toBe(200);
    expect((await f.ask('OPTIONS /nowhere')).status).toBe(200);
  });
});

describe('a denial', () => {
  test('has every member, one ASCII line under 4 KB, and the headers of the contract', async () => {
    const answer = await f.ask('GET /export', key);
    expect(answer.status).toBe(402);
    expect(Object.keys(answer.body).sort()).toEqual([...members].sort());
    expect(answer.body).toMatchObject({
      code: 'feature_not_in_plan',
      retryable: false,
      feature: 'export',
      plan: 'pro',
      limit: null,
      used: null,
      remaining: null,
      resets_at: null,
    });
    const [upgrade] = answer.body.actions;
    expect(upgrade).toMatchObject({ id: 'upgrade', actor: 'human', until: null });
    expect(upgrade.title).toContain('scale, 99.00 EUR a month');
    expect(upgrade.href).toMatch(new RegExp(`^${f.config.publicUrl}/a/[A-Za-z0-9_-]+$`));
    expect(JSON.stringify(answer.body)).not.toContain('\n');
    expect(JSON.stringify(answer.body).length).toBeLessThan(4096);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('link')).toBe(
      `<${f.config.publicUrl}/problems/feature_not_in_plan>; rel="describedby", <${upgrade.href}>; rel="payment"`,
    );
    expect(answer.headers.get('retry-after')).toBeNull();
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(answer.headers.get('x-entitlement-status')).toBe('402');
  });

  test('401 is one answer for unknown, malformed, revoked and expired keys', async () => {
    const revoked = await f.key(customer, { revoked_at: new Date() });
    const expired = await f.key(customer, { expires_at: new Date(Date.now() - 1000) });
    const unknown = key.slice(0, 8) + key.slice(8).split('').reverse().join('');
    const bodies = [];
    for (const bad of [
      revoked,
      expired,
      unknown,
      'tg_test_x',
      'nonsense',
      `${key}0`,
      key.toLowerCase(),
    ]) {
      const { status, headers, body } = await f.ask('GET /me', bad);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer');
      const { decision_id, instance, data_as_of, ...rest } = body;
      bodies.push(JSON.stringify(rest));
    }
    expect(new Set(bodies).size).toBe(1);
    expect((await f.ask('GET /me')).body.code).toBe('key_missing');
  });

  test('follows the order of the contract', async () => {
    const codes: Record<string, string> = {
      'GET /closed': 'route_denied',
      'GET /a%2Fb': 'path_ambiguous',
      'GET /me': 'key_missing',
      'GET /nowhere': 'key_missing',
    };
    for (const [call, code] of Object.entries(codes))
      expect((await f.ask(call)).body.code).toBe(code);
    const stranger = await f.customer();
    const scoped = await f.key(stranger, { scopes: ['call:search'] });
    expect((await f.ask('GET /plain', scoped)).body.code).toBe('key_scope');
    expect((await f.ask('GET /search', scoped)).body.code).toBe('no_subscription');
    await f.sql('UPDATE customer SET blocked = true WHERE id = $1', [stranger]);
    await f.settled();
    expect((await f.ask('GET /search', scoped)).body.code).toBe('customer_blocked');
    expect((await f.ask('GET /me', await f.key(customer, { scopes: ['manage'] }))).body.code).toBe(
      'key_scope',
    );
  });

  test('402 quota_exhausted says how much, until when, and what would help; 429 says wait', async () => {
    const other = await f.customer();
    await f.subscribe(other, pro);
    const its = await f.key(other);
    for (let i = 0; i < 3; i += 1) expect((await f.ask('GET /search', its)).status).toBe(200);
    const quota = await f.ask('GET /search', its);
    expect(quota.status).toBe(402);
    expect(quota.body).toMatchObject({
      code: 'quota_exhausted',
      limit: 3,
      used: 3,
      remaining: 0,
      retryable: false,
    });
    expect(quota.body.actions.map((a: { id: string }) => a.id)).toEqual(['upgrade', 'wait']);
    expect(quota.body.actions[1].until).toBe(quota.body.resets_at);
    expect(Number(quota.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(quota.headers.get('ratelimit')).toMatch(/^"search-month";r=0;t=\d+$/);

    const burst = () =>
      f.api('GET', '/entitlements/features/burst/2', {
        headers: { 'x-gateway-token': f.tokens.gateway, 'x-api-key': its },
      });
    expect((await burst()).status).toBe(200);
    const limited = await burst();
    expect([limited.status, limited.body.code, limited.body.retryable]).toEqual([
      429,
      'rate_limited',
      true,
    ]);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is 402 where both a wait limit and a payment limit fail', async () => {
    const other = await f.customer();
    await f.subscribe(other, pro);
    const headers = { 'x-gateway-token': f.tokens.gateway, 'x-api-key': await f.key(other) };
    expect((await f.api('GET', '/entitlements/features/both', { headers })).status).toBe(200);
    const both = await f.api('GET', '/entitlements/features/both', { headers });
    expect([both.status, both.body.code]).toEqual([402, 'quota_exhausted']);
  });

  test('in the read_only step lets only policies through that say so', async () => {
    const other = await f.customer();
    await f.subscribe(other, pro, {
      status: 'past_due',
      stripe_subscription_id: 'sub_x',
      past_due_since: new Date(Date.now() - 170 * 3_600_000),
    });
    const its = await f.key(other);
    const read = await f.ask('GET /read/1', its);
    expect([read.status, read.headers.get('x-entitlement-access')]).toEqual([200, 'read_only']);
    const write = await f.ask('GET /plain', its);
    expect([write.status, write.body.code]).toEqual([402, 'payment_past_due']);
    expect(write.body.actions.map((a: { id: string }) => a.id)).toEqual([
      'update_payment_method',
      'pay_invoice',
    ]);
  });

  test('a default plan serves whoever has no live subscription', async () => {
    const stranger = await f.customer();
    const its = await f.key(stranger);
    expect((await f.ask('GET /search', its)).body.code).toBe('no_subscription');
    await f.sql(`UPDATE setting SET default_plan = 'scale'`);
    await f.settled();
    const answer = await f.ask('GET /export', its);
    expect([answer.status, answer.headers.get('x-plan')]).toEqual([200, 'scale']);
    await f.sql('UPDATE setting SET default_plan = NULL');
    await f.settled();
    expect((await f.ask('GET /export', its)).status).toBe(402);
  });
});

describe('the nginx forms', () => {
  const call = (path: string, headers: Record<string, string>) =>
    f.api('GET', path, { headers: { 'x-gateway-token': f.tokens.gateway, ...headers } });

  test.each([
    ['/entitlements/nginx', 'x-original-uri'],
    ['/entitlements/ingress-nginx', 'x-original-url'],
  ])('%s answers 401 and 403 only, and carries the truth in headers', async (path, header) => {
    const of = (uri: string, more = {}) =>
      call(path, { 'x-original-method': 'GET', [header]: uri, ...more });
    expect((await of('/status')).status).toBe(200);
    const missing = await of('/me');
    expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    const denied = await of('/export', { 'x-api-key': key });
    expect([denied.status, denied.headers.get('x-entitlement-status'), denied.body]).toEqual([
      403,
      '402',
      '',
    ]);
    const problem = denied.headers.get('x-entitlement-problem')!;
    expect(JSON.parse(problem)).toMatchObject({ status: 402, code: 'feature_not_in_plan' });
    expect(problem).toMatch(/^[\x20-\x7e]+$/);
    expect((await of('/closed')).headers.get('x-entitlement-status')).toBe('403');
  });

  test('503 stays 503', async () => {
    const answer = await f.api('GET', '/entitlements/nginx', { headers: {} });
    expect([answer.status, answer.headers.get('x-entitlement-status')]).toEqual([503, '503']);
  });
});

describe('each form reads its own source and nothing else', () => {
  const token = () => ({ 'x-gateway-token': f.tokens.gateway });

  test.each([
    // A client's forged pair in another form's headers gains nothing.
    [
      '/entitlements',
      {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/export',
        'x-original-uri': '/status',
        'x-original-url': '/status',
        'x-original-method': 'GET',
      },
    ],
    [
      '/entitlements?x-forwarded-uri=/status&feature=flat',
      { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/export' },
    ],
    [
      '/entitlements/nginx',
      {
        'x-original-method': 'GET',
        'x-original-uri': '/export',
        'x-forwarded-uri': '/status',
        'x-forwarded-method': 'GET',
      },
    ],
    [
      '/entitlements/ingress-nginx',
      { 'x-original-method': 'GET', 'x-original-url': '/export', 'x-original-uri': '/status' },
    ],
    [
      '/entitlements/ext-authz/export',
      { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/status', 'x-original-uri': '/status' },
    ],
    [
      '/entitlements/features/export',
      { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/status' },
    ],
    // Nor do answers of ours, sent as questions.
    [
      '/entitlements',
      {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/export',
        'x-entitlement-status': '200',
        'x-entitlement-access': 'full',
        'x-customer-id': 'cus_1',
        'x-plan': 'scale',
        'x-feature': 'flat',
      },
    ],
  ] as [string, Record<string, string>][])('%s with %j', async (path, headers) => {
    const answer = await f.api('GET', path, {
      headers: { ...token(), 'x-api-key': key, ...headers },
    });
    expect(answer.headers.get('x-entitlement-status')).toBe('402');
  });

  test('ext-authz takes the method and path of the request itself', async () => {
    const of = (method: string, path: string) =>
      f.api(method, `/entitlements/ext-authz${path}`, {
        headers: { ...token(), 'x-api-key': key },
      });
    expect((await of('GET', '/status')).status).toBe(200);
    expect((await of('POST', '/status')).status).toBe(200);
    expect((await of('GET', '/export?x=1')).body.code).toBe('feature_not_in_plan');
    expect((await of('GET', '/a%5Cb')).body.code).toBe('path_ambiguous');
  });

  test('half an origin is decided by default_access', async () => {
    const headers = { ...token(), 'x-forwarded-uri': '/status' };
    expect((await f.api('GET', '/entitlements', { headers })).body.code).toBe('key_missing');
  });

  test('a cost that is no integer of 0 or more, or no feature, is 404', async () => {
    for (const path of [
      '/features/flat/x',
      '/features/flat/-1',
      '/features/flat/1.5',
      '/features/',
      '/features/flat/1/2',
      '/nothing',
    ]) {
      expect((await f.api('GET', `/entitlements${path}`, { headers: token() })).status).toBe(404);
    }
  });

  test('a gateway without its token hears 503, never that the key is bad', async () => {
    for (const bad of [{}, { 'x-gateway-token': 'tgg_wrong' }, { 'x-gateway-token': '' }] as Record<
      string,
      string
    >[]) {
      const answer = await f.api('GET', '/entitlements', { headers: { ...bad, 'x-api-key': key } });
      expect([answer.status, answer.body.code]).toEqual([503, 'gateway_unauthorized']);
    }
  });
});

describe('POST /entitlements/check and /batch', () => {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    f.api('POST', `/entitlements/${path}`, {
      body,
      headers: { 'x-gateway-token': f.tokens.gateway, ...headers },
    });

  test('answer 200 with data, by key or by customer', async () => {
    const byKey = await post('check', { api_key: key, method: 'GET', path: '/export' });
    expect([byKey.status, byKey.body.allowed, byKey.body.status, byKey.body.code]).toEqual([
      200,
      false,
      402,
      'feature_not_in_plan',
    ]);
    const byCustomer = await post('check', { customer_id: customer, feature: 'flat', cost: 0 });
    expect(byCustomer.body).toMatchObject({
      allowed: true,
      status: 200,
      code: null,
      plan: 'pro',
      customer_id: customer,
    });
    expect((await post('check', { customer_id: 'cus_nobody', feature: 'flat' })).body.code).toBe(
      'key_invalid',
    );
    expect((await post('check', { method: 'GET', path: '/status' })).body.allowed).toBe(true);
    expect((await post('check', { feature: 'flat' })).body.code).toBe('key_missing');
  });

  test('a batch answers in order', async () => {
    const { body } = await post('batch', {
      checks: [
        { api_key: key, feature: 'flat' },
        { feature: 'flat' },
        { api_key: key, method: 'GET', path: '/closed' },
      ],
    });
    expect(body.data.map((one: { code: string | null }) => one.code)).toEqual([
      null,
      'key_missing',
      'route_denied',
    ]);
  });

  test('a retry under one Idempotency-Key counts once', async () => {
    const other = await f.customer();
    await f.subscribe(other, pro);
    const body = { customer_id: other, feature: 'search' };
    const first = await post('check', body, { 'idempotency-key': 'once' });
    const again = await post('check', body, { 'idempotency-key': 'once' });
    expect(again.body).toEqual(first.body);
    const { rows } = await f.sql('SELECT used FROM usage_counter WHERE customer_id = $1', [other]);
    expect(rows).toEqual([{ used: 1 }]);
    expect((await post('check', { ...body, cost: 2 }, { 'idempotency-key': 'once' })).status).toBe(
      422,
    );
  });

  test.each([
    [{ api_key: 'x', customer_id: 'y', feature: 'flat' }, 422],
    [{ feature: 'flat', method: 'GET', path: '/' }, 422],
    [{}, 422],
    [{ feature: 'flat', cost: -1 }, 422],
    [{ feature: 'flat', cost: 1.5 }, 422],
    [{ feature: 'flat', cost: 2 ** 60 }, 422],
    [{ feature: 'flat', unknown: 1 }, 422],
    [[], 422],
    ['text', 422],
  ])('%j is %d with its pointer', async (body, status) => {
    const answer = await post('check', body);
    expect(answer.status).toBe(status);
    expect(answer.body.errors[0].pointer).toEqual(expect.any(String));
  });

  test('refuse a wrong method, type, size or token plainly', async () => {
    const token = { 'x-gateway-token': f.tokens.gateway };
    const get = await f.api('GET', '/entitlements/check', { headers: token });
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await f.api('POST', '/entitlements/check', { headers: token })).status).toBe(415);
    const bad = await fetch(`${f.url}/entitlements/check`, {
      method: 'POST',
      headers: { ...token, 'content-type': 'application/json' },
      body: '{',
    });
    expect([bad.status, ((await bad.json()) as { code: string }).code]).toEqual([
      400,
      'invalid_json',
    ]);
    const unauthorized = await f.api('POST', '/entitlements/check', { body: {} });
    expect([unauthorized.status, unauthorized.body.code]).toEqual([401, 'gateway_unauthorized']);
    expect((await post('batch', { checks: Array(101).fill({ feature: 'flat' }) })).status).toBe(
      422,
    );
  });
});
