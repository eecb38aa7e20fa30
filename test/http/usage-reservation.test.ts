// Reservations over HTTP: held like the check takes, settled with what was used, released, expired by the clock.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expireReservations } from '../../jobs/expire-reservations.ts';
import { expectStatus, startMetered } from '../support/metered.ts';
import type { Metered } from '../support/metered.ts';

let m: Metered;
beforeAll(async () => {
  m = await startMetered();
  await m.plan('pro', [
    {
      feature: 'tokens',
      limits: [
        { window: 'month', max: 100 },
        { window: 'day', max: 1000, on_exceed: 'wait' },
      ],
    },
    { feature: 'quick', limits: [{ window: 'hour', max: 10, on_exceed: 'wait' }] },
    { feature: 'open' },
    {
      feature: 'soft',
      limits: [{ window: 'month', max: 10, overage: { unit_amount_decimal: '1' } }],
    },
  ]);
});
afterAll(() => m.close());

const reserve = (id: string, units: number, more: Record<string, unknown> = {}) =>
  m.gateway('POST', '/usage/reservations', { customer_id: id, feature: 'tokens', units, ...more });
const settle = (reservation: string, units: number) =>
  m.gateway('POST', `/usage/reservations/${reservation}/settlement`, { units });
const release = (reservation: string) => m.gateway('DELETE', `/usage/reservations/${reservation}`);
const tokens = async (id: string) => (await m.usage(id))['tokens month'];

describe('POST /usage/reservations', () => {
  test('201: held units lower what remains, not what is used, for every way to look', async () => {
    const { id, key } = await m.subscriber('pro');
    const { status, body } = await reserve(id, 60, { expires_in: 30 });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      feature: 'tokens',
      units: 60,
      status: 'held',
      id: expect.stringMatching(/^res_/),
    });
    expect(Date.parse(body.expires_at)).toBe(Date.parse(body.created_at) + 30_000);
    expect(await tokens(id)).toEqual({ used: 0, held: 60 });
    const allowed = await m.check(key, 'tokens', 10);
    expect(allowed.headers.get('ratelimit')).toContain('"tokens-month";r=30;');
    const denied = await m.check(key, 'tokens', 31);
    expect(denied.status).toBe(402);
    expect(denied.body).toMatchObject({ used: 10, remaining: 30, limit: 100 });
    const seen = await m.operator('GET', `/customers/${id}/entitlements`);
    expect(seen.body.entitlements[0].limits[0]).toMatchObject({
      used: 10,
      held: 60,
      remaining: 30,
    });
  });

  test('by key is a use of that key', async () => {
    const { id, key } = await m.subscriber('pro');
    const sent = { api_key: key, feature: 'tokens', units: 1 };
    expectStatus(await m.gateway('POST', '/usage/reservations', sent), 201);
    const { rows } = await m.ctx.pool.query<{ last_used_at: Date | null }>(
      'SELECT last_used_at FROM api_key WHERE customer_id = $1',
      [id],
    );
    expect(Math.abs(rows[0]!.last_used_at!.getTime() - Date.now())).toBeLessThan(60_000);
  });

  test('402 and 429: short of balance, with the denial of the check and nothing held', async () => {
    const { id } = await m.subscriber('pro');
    const quota = await reserve(id, 101);
    expect(quota.status).toBe(402);
    expect(quota.headers.get('content-type')).toMatch('application/problem+json');
    expect(quota.headers.get('x-entitlement-status')).toBe('402');
    expect(quota.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(quota.body).toMatchObject({
      code: 'quota_exhausted',
      retryable: false,
      limit: 100,
      used: 0,
      remaining: 100,
    });
    expect(quota.body.actions.map((action: any) => action.id)).toContain('wait');
    const rate = await reserve(id, 11, { feature: 'quick' });
    expect([rate.status, rate.body.code]).toEqual([429, 'rate_limited']);
    expect(await m.usage(id)).toMatchObject({
      'tokens month': { used: 0, held: 0 },
      'quick hour': { used: 0, held: 0 },
    });
  });

  test('401, 402, 403: decided first as the check would', async () => {
    const { id, key } = await m.subscriber('pro', { key: { scopes: ['call:quick'] } });
    const byKey = (api_key: string) =>
      m.gateway('POST', '/usage/reservations', { api_key, feature: 'tokens', units: 1 });
    expect((await byKey('tg_test_nonsense')).body).toMatchObject({
      status: 401,
      code: 'key_invalid',
    });
    expect((await byKey(key)).body).toMatchObject({ status: 403, code: 'key_scope' });
    expect((await reserve(id, 1, { feature: 'nothing' })).body).toMatchObject({
      status: 402,
      code: 'feature_not_in_plan',
    });
    await m.operator('PATCH', `/customers/${id}`, { blocked: true });
    expect((await reserve(id, 1)).body).toMatchObject({ status: 403, code: 'customer_blocked' });
    expect(
      (await m.gateway('POST', '/usage/reservations', { feature: 'tokens', units: 1 })).status,
    ).toBe(422);
    expect((await reserve(id, 1, { expires_in: 86_401 })).status).toBe(422);
  });

  test('a retry under one Idempotency-Key holds once', async () => {
    const { id } = await m.subscriber('pro');
    const body = { customer_id: id, feature: 'tokens', units: 40 };
    const headers = { 'idempotency-key': 'retry' };
    const first = await m.gateway('POST', '/usage/reservations', body, headers);
    expect((await m.gateway('POST', '/usage/reservations', body, headers)).body).toEqual(
      first.body,
    );
    expect(await tokens(id)).toEqual({ used: 0, held: 40 });
  });

  test('what no limit counts can be reserved and settled, and is seen', async () => {
    const { id } = await m.subscriber('pro');
    const { body } = await reserve(id, 5, { feature: 'open' });
    expect((await m.usage(id))['open month']).toEqual({ used: 0, held: 5 });
    await settle(body.id, 3);
    expect((await m.usage(id))['open month']).toEqual({ used: 3, held: 0 });
  });
});

