// What an operator grants one customer besides the plan: by limit or by extra, up to an instant, with and without
// pools, seen in the check, in entitlements and in the audit.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
  const limit = (window: string, max: number, on_exceed = 'payment') => ({
    window,
    max,
    on_exceed,
  });
  const made = await billing.operator('POST', '/plans', {
    key: 'metered',
    name: 'Metered',
    pools: [{ pool: 'credits', limits: [limit('month', 4)] }],
    features: [
      { feature: 'reports', limits: [limit('day', 2), limit('month', 3), limit('minute', 100, 'wait')] },
      { feature: 'calls', limits: [limit('hour', 2, 'wait')] },
      { feature: 'images', pool: { pool: 'credits', cost: 2 } },
      { feature: 'sounds', pool: { pool: 'credits', cost: 1 } },
      { feature: 'open' },
    ],
  }); // prettier-ignore
  expect(made.status).toBe(201);
});
afterAll(() => billing.close());

async function customer() {
  const { id, call } = await billing.customer();
  await call('POST', '/subscriptions', { plan: 'metered' });
  const path = (feature: string) => `/customers/${id}/overrides/${feature}`;
  return {
    id,
    call,
    put: (feature: string, body: object) => billing.operator('PUT', path(feature), body),
    drop: (feature: string) => billing.operator('DELETE', path(feature)),
    limits: async (feature: string) => {
      const { body } = await call('GET', `/customers/${id}/entitlements`);
      const one = body.entitlements.find((entry: any) => entry.feature === feature);
      return one?.limits.map(({ window, max }: any) => `${window} ${max}`).toSorted();
    },
    entitlement: async (feature: string) => {
      const { body } = await call('GET', `/customers/${id}/entitlements`);
      return body.entitlements.find((entry: any) => entry.feature === feature);
    },
    /** The answers of so many checks, one after the other. */
    check: async (feature: string, times = 1) => {
      const codes = [];
      for (let n = 0; n < times; n += 1) {
        const answer = await fetch(`${billing.url}/entitlements/check`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'x-gateway-token': billing.test.tokens.gateway,
          },
          body: JSON.stringify({ customer_id: id, feature, cost: 1 }),
        });
        const { status, code } = (await answer.json()) as any;
        codes.push(code ? `${status} ${code}` : String(status));
      }
      return codes;
    },
  };
}

describe('an override', () => {
  test('by limit stands instead of the payment limits, and leaves the others', async () => {
    const { put, limits, check } = await customer();
    expect((await put('reports', { limit: 5, reason: 'a pilot' })).status).toBe(200);
    expect(await limits('reports')).toEqual(['day 5', 'minute 100', 'month 5']);
    expect(await check('reports', 6)).toEqual([
      ...Array<string>(5).fill('200'),
      '402 quota_exhausted',
    ]);
  });

  test('by extra stands on top, and what was used before counts', async () => {
    const { put, limits, check } = await customer();
    expect(await check('reports', 3)).toEqual(['200', '200', '402 quota_exhausted']);
    await put('reports', { extra: 2 });
    expect(await limits('reports')).toEqual(['day 4', 'minute 100', 'month 5']);
    expect(await check('reports', 3)).toEqual(['200', '200', '402 quota_exhausted']);
  });

  test('where no limit is one of payment, applies to all', async () => {
    const { put, check } = await customer();
    await put('calls', { extra: 1 });
    expect(await check('calls', 4)).toEqual(['200', '200', '200', '429 rate_limited']);
  });

  test('of a feature that draws on a pool lifts the pool, for all that draw on it', async () => {
    const { put, check, limits } = await customer();
    expect(await check('images', 3)).toEqual(['200', '200', '402 quota_exhausted']);
    await put('images', { extra: 3 });
    expect(await limits('sounds')).toEqual(['month 7']);
    expect(await check('images', 2)).toEqual(['200', '402 quota_exhausted']);
    expect(await check('sounds', 2)).toEqual(['200', '402 quota_exhausted']);
  });

  test('of a pool by its name is the same', async () => {
    const { put, limits } = await customer();
    await put('credits', { limit: 9 });
    expect([await limits('images'), await limits('sounds')]).toEqual([['month 9'], ['month 9']]);
  });

  test('of a feature outside the plan grants it, so many units per billing period', async () => {
    const { put, drop, check, entitlement } = await customer();
    expect(await check('forecasts')).toEqual(['402 feature_not_in_plan']);
    await put('forecasts', { limit: 1, reason: 'asked nicely' });
    expect(await entitlement('forecasts')).toMatchObject({
      allowed: true,
      override: { limit: 1, extra: null, expires_at: null },
      limits: [{ window: 'billing_period', max: 1, used: 0, remaining: 1 }],
    });
    expect(await check('forecasts', 2)).toEqual(['200', '402 quota_exhausted']);
    expect((await drop('forecasts')).status).toBe(204);
    expect(await check('forecasts')).toEqual(['402 feature_not_in_plan']);
  });

  test('of a feature without limits can give it one; extra on it changes nothing', async () => {
    const { put, check, limits } = await customer();
    await put('open', { extra: 1 });
    expect(await limits('open')).toEqual([]);
    await put('open', { limit: 1 });
    expect(await check('open', 2)).toEqual(['200', '402 quota_exhausted']);
  });

  test('grants nothing to whom no plan serves', async () => {
    const { id } = await billing.customer();
    await billing.operator('PUT', `/customers/${id}/overrides/reports`, { limit: 5 });
    const { body } = await billing.operator('GET', `/customers/${id}/entitlements`);
    expect(body).toMatchObject({ code: 'no_subscription', entitlements: [] });
  });

  test('holds up to its instant and not from it on, by the clock alone', async () => {
    const { put, limits, check, entitlement } = await customer();
    const end = new Date(billing.ctx.now().getTime() + 3_600_000);
    await put('reports', { limit: 9, expires_at: end.toISOString() });
    await put('forecasts', { extra: 9, expires_at: end.toISOString() });
    const { clock } = billing.ctx;
    const nowMs = clock.nowMs;
    const at = (ms: number) => (clock.nowMs = () => end.getTime() + ms);
    try {
      at(-1);
      expect(await limits('reports')).toEqual(['day 9', 'minute 100', 'month 9']);
      for (const ms of [0, 1]) {
        at(ms);
        expect(await limits('reports')).toEqual(['day 2', 'minute 100', 'month 3']);
        expect((await entitlement('reports')).override).toBeNull();
        expect(await entitlement('forecasts')).toBeUndefined();
      }
    } finally {
      clock.nowMs = nowMs;
    }
    expect(await check('forecasts')).toEqual(['200']);
    await billing.ctx.pool.query('UPDATE clock SET offset_ms = offset_ms + 3600000');
    await billing.ctx.clock.refresh();
    expect(await check('forecasts')).toEqual(['402 feature_not_in_plan']);
  });
});

