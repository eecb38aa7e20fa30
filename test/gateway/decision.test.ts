// Decisions as they are kept: every form of the check, every denial, the drawn share of the rest; how many there were,
// exactly; and nothing that a check would wait for or fail by.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { addDecisionCounts } from '../../src/adapters/decision.ts';
import { newId } from '../../src/adapters/id.ts';
import { decisionsDropped } from '../../src/adapters/metrics.ts';
import { createPool } from '../../src/adapters/postgres.ts';
import { randomBase62 } from '../../src/adapters/secret.ts';
import { makeKey } from '../../src/domain/api-key.ts';
import type { Outcome } from '../../src/gateway/check.ts';
import { createDecisionLog } from '../../src/gateway/decision-log.ts';
import { createDecisionTally } from '../../src/gateway/decision-tally.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
let customer: string;
let key: string;
let keyId: string;

beforeAll(async () => {
  f = await createFixture();
  const pro = await f.plan('pro', [
    {
      feature: 'search',
      limits: [{ window: 'month', max: 3, on_exceed: 'payment', overage: null }],
    },
    { feature: 'flat', limits: [] },
  ]);
  customer = await f.customer();
  await f.subscribe(customer, pro);
  key = await f.key(customer);
  keyId = (await f.sql('SELECT id FROM api_key')).rows[0].id;
  await f.policy({ path: '/status', access: 'free' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/search', access: 'feature', feature: 'search' });
  await f.policy({ path: '/export/:id', access: 'feature', feature: 'export' });
  await share({ allowed: 1, denied: 1 });
});
afterAll(() => f.close());

async function share({ allowed, denied }: { allowed: number; denied: number }): Promise<void> {
  await f.sql('UPDATE setting SET decision_share_allowed = $1, decision_share_denied = $2', [
    allowed,
    denied,
  ]);
  await f.settled();
}

const gatewayToken = () => ({ 'x-gateway-token': f.tokens.gateway });

/** The row of a decision, once it has been written. */
function kept(id: string | null): Promise<any> {
  return until(`decision ${id} is kept`, async () => {
    const { rows } = await f.sql('SELECT * FROM decision WHERE id = $1', [id]);
    return rows[0];
  });
}

const idOf = ({ headers }: { headers: Headers }) => headers.get('x-decision-id');

describe('each form of the check is kept under its id', () => {
  const forms: Record<string, () => Promise<{ headers: Headers; body: any }>> = {
    'forward-auth': () => f.ask('GET /plain?secret=1', key),
    nginx: () =>
      f.api('GET', '/entitlements/nginx', {
        headers: {
          ...gatewayToken(),
          'x-original-method': 'GET',
          'x-original-uri': '/plain?secret=1',
          'x-api-key': key,
        },
      }),
    'ingress-nginx': () =>
      f.api('GET', '/entitlements/ingress-nginx', {
        headers: {
          ...gatewayToken(),
          'x-original-method': 'GET',
          'x-original-url': '/plain',
          'x-api-key': key,
        },
      }),
    'ext-authz': () =>
      f.api('GET', '/entitlements/ext-authz/plain?secret=1', {
        headers: { ...gatewayToken(), 'x-api-key': key },
      }),
    'POST check': () =>
      f.api('POST', '/entitlements/check', {
        headers: gatewayToken(),
        body: { api_key: key, method: 'GET', path: '/plain?secret=1' },
      }),
  };

  test.each(Object.keys(forms))('%s', async (name) => {
    const row = await kept(idOf(await forms[name]!()));
    expect(row).toMatchObject({
      method: 'GET',
      path: '/plain',
      customer_id: customer,
      api_key_id: keyId,
      plan: 'pro',
      plan_version: 1,
      code: null,
      status: 200,
      access: 'full',
      degraded: false,
      limits: [],
    });
    expect(row.route_policy_id).toMatch(/^rp_/);
    expect(row.subscription_id).toMatch(/^sub_/);
    expect(Math.abs(row.at.getTime() - Date.now())).toBeLessThan(60_000);
  });

  test('a feature by name, with what was used at that moment', async () => {
    const answer = await f.api('GET', '/entitlements/features/search/2', {
      headers: { ...gatewayToken(), 'x-api-key': key },
    });
    expect(await kept(idOf(answer))).toMatchObject({
      method: null,
      path: null,
      route_policy_id: null,
      feature: 'search',
      cost: 2,
      limits: [
        { feature: 'search', window: 'month', max: 3, used: 2, remaining: 1, refused: false },
      ],
    });
  });

  test('each of a batch, denied ones with the limit that refused', async () => {
    const { body } = await f.api('POST', '/entitlements/batch', {
      headers: gatewayToken(),
      body: {
        checks: [
          { customer_id: customer, feature: 'search', cost: 5 },
          { api_key: key, method: 'GET', path: '/status' },
          { method: 'GET', path: '/plain' },
        ],
      },
    });
    const [full, open, missing] = await Promise.all(
      body.data.map(({ decision_id }: any) => kept(decision_id)),
    );
    expect(full).toMatchObject({ code: 'quota_exhausted', status: 402, customer_id: customer, api_key_id: null, access: null }); // prettier-ignore
    expect(full.limits).toMatchObject([{ used: 2, remaining: 1, refused: true }]);
    expect(open).toMatchObject({ code: null, customer_id: null, path: '/status', plan: null });
    expect(missing).toMatchObject({ code: 'key_missing', status: 401, customer_id: null });
  });
});

test('what was refused before anything was looked at is kept as well, with what is known', async () => {
  const ambiguous = await kept(idOf(await f.ask('GET /a%2Fb?secret=1', key)));
  expect(ambiguous).toMatchObject({ code: 'path_ambiguous', status: 403, rule: 'path', path: null, customer_id: null }); // prettier-ignore
  const stranger = { 'x-gateway-token': 'tgg_nobodys', 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/plain' }; // prettier-ignore
  const refused = await kept(idOf(await f.api('GET', '/entitlements', { headers: stranger })));
  expect(refused).toMatchObject({ code: 'gateway_unauthorized', status: 503, method: 'GET', path: '/plain' }); // prettier-ignore
});

test('a retry under one Idempotency-Key is the decision that was made, not another one', async () => {
  const ask = () =>
    f.api('POST', '/entitlements/check', {
      headers: { ...gatewayToken(), 'idempotency-key': 'once' },
      body: { customer_id: customer, method: 'GET', path: '/once' },
    });
  const [first, again] = [await ask(), await ask()];
  expect(idOf(again)).toBe(idOf(first));
  await kept(idOf(first));
  await kept(idOf(await f.ask('GET /plain')));
  const { rows } = await f.sql(`SELECT id FROM decision WHERE path = '/once'`);
  expect(rows).toEqual([{ id: idOf(first) }]);
});

describe('which are kept', () => {
  const plain = async (times: number, api_key?: string) => {
    const check = { ...(api_key ? { api_key } : {}), method: 'GET', path: '/plain' };
    const ids: string[] = [];
    while (ids.length < times) {
      const checks = Array.from({ length: Math.min(100, times - ids.length) }, () => check);
      const { body } = await f.api('POST', '/entitlements/batch', {
        headers: gatewayToken(),
        body: { checks },
      });
      ids.push(...body.data.map(({ decision_id }: any) => decision_id));
    }
    return ids;
  };
  const keptOf = async (ids: string[]) => {
    const { rows } = await f.sql('SELECT id FROM decision WHERE id = ANY ($1)', [ids]);
    return rows.length;
  };
  /** What was asked before a denial is written no later than the denial. */
  const written = async () => kept(idOf(await f.ask('GET /plain')));

  test('of calls that pass none, some or each, as the share says; of denials each', async () => {
    await share({ allowed: 0, denied: 1 });
    const none = await plain(50, key);
    await written();
    expect(await keptOf(none)).toBe(0);

    await share({ allowed: 0.25, denied: 1 });
    const some = await plain(800, key);
    await written();
    // Six standard deviations to each side of 200: one false alarm in half a billion runs.
    const found = await keptOf(some);
    expect(found).toBeGreaterThan(200 - 74);
    expect(found).toBeLessThan(200 + 74);

    await share({ allowed: 1, denied: 1 });
    const each = await plain(50, key);
    const denied = await plain(50);
    await written();
    expect(await keptOf(each)).toBe(50);
    expect(await keptOf(denied)).toBe(50);
  });

  test('denials too are a share where an operator wants that', async () => {
    await share({ allowed: 1, denied: 0 });
    const denied = await plain(50);
    const [last] = await plain(1, key);
    await kept(last!);
    expect(await keptOf(denied)).toBe(0);
    await share({ allowed: 1, denied: 1 });
  });

  test('never a key, a token or a query, wherever it was put', async () => {
    const unknown = makeKey('live', randomBase62(30));
    const headers = { cookie: `session=${key}`, 'user-agent': unknown };
    const answers = [
      await f.ask(`GET /search?api_key=${key}&secret=hush`, key, headers),
      await f.ask(`GET /export/${key}?secret=hush`, key),
      await f.ask(`GET /plain?token=${unknown}&secret=hush`, unknown),
      await f.ask(`GET /${unknown}/${unknown}`, key),
      await f.api('POST', '/entitlements/check', {
        headers: gatewayToken(),
        body: { api_key: unknown, method: 'GET', path: `/export/${key}?secret=hush` },
      }),
    ];
    for (const answer of answers) await kept(idOf(answer));
    const { rows } = await f.sql('SELECT d::text AS text FROM decision d');
    const everything = rows.map(({ text }: any) => text).join('\n');
    const secrets = [key, unknown, key.slice(8), unknown.slice(8), f.tokens.gateway, 'hush', '?'];
    expect(secrets.filter((secret) => everything.includes(`/${secret}`))).toEqual([]);
    expect(secrets.slice(0, -1).filter((secret) => everything.includes(secret))).toEqual([]);
  });

  test('the explanation with it: the rule, the policy, and what would flip the answer', async () => {
    const { explanation, rule } = await kept(idOf(await f.ask('GET /export/7', key)));
    expect(rule).toBe('feature');
    expect(explanation).toMatchObject({
      allowed: false,
      code: 'feature_not_in_plan',
      call: { method: 'GET', path: '/export/7', feature: 'export' },
      policy: { path: '/export/:id' },
    });
  });
});

describe('a log that is behind', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const checks = Array.from({ length: 100 }, () => ({
    ...{ api_key: 'tg_test_nonsense', method: 'GET', path: '/plain' },
  }));
  const askBatch = (api: Fixture['api']) =>
    api('POST', '/entitlements/batch', { headers: gatewayToken(), body: { checks } });
  /** How many of a code were counted, dropped and kept so far. */
  const soFar = async (code: string) => {
    const { rows } = await f.sql(
      `SELECT coalesce(sum(checks), 0)::int AS checks, coalesce(sum(dropped), 0)::int AS dropped,
         (SELECT count(*)::int FROM decision WHERE code = $1) AS kept
       FROM decision_count WHERE width = 'hour' AND code = $1`,
      [code],
    );
    return rows[0] as { checks: number; dropped: number; kept: number };
  };
  const toldDropped = async () => (await decisionsDropped.get()).values[0]?.value ?? 0;
  const startWire = async () => {
    const url = new URL(f.config.databaseUrl);
    const wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    closers.push(() => wire.close());
    url.host = `127.0.0.1:${wire.port}`;
    return { wire, url: url.href };
  };

  test('answers each check while PostgreSQL is away, and writes what was decided meanwhile', async () => {
    const { wire, url } = await startWire();
    const gateway = await f.secondGateway({ databaseUrl: url });
    closers.push(() => gateway.close());
    const first = await soFar('key_invalid');
    expect((await askBatch(gateway.api)).status).toBe(200);
    await until('they are written', async () => (await soFar('key_invalid')).kept === first.kept + 100); // prettier-ignore
    wire.cut();
    const before = await soFar('key_invalid');
    for (let n = 0; n < 3; n += 1) {
      const { status, body } = await askBatch(gateway.api);
      expect([status, body.data[99].code]).toEqual([200, 'key_invalid']);
    }
    expect((await soFar('key_invalid')).kept).toBe(before.kept);
    wire.mend();
    const { checks: counted, dropped } = await until('all are counted and written', async () => {
      const now = await soFar('key_invalid');
      return now.kept === before.kept + 300 && now.checks === now.kept && now;
    });
    expect([counted, dropped]).toEqual([before.kept + 300, 0]);
  });

  test("drops what finds no room, nobody's calls first, and counts what it drops", async () => {
    const log = createDecisionLog({ url: f.config.databaseUrl, log: f.ctx.log, room: 40 });
    const told = await toldDropped();
    for (let n = 0; n < 50; n += 1) log.note(outcomeOf('route_denied'));
    for (let n = 0; n < 30; n += 1) log.note(outcomeOf('customer_blocked', customer));
    await log.close();
    expect(await soFar('route_denied')).toEqual({ checks: 50, dropped: 30, kept: 20 });
    expect(await soFar('customer_blocked')).toEqual({ checks: 30, dropped: 10, kept: 20 });
    expect(await toldDropped()).toBe(told + 40);
  });

  test('is written when a gateway closes, within a bound where nobody answers', async () => {
    const gateway = await f.secondGateway();
    const before = await soFar('key_invalid');
    await askBatch(gateway.api);
    await gateway.close();
    const { checks: counted, kept: written } = await soFar('key_invalid');
    expect([counted, written]).toEqual([before.checks + 100, before.kept + 100]);
    const log = createDecisionLog({ url: 'postgres://nobody@127.0.0.1:1/none', log: f.ctx.log });
    log.note(outcomeOf('route_denied'));
    await log.close();
  });

  test('adds a batch of counts once, however often it is sent, and those of two processes together', async () => {
    const pool = createPool({ url: f.config.databaseUrl, name: 'test', max: 2 });
    const row = {
      minute: '2030-01-01T00:07:00Z',
      route_policy_id: 'rp_x',
      plan: '',
      code: '',
      checks: 5,
      dropped: 1,
    };
    const batch = (writer: string, sequence: number) => ({
      writer,
      sequence,
      counts: [row],
      demands: [],
    });
    const sent = [
      batch('one', 1),
      batch('one', 1),
      batch('two', 1),
      batch('one', 2),
      batch('one', 1),
    ];
    for (const each of sent) await addDecisionCounts(pool, each);
    const { rows } = await f.sql(
      `SELECT width, checks, dropped FROM decision_count WHERE route_policy_id = 'rp_x' ORDER BY width`,
    );
    expect(rows).toEqual([
      { width: 'hour', checks: 15, dropped: 3 },
      { width: 'minute', checks: 15, dropped: 3 },
    ]);
    await pool.end();
  });

  test('tells only the code apart once there are too many routes, plans and codes, and loses none', () => {
    const tally = createDecisionTally();
    for (let n = 0; n < 12_000; n += 1)
      tally.count(outcomeOf('route_denied', null, `rp_${n % 6_000}`));
    const { counts } = tally.take();
    expect(counts.length).toBe(5_001);
    expect(counts.reduce((sum, { checks: of }) => sum + of, 0)).toBe(12_000);
    expect(counts.find(({ route_policy_id }) => route_policy_id === '*')).toMatchObject({ code: 'route_denied', checks: 2_000 }); // prettier-ignore
    expect(tally.isEmpty()).toBe(true);
  });

  test('who is told to pay is noted once an hour, however often that is', () => {
    const tally = createDecisionTally();
    const told = (customer: string, at: string) => {
      const outcome = outcomeOf('trial_ended', customer);
      tally.count({ ...outcome, basis: { ...outcome.basis, now: Date.parse(at) } });
      return tally.take().demands.map(({ customer_id }) => customer_id);
    };
    expect(told('cus_1', '2026-06-15T12:00:00Z')).toEqual(['cus_1']);
    expect(told('cus_1', '2026-06-15T12:59:59Z')).toEqual([]);
    expect(told('cus_2', '2026-06-15T12:59:59Z')).toEqual(['cus_2']);
    expect(told('cus_1', '2026-06-15T13:00:00Z')).toEqual(['cus_1']);
  });
});

/** A denial, of a customer's call or of nobody's. */
function outcomeOf(
  code: 'route_denied' | 'customer_blocked' | 'trial_ended',
  customerId: string | null = null,
  routeId: string | null = null,
): Outcome {
  const need = { access: 'key', feature: null, cost: 0, readOnly: false } as const;
  const facts = { id: customerId ?? '', blocked: true, timezone: 'UTC', spendCap: null, createdAt: 0, subscriptions: [], overrides: [] }; // prettier-ignore
  const entry = { key: null, customer: { facts, valid: true, epoch: 0, kept: null } };
  return {
    decisionId: newId('dec'),
    verdict: { allowed: false, code, customerId, plan: null, feature: null, subscriptionId: null },
    ...{ full: null, limits: [], used: null, held: null, asOf: Date.now(), isDegraded: false },
    basis: {
      asked: { origin: 'missing' },
      ...{ book: null, footing: null, now: Date.now() },
      entry: customerId === null ? null : { ...entry, notedAt: 0, movedAt: 0 },
      ruling: { ...need, id: routeId, whenDown: 'closed', maxStaleMs: 0 },
    },
  };
}
