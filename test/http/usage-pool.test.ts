// Pools and caps of keys: several features on one balance at their own costs, and what one key may draw of it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startMetered } from '../support/metered.ts';
import type { Metered } from '../support/metered.ts';

let m: Metered;
const features = [
  { feature: 'images', pool: { pool: 'credits', cost: 5 } },
  {
    feature: 'texts',
    limits: [{ window: 'month', max: 30 }],
    pool: { pool: 'credits' },
  },
];
const pools = [{ pool: 'credits', limits: [{ window: 'month', max: 50 }] }];

beforeAll(async () => {
  m = await startMetered();
  await m.plan('pooled', features, { pools });
  const bigger = [{ pool: 'credits', limits: [{ window: 'month', max: 500 }] }];
  await m.plan('bigger', features, { pools: bigger });
});
afterAll(() => m.close());

describe('a pool', () => {
  test('is one balance: each feature draws its own cost, and the denial names the pool', async () => {
    const { id, key } = await m.subscriber('pooled');
    expect((await m.check(key, 'images', 8)).status).toBe(200);
    const { status, headers } = await m.check(key, 'texts', 6);
    expect(status).toBe(200);
    expect(headers.get('ratelimit-policy')).toMatch(
      /^"texts-month";q=30;w=\d+, "credits-month";q=50;w=\d+$/,
    );
    expect(headers.get('ratelimit')).toMatch(/^"credits-month";r=4;t=\d+$/);
    const denied = await m.check(key, 'images');
    expect(denied.status).toBe(402);
    expect(denied.body).toMatchObject({
      code: 'quota_exhausted',
      feature: 'images',
      limit: 50,
      used: 46,
      remaining: 4,
    });
    expect(denied.body.detail).toBe(
      'The plan pooled includes 50 units of credits a month; 46 are used.',
    );
    expect(denied.body.actions[0]).toMatchObject({
      id: 'upgrade',
      title: 'Upgrade to bigger, free of charge',
    });
    const data = await m.gateway('POST', '/entitlements/check', { api_key: key, feature: 'texts' });
    expect(data.body.limits.map((one: any) => [one.feature, one.scope, one.remaining])).toEqual([
      ['texts', 'feature', 23],
      ['credits', 'pool', 3],
    ]);
    // All limits or none: what the pool refused is not counted elsewhere.
    expect((await m.check(key, 'texts', 5)).status).toBe(402);
    expect(await m.usage(id)).toEqual({
      'texts month': { used: 7, held: 0 },
      'credits month': { used: 47, held: 0 },
    });
  });

  test('is shown with its features', async () => {
    const { id, key } = await m.subscriber('pooled');
    await m.check(key, 'images', 9);
    const { body } = await m.operator('GET', `/customers/${id}/entitlements`);
    expect(body.entitlements).toEqual([
      { feature: 'images', allowed: true, code: null, override: null, limits: [expect.objectContaining({ pool: 'credits', max: 50, used: 45, remaining: 5 })] },
      { feature: 'texts', allowed: true, code: null, override: null, limits: [
        expect.objectContaining({ pool: null, max: 30, used: 0 }),
        expect.objectContaining({ pool: 'credits', max: 50, used: 45 }),
      ] },
    ]); // prettier-ignore
    await m.check(key, 'texts', 1);
    const after = await m.operator('GET', `/customers/${id}/entitlements`);
    expect(after.body.entitlements[0]).toMatchObject({ allowed: false, code: 'quota_exhausted' });
    const usage = await m.operator('GET', `/usage?customer_id=${id}`);
    expect(usage.body.data.map((row: any) => [row.feature, row.scope, row.key_id])).toEqual([
      ['texts', 'feature', null],
      ['credits', 'pool', null],
    ]);
  });

  test('201: a plan tells its pools; 422 where a feature draws on none or shares its name', async () => {
    const { body } = await m.operator('GET', '/plans/pooled');
    expect(body.pools).toEqual([
      {
        pool: 'credits',
        limits: [{ window: 'month', max: 50, on_exceed: 'payment', overage: null }],
      },
    ]);
    expect(body.features[1].pool).toEqual({ pool: 'credits', cost: 1 });
    const cases: [object, string][] = [
      [{ features: [{ feature: 'a', pool: { pool: 'none' } }] }, '/features/0/pool/pool'],
      [{ features: [{ feature: 'a' }], pools: [{ pool: 'a' }] }, '/features/0/feature'],
      [{ features: [{ feature: 'a', pool: { pool: 'b', cost: 0 } }] }, '/features/0/pool/cost'],
      [{ pools: [{ pool: 'a' }, { pool: 'a' }] }, '/pools'],
    ];
    for (const [bad, pointer] of cases) {
      const answer = await m.operator('POST', '/plans', { key: 'bad', name: 'Bad', ...bad });
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
    }
    const emptied = await m.operator('PATCH', '/plans/pooled', { pools: [] });
    expect([emptied.status, emptied.body.errors[0].pointer]).toEqual([
      422,
      '/features/0/pool/pool',
    ]);
  });
});

describe('the cap of a key', () => {
  test('holds for that key alone, of a feature or of a pool, and leaves the rest to the others', async () => {
    const caps = [
      { feature: 'credits', window: 'day', max: 20 },
      { feature: 'texts', window: 'hour', max: 3 },
    ];
    const { id, key, keyId } = await m.subscriber('pooled', { key: { caps } });
    const other = (await m.operator('POST', '/keys', { customer_id: id })).body.key;
    const texts = await m.check(key, 'texts', 3);
    expect(texts.headers.get('ratelimit-policy')).toContain('"texts-hour-key";q=3;w=3600');
    const policies = texts.headers.get('ratelimit-policy')!.match(/"[^"]+"/g)!;
    expect(new Set(policies).size).toBe(policies.length);
    const refused = await m.check(key, 'texts');
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'rate_limited', limit: 3, used: 3 });
    expect(refused.body.detail).toBe('This key admits 3 units of texts a hour; 3 are used.');
    expect(refused.body.actions.map((action: any) => action.id)).toEqual(['wait']);
    expect((await m.check(key, 'images', 3)).status).toBe(200);
    expect((await m.check(key, 'images')).body).toMatchObject({
      code: 'rate_limited',
      limit: 20,
      used: 18,
    });
    expect((await m.check(other, 'images', 5)).status).toBe(200);
    const { body } = await m.operator('GET', `/usage?customer_id=${id}`);
    const ofKey = body.data.filter((row: any) => row.scope === 'key');
    expect(
      ofKey.map((row: any) => [row.key_id, row.feature, row.window, row.max, row.used]),
    ).toEqual([
      [keyId, 'credits', 'day', 20, 18],
      [keyId, 'texts', 'hour', 3, 3],
    ]);
  });

  test('is kept when the key is rotated, and seen with it', async () => {
    const caps = [{ feature: 'texts', window: 'day', max: 1 }];
    const { keyId } = await m.subscriber('pooled', { key: { caps } });
    const rotated = await m.operator('POST', `/keys/${keyId}/rotation`, {});
    expect(rotated.body.caps).toEqual(caps);
    expect((await m.check(rotated.body.key, 'texts')).status).toBe(200);
    expect((await m.check(rotated.body.key, 'texts')).status).toBe(429);
  });
});