describe('PUT', () => {
  test('the same again changes nothing and is noted once; another replaces it', async () => {
    const { id, put } = await customer();
    const body = { limit: 5, expires_at: '2030-01-01T00:00:00+01:00', reason: 'a pilot' };
    const first = await put('reports', body);
    expect(first.body).toEqual({
      customer_id: id, feature: 'reports', limit: 5, extra: null, expires_at: '2029-12-31T23:00:00.000Z', reason: 'a pilot', created_at: expect.any(String),
    }); // prettier-ignore
    expect((await put('reports', body)).body).toEqual(first.body);
    expect((await put('reports', { extra: 1 })).body).toMatchObject({
      limit: null,
      extra: 1,
      expires_at: null,
      reason: null,
    });
    const notes = await billing.ctx.db.auditEntry.findMany({
      where: { customer_id: id, action: { startsWith: 'override.' } },
      orderBy: { id: 'asc' },
    });
    expect(notes.map(({ action }) => action)).toEqual(['override.set', 'override.set']);
    expect(notes[1]).toMatchObject({ before: { limit: 5 }, after: { extra: 1 } });
    const { body: listed } = await billing.operator('GET', `/customers/${id}/overrides`);
    expect(listed.data.map(({ feature }: any) => feature)).toEqual(['reports']);
  });

  test('at once by many leaves one', async () => {
    const { id, put } = await customer();
    const answers = await Promise.all([1, 2, 3, 4].map((limit) => put('reports', { limit })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await billing.ctx.db.override.count({ where: { customer_id: id } })).toBe(1);
  });

  test.each([
    ['neither limit nor extra', {}],
    ['both', { limit: 1, extra: 1 }],
    ['less than nothing', { limit: -1 }],
    ['half a unit', { extra: 0.5 }],
    ['an instant that is none', { limit: 1, expires_at: 'tomorrow' }],
    ['an unknown field', { limit: 1, note: 'x' }],
  ])('422: %s', async (_what, body) => {
    const { put } = await customer();
    const answer = await put('reports', body);
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
  });

  test('404: a customer that is not there; 403: by the customer itself', async () => {
    const { id, call } = await customer();
    const nobody = '/customers/cus_00000000000000000000000000/overrides/reports';
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? { limit: 1 } : undefined;
      expect((await billing.operator(method, nobody, body)).status).toBe(404);
      expect((await call(method, `/customers/${id}/overrides/reports`, body)).status).toBe(403);
    }
    await billing.operator('DELETE', `/customers/${id}`);
    const gone = await billing.operator('PUT', `/customers/${id}/overrides/reports`, { limit: 1 });
    expect(gone.status).toBe(404);
  });
});

test('DELETE again is 204, and the check hears of it with the answer', async () => {
  const { put, drop, check } = await customer();
  await put('reports', { limit: 0 });
  expect(await check('reports')).toEqual(['402 quota_exhausted']);
  expect([(await drop('reports')).status, (await drop('reports')).status]).toEqual([204, 204]);
  expect(await check('reports')).toEqual(['200']);
});