describe('a settlement', () => {
  test('records less than, as much as, or more than what was held; above the balance too', async () => {
    const { id, key } = await m.subscriber('pro');
    const held: string[] = [];
    for (let n = 0; n < 3; n += 1) held.push((await reserve(id, 30)).body.id);
    expect((await settle(held[0]!, 10)).body).toMatchObject({
      status: 'settled',
      settled_units: 10,
    });
    expect(await tokens(id)).toEqual({ used: 10, held: 60 });
    await settle(held[1]!, 30);
    expect(await tokens(id)).toEqual({ used: 40, held: 30 });
    // 30 of them were held and 30 more are left; the rest is debt.
    await settle(held[2]!, 200);
    expect(await tokens(id)).toEqual({ used: 240, held: 0 });
    expect((await m.check(key, 'tokens')).body).toMatchObject({
      code: 'quota_exhausted',
      used: 240,
    });
  });

  test('again: the same answer, and nothing more is recorded, whoever races', async () => {
    const { id } = await m.subscriber('pro');
    const { body } = await reserve(id, 30);
    const answers = await Promise.all(Array.from({ length: 8 }, () => settle(body.id, 25)));
    expect(
      new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size,
    ).toBe(1);
    expect((await settle(body.id, 7)).body.settled_units).toBe(25);
    expect(await tokens(id)).toEqual({ used: 25, held: 0 });
  });

  test('after expiry is still recorded, before and after the job', async () => {
    for (const withJob of [false, true]) {
      const { id } = await m.subscriber('pro');
      const { body } = await reserve(id, 30, { expires_in: 5 });
      await m.moveTo(m.later(5));
      if (withJob) expect(await expireReservations(m.ctx)).toMatchObject({ expired: 1 });
      expect((await settle(body.id, 20)).body).toMatchObject({
        status: 'settled',
        settled_units: 20,
      });
      expect(await tokens(id)).toEqual({ used: 20, held: 0 });
      expect((await settle(body.id, 20)).status).toBe(201);
      expect(await tokens(id)).toEqual({ used: 20, held: 0 });
    }
  });

  test('after a release is recorded; a release after it frees and takes back nothing', async () => {
    const { id } = await m.subscriber('pro');
    const { body } = await reserve(id, 30);
    expect((await release(body.id)).status).toBe(204);
    expect((await release(body.id)).status).toBe(204);
    expect(await tokens(id)).toEqual({ used: 0, held: 0 });
    await settle(body.id, 20);
    expect((await release(body.id)).status).toBe(204);
    expect(await tokens(id)).toEqual({ used: 20, held: 0 });
    expect((await settle(body.id, 20)).body.status).toBe('settled');
  });

  test('404 where there is no such reservation', async () => {
    const nobody = `res_${'0'.repeat(26)}`;
    expect((await settle(nobody, 1)).status).toBe(404);
    expect((await release(nobody)).status).toBe(404);
  });
});

