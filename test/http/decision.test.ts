// Decisions over REST: read by operators and by the customer they were about, filtered and paged, counted exactly
// whatever is kept; customers near their limits; and who paid after a 402. With a second process beside.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runJob } from '../../jobs/run.ts';
import { newId } from '../../src/adapters/id.ts';
import { newToken } from '../../src/adapters/secret.ts';
import type { Fixture } from '../gateway/fixture.ts';
import { createFixture, startGatewayProcess } from '../gateway/fixture.ts';
import type { Api } from '../support/api.ts';
import { createApi } from '../support/api.ts';
import type { TestServer } from '../support/server.ts';
import { startTestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

let f: Fixture;
let server: TestServer;
let process: Awaited<ReturnType<typeof startGatewayProcess>> & { api: Api };
let alice: Caller;
let bob: Caller;
const routes: Record<string, string> = {};

type Caller = { id: string; key: string; manage: string };

beforeAll(async () => {
  f = await createFixture();
  const limits = [{ window: 'month', max: 10, on_exceed: 'payment', overage: null }] as const;
  const pro = await f.plan('pro', [{ feature: 'search', limits: [...limits] }], 2_000);
  alice = await newCaller(pro);
  bob = await newCaller(pro);
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/search', access: 'feature', feature: 'search' });
  await f.policy({ path: '/export', access: 'feature', feature: 'export' });
  for (const { id, path } of (await f.sql('SELECT id, path FROM route_policy')).rows) {
    routes[path] = id;
  }
  await share(1);
  server = await startTestServer(f);
  const started = await startGatewayProcess(f.environment);
  process = { ...started, api: createApi(started.url) };
});
afterAll(async () => {
  await process.stop();
  await server.close();
  await f.close();
});

async function newCaller(plan: string): Promise<Caller> {
  const id = await f.customer();
  await f.subscribe(id, plan);
  return { id, key: await f.key(id), manage: await f.key(id, { scopes: '{manage}' }) };
}

async function share(allowed: number): Promise<void> {
  await f.sql('UPDATE setting SET decision_share_allowed = $1', [allowed]);
  await f.settled();
}

const operator = (path: string) => server.api('GET', path, { token: f.tokens.operator });
const idOf = ({ headers }: { headers: Headers }) => headers.get('x-decision-id')!;
const readable = (id: string) =>
  until(`decision ${id} can be read`, async () => {
    const { status, body } = await operator(`/decisions/${id}`);
    return status === 200 && body;
  });
const newest = (asked: { headers: Headers }[]) => Promise.all(asked.map((one) => readable(idOf(one)))); // prettier-ignore

describe('GET /decisions/{id}', () => {
  test('tells the operator the answer, and why', async () => {
    const answer = await f.ask('GET /export?secret=1', alice.key);
    const decision = await readable(idOf(answer));
    expect(decision).toMatchObject({
      id: answer.body.decision_id,
      allowed: false,
      status: 402,
      code: 'feature_not_in_plan',
      rule: 'feature',
      customer_id: alice.id,
      plan: 'pro',
      plan_version: 1,
      method: 'GET',
      path: '/export',
      route_policy_id: routes['/export'],
      feature: 'export',
      cost: 1,
      limits: [],
      degraded: false,
      explanation: { allowed: false, policy: { path: '/export' } },
    });
    expect(decision.data_as_of).toBe(answer.body.data_as_of);
    expect(decision.facts_age_ms).toBeLessThan(5_000);
  });

  test("names the event of Stripe's that had brought the subscription into its state by then", async () => {
    const { rows } = await f.sql(
      `UPDATE subscription SET stripe_subscription_id = 'sub_atstripe' WHERE customer_id = $1 RETURNING id, plan_version_id`,
      [alice.id],
    );
    const add = (id: string) =>
      f.sql(
        `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at, processed_at)
         SELECT $1, 'customer.subscription.updated', 'sub_atstripe', '{}', t, t, t FROM clock_timestamp() t`,
        [id],
      );
    await add('evt_before');
    await f.sql(
      `INSERT INTO event (id, customer_id, sequence, subscription_id, type, at, data)
       VALUES ($1, $2, 1, $3, 'subscription.updated', clock_timestamp(), '{}')`,
      [newId('evt'), alice.id, rows[0].id],
    );
    const id = idOf(await f.ask('GET /export', alice.key));
    await add('evt_later');
    const { explanation } = await readable(id);
    expect(explanation.state_source).toMatchObject({
      stripe_subscription_id: 'sub_atstripe',
      stripe_event: { id: 'evt_before', type: 'customer.subscription.updated' },
    });
  });

  test('tells the customer of their own, and nobody else that there is one', async () => {
    const id = idOf(await f.ask('GET /export', alice.key));
    await readable(id);
    const nobodys = idOf(await f.ask('GET /export'));
    await readable(nobodys);
    const own = await server.api('GET', `/decisions/${id}`, { token: alice.manage });
    expect([own.status, own.body.code]).toEqual([200, 'feature_not_in_plan']);
    expect(own.body.explanation).toMatchObject({ code: 'feature_not_in_plan', beaten: [] });
    const hidden = await Promise.all(
      [id, nobodys, newId('dec')].map((asked) =>
        server.api('GET', `/decisions/${asked}`, { token: bob.manage }),
      ),
    );
    const told = hidden.map(({ status, body }) => ({ status, ...body, instance: '' }));
    expect(told[0]).toMatchObject({ status: 404, code: 'not_found' });
    expect(told).toEqual([told[0], told[0], told[0]]);
    expect((await server.api('GET', `/decisions/${id}`)).status).toBe(401);
    const unknown = await server.api('GET', `/decisions/${id}`, { token: newToken('tgo_') });
    expect(unknown.status).toBe(401);
  });
});

describe('GET /decisions', () => {
  test('is for operators alone', async () => {
    expect((await server.api('GET', '/decisions', { token: alice.manage })).status).toBe(403);
    expect((await server.api('GET', '/stats/decisions', { token: alice.manage })).status).toBe(403);
  });

  test('filters by customer, code, route, outcome and instant, newest first', async () => {
    const asked = [
      await f.ask('GET /plain', bob.key),
      await f.ask('GET /export', bob.key),
      await f.askAt(process.api, 'GET /search', bob.key),
      await f.ask('GET /plain'),
    ];
    const [plain, exported, searched, nobodys] = await newest(asked);
    const found = async (query: string) => {
      const { status, body } = await operator(`/decisions?limit=100&${query}`);
      return status === 200 ? body.data.map(({ id }: any) => id) : status;
    };
    const ofBob = `customer=${bob.id}`;
    const byInstant = [plain, exported, searched].toSorted(
      (a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.id < b.id ? 1 : -1),
    );
    expect(await found(ofBob)).toEqual(byInstant.map(({ id }) => id));
    expect(await found(`${ofBob}&code=feature_not_in_plan`)).toEqual([exported.id]);
    expect(await found(`${ofBob}&route=${routes['/search']}`)).toEqual([searched.id]);
    expect(await found(`${ofBob}&allowed=false`)).toEqual([exported.id]);
    expect(await found(`${ofBob}&allowed=true&route=${routes['/plain']}`)).toEqual([plain.id]);
    expect(await found(`code=key_missing&since=${nobodys.at}`)).toEqual([nobodys.id]);
    expect(await found(`${ofBob}&until=${plain.at}`)).toEqual([]);
    expect(await found('since=2999-01-01T00:00:00Z')).toEqual([]);
    for (const wrong of ['code=nonsense', 'customer=bob', 'since=soon', 'cursor=x', 'limit=0']) {
      expect([wrong, await found(wrong)]).toEqual([wrong, 422]);
    }
  });

  test('is paged without a gap or a repetition, also among decisions of one instant', async () => {
    const customer = newId('cus');
    await f.sql(
      `INSERT INTO decision (id, at, data_as_of, facts_age_ms, degraded, customer_id, cost, status, limits)
       SELECT 'dec_' || lpad(n::text, 26, '0'), t, t, 0, false, $1, 0, 200, '[]'
       FROM generate_series(1, 25) n, LATERAL (SELECT '2026-01-01'::timestamptz + n / 7 * interval '1 s' AS t) x`,
      [customer],
    );
    const seen: string[] = [];
    let next = '';
    for (let page = 0; page < 4; page += 1) {
      const { body } = await operator(`/decisions?customer=${customer}&limit=7${next}`);
      seen.push(...body.data.map(({ id }: any) => id));
      next = `&cursor=${body.next_cursor}`;
    }
    expect(next).toBe('&cursor=null');
    expect(seen).toEqual(
      Array.from({ length: 25 }, (_, n) => `dec_${String(25 - n).padStart(26, '0')}`),
    );
  });
});

describe('GET /stats/decisions', () => {
  const stats = async (query = '') => (await operator(`/stats/decisions?${query}`)).body;

  test('counts each check once by time, route, plan and code, over all processes, also where none is kept', async () => {
    // So far each was kept: what was asked before must not come into what is asked here.
    const before = await until('each that is kept is counted', async () => {
      const { rows } = await f.sql(`SELECT count(*)::int AS kept FROM decision WHERE at > now() - interval '1 hour'`); // prettier-ignore
      const now = await stats();
      return now.totals.checks === rows[0].kept && now;
    });
    await share(0);
    await f.sql('UPDATE setting SET decision_share_denied = 0');
    await f.settled();
    const ask = (gateway: number, call: string, key?: string) =>
      f.askAt([f.api, process.api, server.api][gateway % 3]!, call, key);
    await Promise.all([
      ...Array.from({ length: 60 }, (_, n) => ask(n, 'GET /plain', alice.key)),
      ...Array.from({ length: 30 }, (_, n) => ask(n, 'GET /export', alice.key)),
      ...Array.from({ length: 30 }, (_, n) => ask(n, 'GET /plain')),
    ]);
    const counted = await until('all are counted', async () => {
      const now = await stats();
      return (now.totals.checks as number) >= (before.totals.checks as number) + 120 && now;
    });
    const grown = (of: (body: any) => number) => of(counted) - of(before);
    const ofCode =
      (code: string) =>
      (body: any): number =>
        body.codes.find((one: any) => one.code === code)?.checks ?? 0;
    const ofRoute =
      (path: string, what: string) =>
      (body: any): number =>
        body.routes.find((one: any) => one.route_policy_id === routes[path])?.[what] ?? 0;
    const ofPlan =
      (plan: string | null) =>
      (body: any): number =>
        body.plans.find((one: any) => one.plan === plan)?.checks ?? 0;
    const inBuckets = (what: string) => (body: any) =>
      body.buckets
        .map((bucket: any) => bucket[what])
        .reduce((a: number, b: number) => a + b, 0) as number;
    expect([
      grown(({ totals }) => totals.checks),
      grown(({ totals }) => totals.allowed),
      grown(({ totals }) => totals.denied),
      grown(ofCode('feature_not_in_plan')),
      grown(ofCode('key_missing')),
      grown(ofRoute('/plain', 'checks')),
      grown(ofRoute('/plain', 'denied')),
      grown(ofRoute('/export', 'denied')),
      grown(ofPlan('pro')),
      grown(ofPlan(null)),
      grown(inBuckets('checks')),
    ]).toEqual([120, 60, 60, 30, 30, 90, 30, 30, 90, 30, 120]);
    expect(counted.totals.dropped).toBe(0);
    const byMinute = await stats('bucket=minute');
    expect(byMinute.totals).toEqual(counted.totals);
    expect((await stats('bucket=day')).totals).toEqual(counted.totals);
    expect(byMinute.buckets).toHaveLength(60);
    await f.sql('UPDATE setting SET decision_share_denied = 1');
    await share(1);
  });

  test('takes spans that somebody can look at, and no others', async () => {
    const status = async (query: string) => (await operator(`/stats/decisions?${query}`)).status;
    const since = (ms: number) => `since=${new Date(Date.now() - ms).toISOString()}`;
    const day = 86_400_000;
    expect(await status(`bucket=minute&${since(day - 120_000)}`)).toBe(200);
    expect(await status(`bucket=minute&${since(2 * day)}`)).toBe(422);
    expect(await status(`bucket=hour&${since(40 * day)}`)).toBe(422);
    expect(await status(`bucket=day&${since(399 * day)}`)).toBe(200);
    expect(await status(`bucket=day&${since(500 * day)}`)).toBe(422);
    expect(await status('since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z')).toBe(422);
    expect(await status('bucket=year')).toBe(422);
  });

  test('names customers who have used four fifths of a limit, in the window that holds now', async () => {
    const { rows } = await f.sql('SELECT id FROM plan_version');
    const near = await newCaller(rows[0].id);
    const far = await newCaller(rows[0].id);
    const past = await newCaller(rows[0].id);
    for (let n = 0; n < 9; n += 1) await f.ask('GET /search', near.key);
    for (let n = 0; n < 7; n += 1) await f.ask('GET /search', far.key);
    for (let n = 0; n < 9; n += 1) await f.ask('GET /search', past.key);
    await runJob(f.ctx, 'alert-usage');
    // As if the job had not looked since the month began.
    for (const table of ['usage_alert', 'usage_counter']) {
      await f.sql(`UPDATE ${table} SET window_start = window_start - interval '1 month' WHERE customer_id = $1`, [past.id]); // prettier-ignore
    }
    const listed = (await stats()).near_limits;
    const of = (id: string) => listed.filter(({ customer_id }: any) => customer_id === id);
    expect(of(near.id)).toEqual([
      expect.objectContaining({ plan: 'pro', feature: 'search', window: 'month', max: 10, used: 9, share: 0.9 }), // prettier-ignore
    ]);
    expect([of(far.id), of(past.id)]).toEqual([[], []]);
  });

  test('tells how many of those who were answered 402 paid within a day', async () => {
    await f.sql('DELETE FROM payment_demand');
    const { rows } = await f.sql('SELECT id FROM plan_version');
    const payers = await Promise.all(Array.from({ length: 4 }, () => newCaller(rows[0].id)));
    // A denial that no payment cures is no demand.
    await f.sql('UPDATE customer SET blocked = true WHERE id = $1', [bob.id]);
    await f.settled();
    await f.ask('GET /plain', bob.key);
    for (const { key } of payers) for (let n = 0; n < 3; n += 1) await f.ask('GET /export', key);
    await until('four demands are noted', async () => (await stats()).payments.customers === 4);
    expect((await stats()).payments).toEqual({ customers: 4, paid: 0, waiting: 4, share: null, median_seconds: null }); // prettier-ignore

    // Two days ago: paid after an hour, after three, a second late, and never.
    const ago = "interval '2 days'";
    await f.sql(`UPDATE payment_demand SET hour = hour - ${ago}, first_at = first_at - ${ago}`);
    const paidAfter = ['1 hour', '3 hours', '86401 seconds'];
    for (const [n, after] of paidAfter.entries()) {
      await f.sql(
        `INSERT INTO event (id, customer_id, sequence, type, at, data)
         SELECT $1, customer_id, 1, 'payment.succeeded', first_at + $2::interval, '{}' FROM payment_demand WHERE customer_id = $3`,
        [newId('evt'), after, payers[n]!.id],
      );
    }
    expect((await stats('bucket=day')).payments).toEqual({
      customers: 4,
      paid: 2,
      waiting: 0,
      share: 0.5,
      median_seconds: 7_200,
    });
    expect((await stats()).payments.customers).toBe(0);
  });
});

describe('decisions that have been kept for long enough', () => {
  test('go, also where a run dies on the way; the others stay, as long as an operator wants', async () => {
    const add = (count: number, days: number) =>
      f.sql(
        `INSERT INTO decision (id, at, data_as_of, facts_age_ms, degraded, path, cost, status, limits)
         SELECT 'dec_' || $2 || '_' || n, t, t, 0, false, '/kept', 0, 200, '[]'
         FROM generate_series(1, $1) n, LATERAL (SELECT now() - $2::int * interval '1 day' AS t) x`,
        [count, days],
      );
    const left = async () => {
      const { rows } = await f.sql(
        `SELECT split_part(id, '_', 2)::int AS days, count(*)::int AS rows FROM decision WHERE path = '/kept' GROUP BY 1 ORDER BY 1`,
      );
      return rows.map(({ days, rows: count }) => `${count} of ${days} days`);
    };
    await add(3_500, 31);
    await add(5, 29);
    await add(5, 8);
    const dying = runJob(f.ctx, 'expire-decisions').catch(() => 'died');
    await until('it has begun', async () => (await left()).at(-1) !== '3500 of 31 days');
    await f.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tollgate-prisma' AND datname = current_database()`,
    );
    await dying;
    await runJob(f.ctx, 'expire-decisions');
    await runJob(f.ctx, 'expire-decisions');
    expect(await left()).toEqual(['5 of 8 days', '5 of 29 days']);
    const week = { decision_retention_days: 7 };
    const changed = await server.api('PATCH', '/settings', {
      token: f.tokens.operator,
      body: week,
    });
    expect([changed.status, changed.body.decision_retention_days]).toEqual([200, 7]);
    await runJob(f.ctx, 'expire-decisions');
    expect(await left()).toEqual([]);
    for (const wrong of [{ decision_share_allowed: 1.5 }, { decision_retention_days: 0 }]) {
      const refused = await server.api('PATCH', '/settings', { token: f.tokens.operator, body: wrong }); // prettier-ignore
      expect(refused.status).toBe(422);
    }
  });
});
