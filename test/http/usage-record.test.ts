// Usage that has happened, over HTTP: always recorded, once per id, in the windows of its own time.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { accrueOverage } from '../../src/actions/overage/accrue.ts';
import { expireUsage } from '../../jobs/expire-usage.ts';
import { startMetered } from '../support/metered.ts';
import type { Metered } from '../support/metered.ts';

let m: Metered;
const month = (max: number, more = {}) => ({ window: 'month', max, ...more });
const soft = (max: number, price: string) =>
  month(max, { overage: { unit_amount_decimal: price } });

beforeAll(async () => {
  m = await startMetered();
  await m.plan('small', [
    { feature: 'tokens', limits: [month(100), { window: 'billing_period', max: 100 }] },
    { feature: 'open' },
  ]);
  await m.plan('large', [{ feature: 'tokens', limits: [month(1000)] }]);
  await m.plan('soft', [
    { feature: 'a', limits: [soft(10, '2')] },
    { feature: 'b', limits: [soft(10, '0.5')] },
  ]);
});
afterAll(() => m.close());

describe('POST /usage', () => {
  test('201 then 200: the same id of a customer is recorded once, and the first wins', async () => {
    const { id } = await m.subscriber('small');
    const body = { customer_id: id, feature: 'tokens', units: 7, id: 'one' };
    const first = await m.gateway('POST', '/usage', body);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ id: 'one', units: 7, status: 'recorded' });
    const again = await m.operator('POST', '/usage', { ...body, units: 9 });
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ ...first.body, status: 'duplicate' });
    expect((await m.usage(id))['tokens month']).toEqual({ used: 7, held: 0 });
    const other = await m.subscriber('small');
    expect((await m.gateway('POST', '/usage', { ...body, customer_id: other.id })).status).toBe(
      201,
    );
  });

  test('201: records go beyond the limit, and then the check denies', async () => {
    const { id, key } = await m.subscriber('small');
    const sent = { api_key: key, feature: 'tokens', units: 250, id: 'big' };
    expect((await m.gateway('POST', '/usage', sent)).status).toBe(201);
    expect((await m.usage(id))['tokens month']).toEqual({ used: 250, held: 0 });
    const { status, body } = await m.check(key, 'tokens');
    expect(status).toBe(402);
    expect(body).toMatchObject({ code: 'quota_exhausted', used: 250, remaining: 0 });
  });

  test('201: what no limit counts is shown, with the plan or without', async () => {
    const { id } = await m.subscriber('small');
    for (const feature of ['open', 'unheard-of']) {
      await m.gateway('POST', '/usage', { customer_id: id, feature, units: 3, id: feature });
    }
    const { body } = await m.operator('GET', `/usage?customer_id=${id}`);
    const shown = body.data.filter((row: any) => row.max === null);
    expect(shown.map((row: any) => [row.feature, row.window, row.used, row.remaining])).toEqual([
      ['open', 'month', 3, null],
      ['open', 'billing_period', 3, null],
      ['unheard-of', 'month', 3, null],
      ['unheard-of', 'billing_period', 3, null],
    ]);
  });

  test('a batch answers per record in order; an id twice in it counts once', async () => {
    const { id, key } = await m.subscriber('small');
    const record = (name: string, units: number) => ({ feature: 'tokens', units, id: name });
    const first = await m.gateway('POST', '/usage', { customer_id: id, records: [record('x', 1)] });
    expect(first.status).toBe(201);
    const records = [
      record('y', 2),
      record('x', 9),
      record('y', 9),
      { ...record('z', 4), api_key: key },
    ];
    const { status, body } = await m.gateway('POST', '/usage', { customer_id: id, records });
    expect(status).toBe(201);
    expect(body.data.map((one: any) => [one.id, one.units, one.status])).toEqual([
      ['y', 2, 'recorded'],
      ['x', 1, 'duplicate'],
      ['y', 2, 'duplicate'],
      ['z', 4, 'recorded'],
    ]);
    expect((await m.usage(id))['tokens month']).toEqual({ used: 7, held: 0 });
    expect((await m.gateway('POST', '/usage', { customer_id: id, records })).status).toBe(200);
  });

  test('422: one record that cannot be placed, and nothing of the batch is recorded', async () => {
    const { id } = await m.subscriber('small');
    const good = { feature: 'tokens', units: 1, id: 'good' };
    const nobody = `cus_${'0'.repeat(26)}`;
    const cases: [object, string][] = [
      [{ ...good, customer_id: nobody }, '/records/1/customer_id'],
      [{ ...good, api_key: 'tg_test_nonsense' }, '/records/1/api_key'],
      [{ ...good, at: m.later(120).toISOString() }, '/records/1/at'],
      [{ ...good, at: m.later(-90_000).toISOString() }, '/records/1/at'],
      [{ ...good, units: -1 }, '/records/1/units'],
      [{ ...good, units: 0.5 }, '/records/1/units'],
      [{ ...good, more: 1 }, '/records/1/more'],
      [{ ...good, customer_id: id, api_key: 'x' }, '/records/1/customer_id'],
    ];
    for (const [bad, pointer] of cases) {
      const { status, body } = await m.gateway('POST', '/usage', {
        customer_id: id,
        records: [good, bad],
      });
      expect([status, body.errors[0].pointer]).toEqual([422, pointer]);
    }
    const unnamed = await m.gateway('POST', '/usage', { records: [good] });
    expect(unnamed.body.errors[0].pointer).toBe('/records/0/customer_id');
    expect((await m.usage(id))['tokens month']).toEqual({ used: 0, held: 0 });
  });

  test('401 and 403: only a gateway or an operator tells usage', async () => {
    const { id, token } = await m.subscriber('small');
    const call = { body: { customer_id: id, feature: 'tokens', units: 1, id: 'x' } };
    const api = (await import('../support/api.ts')).createApi(m.url);
    expect((await api('POST', '/usage', call)).status).toBe(401);
    expect((await api('POST', '/usage', { ...call, token })).status).toBe(403);
  });

  test('a thousand records at once are no trouble, one more is', async () => {
    const { id } = await m.subscriber('large');
    const records = Array.from({ length: 1_001 }, (_, n) => ({
      feature: ['tokens', 'open'][n % 2],
      units: 1,
      id: `r${n}`,
      at: m.later(-60 * (n % 1_000)).toISOString(),
    }));
    const tooMany = await m.gateway('POST', '/usage', { customer_id: id, records });
    expect([tooMany.status, tooMany.body.errors[0].pointer]).toEqual([422, '/records']);
    const startedAt = performance.now();
    const thousand = { customer_id: id, records: records.slice(1) };
    const { status, body } = await m.gateway('POST', '/usage', thousand);
    expect([status, body.data.length]).toEqual([201, 1_000]);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('32 concurrent sendings of one batch record it once', async () => {
    const { id } = await m.subscriber('large');
    const records = Array.from({ length: 40 }, (_, n) => ({
      feature: 'tokens',
      units: 1,
      id: `r${n}`,
    }));
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, n) =>
        m.gateway('POST', '/usage', {
          customer_id: id,
          records: n % 2 ? records : [...records].reverse(),
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(31);
    expect((await m.usage(id))['tokens month']).toEqual({ used: 40, held: 0 });
  });

  test('the spend cap counts what was recorded, over all soft limits', async () => {
    const { id, key } = await m.subscriber('soft', { customer: { spend_cap: 20 } });
    // 4 units beyond a's 10 at 2 each: 8 of the 20 are spent.
    await m.gateway('POST', '/usage', { customer_id: id, feature: 'a', units: 14, id: 'a' });
    expect((await m.check(key, 'b', 10)).status).toBe(200);
    // 24 units beyond b's 10 at a half each: 12 more, and that is all.
    expect((await m.check(key, 'b', 25)).body.code).toBe('spend_cap_reached');
    expect((await m.check(key, 'b', 24)).status).toBe(200);
    const { status, body } = await m.check(key, 'a', 1);
    expect([status, body.code, body.feature, body.used]).toEqual([
      402,
      'spend_cap_reached',
      'a',
      14,
    ]);
    expect((await m.check(key, 'b', 1)).body.code).toBe('spend_cap_reached');
    const seen = await m.operator('GET', `/customers/${id}/entitlements`);
    expect(seen.body.entitlements.map((one: any) => [one.allowed, one.code])).toEqual([
      [false, 'spend_cap_reached'],
      [false, 'spend_cap_reached'],
    ]);
    await m.gateway('POST', '/usage', { customer_id: id, feature: 'a', units: 5, id: 'more' });
    expect((await m.usage(id))['a month']).toEqual({ used: 19, held: 0 });
  });
});

describe('usage and time', () => {
  test('late usage lands in the windows of its own time, and the check has the new ones whole', async () => {
    const { id, key } = await m.subscriber('small');
    const used = m.later(0);
    await m.moveTo(new Date(Date.UTC(used.getUTCFullYear(), used.getUTCMonth() + 1, 1, 6)));
    const at = m.later(-12 * 3600).toISOString();
    const late = { customer_id: id, feature: 'tokens', units: 60, id: 'late', at };
    expect((await m.gateway('POST', '/usage', late)).status).toBe(201);
    expect((await m.usage(id))['tokens month']).toEqual({ used: 0, held: 0 });
    const { rows } = await m.ctx.pool.query(
      `SELECT used FROM usage_counter WHERE customer_id = $1 AND "window" = 'month' AND window_start <= $2`,
      [id, at],
    );
    expect(rows).toEqual([{ used: 60 }]);
    expect((await m.check(key, 'tokens', 40)).status).toBe(200);
  });

  test('late usage of an earlier billing period joins what was counted there', async () => {
    const { id, key, subscription } = await m.subscriber('small');
    expect((await m.check(key, 'tokens', 5)).status).toBe(200);
    const { body } = await m.operator('GET', `/subscriptions/${subscription}`);
    await m.moveTo(new Date(Date.parse(body.current_period_end) + 3_600_000));
    const at = m.later(-2 * 3600).toISOString();
    const late = { customer_id: id, feature: 'tokens', units: 10, id: 'late', at };
    expect((await m.gateway('POST', '/usage', late)).status).toBe(201);
    const { rows } = await m.ctx.pool.query(
      `SELECT window_start, used FROM usage_counter WHERE customer_id = $1 AND "window" = 'billing_period'`,
      [id],
    );
    expect(rows).toEqual([{ window_start: new Date(body.current_period_start), used: 15 }]);
    expect((await m.usage(id))['tokens billing_period']).toEqual({ used: 0, held: 0 });
  });

  test('how late is a setting; a retry of what came in time is no late record', async () => {
    const { id } = await m.subscriber('small');
    const record = {
      customer_id: id,
      feature: 'tokens',
      units: 1,
      id: 'x',
      at: m.later(-60).toISOString(),
    };
    expect((await m.gateway('POST', '/usage', record)).status).toBe(201);
    expect((await m.operator('PATCH', '/settings', { usage_late_seconds: 10 })).status).toBe(200);
    expect((await m.gateway('POST', '/usage', { ...record, id: 'y' })).status).toBe(422);
    expect((await m.gateway('POST', '/usage', record)).status).toBe(200);
    await m.operator('PATCH', '/settings', { usage_late_seconds: 86_400 });
  });

  test('ids are remembered for a day and as long as late usage may come, then thrown away', async () => {
    const { id } = await m.subscriber('small');
    for (const name of ['young', 'old']) {
      await m.gateway('POST', '/usage', { customer_id: id, feature: 'tokens', units: 1, id: name });
    }
    const age = (name: string, hours: number) =>
      m.ctx.pool.query(
        `UPDATE usage_record SET recorded_at = now() - make_interval(hours => $3) WHERE customer_id = $1 AND id = $2`,
        [id, name, hours],
      );
    await age('young', 48);
    await age('old', 50);
    expect(await expireUsage(m.ctx)).toMatchObject({ usage_record: 1 });
    const again = (name: string) =>
      m.gateway('POST', '/usage', { customer_id: id, feature: 'tokens', units: 1, id: name });
    expect((await again('young')).status).toBe(200);
    expect((await again('old')).status).toBe(201);
  });

  test('short windows are thrown away when nobody can count in them any more, long ones never', async () => {
    const { id, key } = await m.subscriber('small', {
      key: { caps: [{ feature: 'tokens', window: 'minute', max: 5 }] },
    });
    expect((await m.check(key, 'tokens')).status).toBe(200);
    await m.moveTo(m.later(71 * 3600));
    expect(await expireUsage(m.ctx)).toMatchObject({ usage_counter: 0 });
    await m.moveTo(m.later(2 * 3600));
    // Not before what is beyond a limit has been accounted.
    expect(await expireUsage(m.ctx)).toMatchObject({ usage_counter: 0 });
    await accrueOverage(m.ctx);
    expect(await expireUsage(m.ctx)).toMatchObject({ usage_counter: 1 });
    const { rows } = await m.ctx.pool.query(
      `SELECT "window", used FROM usage_counter WHERE customer_id = $1 ORDER BY 1`,
      [id],
    );
    expect(rows).toEqual([
      { window: 'billing_period', used: 1 },
      { window: 'month', used: 1 },
    ]);
  });

  test('a change of plan keeps what was used', async () => {
    const { id, key, subscription } = await m.subscriber('small');
    expect((await m.check(key, 'tokens', 90)).status).toBe(200);
    const changed = await m.operator('PATCH', `/subscriptions/${subscription}`, { plan: 'large' });
    expect(changed.status).toBe(200);
    expect((await m.usage(id))['tokens month']).toEqual({ used: 90, held: 0 });
    expect((await m.check(key, 'tokens', 911)).status).toBe(402);
    expect((await m.check(key, 'tokens', 910)).status).toBe(200);
  });
});