describe('expiry', () => {
  test('frees the units at its very instant, with no job run', async () => {
    const { id, key } = await m.subscriber('pro');
    const { body } = await reserve(id, 100, { expires_in: 60 });
    expect((await m.check(key, 'tokens', 1)).status).toBe(402);
    await m.moveTo(new Date(Date.parse(body.expires_at) - 5_000));
    expect((await m.check(key, 'tokens', 1)).status).toBe(402);
    await m.moveTo(new Date(Date.parse(body.expires_at)));
    expect(await tokens(id)).toEqual({ used: 0, held: 0 });
    expect((await m.check(key, 'tokens', 100)).status).toBe(200);
    expect((await expireReservations(m.ctx)).expired).toBeGreaterThan(0);
    expect(await expireReservations(m.ctx)).toMatchObject({ expired: 0 });
    expect(await tokens(id)).toEqual({ used: 100, held: 0 });
  });

  test('by the job alone makes the rows follow', async () => {
    const { id } = await m.subscriber('pro');
    const { body } = await reserve(id, 50, { expires_in: 1 });
    await m.moveTo(m.later(1));
    expect(await expireReservations(m.ctx)).toMatchObject({ expired: 1 });
    const { rows } = await m.ctx.pool.query(
      `SELECT r.status, sum(u.held)::int AS held FROM usage_reservation r JOIN usage_counter u USING (customer_id)
       WHERE r.id = $1 GROUP BY 1`,
      [body.id],
    );
    expect(rows).toEqual([{ status: 'expired', held: 0 }]);
  });
});

describe('the spend cap', () => {
  const spent = async (id: string) => {
    const { rows } = await m.ctx.pool.query(
      `SELECT used / 1000000000 AS used, held / 1000000000 AS held FROM usage_counter WHERE customer_id = $1 AND feature = '$spend'`,
      [id],
    );
    return rows[0];
  };

  test('is kept while units are held, paid for as settled, and given back as released', async () => {
    const { id, key } = await m.subscriber('pro', { customer: { spend_cap: 20 } });
    const held = expectStatus(await reserve(id, 25, { feature: 'soft' }), 201);
    expect(await spent(id)).toEqual({ used: 0, held: 15 });
    expect((await m.check(key, 'soft', 6)).body.code).toBe('spend_cap_reached');
    expect((await m.check(key, 'soft', 2)).status).toBe(200);
    expect(await spent(id)).toEqual({ used: 2, held: 15 });
    // 20 of the 25: the ten that are included and ten beyond.
    await settle(held.id, 20);
    expect(await spent(id)).toEqual({ used: 12, held: 0 });
    const other = expectStatus(await reserve(id, 8, { feature: 'soft' }), 201);
    expect((await m.check(key, 'soft', 1)).body.code).toBe('spend_cap_reached');
    await release(other.id);
    expect((await m.check(key, 'soft', 8)).status).toBe(200);
    expect(await spent(id)).toEqual({ used: 20, held: 0 });
  });
});
