// Explanations through HTTP: every denial is told as the check then answers it, and undone over REST as the explanation
// says; asking leaves no trace. EXPLANATION_SEED repeats a run.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { denials } from '../../src/domain/denial.ts';
import type { Explanation } from '../../src/domain/explanation/explanation.ts';
import { makeKey } from '../../src/domain/api-key.ts';
import { expectStatus, startMetered } from '../support/metered.ts';
import type { Metered, Subscriber } from '../support/metered.ts';

const seed = Number(process.env['EXPLANATION_SEED'] ?? Date.now() % 2 ** 31);
const start = new Date('2027-01-15T10:20:30.000Z');

let m: Metered;
const policyIds: Record<string, string> = {};

beforeAll(async () => {
  m = await startMetered({ frozen: start });
  const pools = [{ pool: 'credits', limits: [{ window: 'day', max: 20 }] }];
  const features = [
    { feature: 'reports', limits: [{ window: 'month', max: 3 }, { window: 'minute', max: 50, on_exceed: 'wait' }] },
    { feature: 'pictures', limits: [], pool: { pool: 'credits', cost: 4 } },
    { feature: 'tokens', limits: [{ window: 'billing_period', max: 10, overage: { unit_amount_decimal: '2.5' } }] },
    { feature: 'pings', limits: [{ window: 'minute', max: 2, on_exceed: 'wait' }] },
  ]; // prettier-ignore
  await m.plan('small', features, { pools });
  await m.plan('large', [
    ...features.slice(1),
    { feature: 'reports', limits: [] },
    { feature: 'forecasts', limits: [] },
  ], { pools }); // prettier-ignore
  const policies = [
    ['*', '/v1/*', 'key'],
    ['GET', '/v1/:name', 'subscription'],
    ['GET', '/v1/reports', 'feature', 'reports'],
    ['*', '/v1/reports', 'deny'],
    ['GET', '/v1/forecasts', 'feature', 'forecasts'],
    ['GET', '/v1/status', 'free'],
    ['GET', '/v1/closed', 'deny'],
  ] as const;
  for (const [method, path, access, feature] of policies) {
    const body = { method, path, access, ...(feature ? { feature } : {}) };
    const made = expectStatus(await m.operator('POST', '/route-policies', body), 201);
    policyIds[`${method} ${path}`] = made.id;
  }
});
afterAll(() => m.close());

const get = (path: string) => ({ method: 'GET', path });
const reports = get('/v1/reports');

async function explainedBy(call: Metered['operator'], body: object): Promise<Explanation> {
  return expectStatus(await call('POST', '/explanations', body), 200);
}
const explained = (body: object) => explainedBy(m.operator, body);

/** What the check says now: it counts. */
async function asked({ units, ...body }: Record<string, unknown>): Promise<string | null> {
  const cost = units === undefined ? {} : { cost: units };
  const answer = await m.gateway('POST', '/entitlements/check', { ...body, ...cost });
  return expectStatus(answer, 200).code;
}

const update = (id: string, set: string) =>
  m.ctx.pool.query(`UPDATE subscription SET ${set} WHERE id = $1`, [id]).then(() => m.ctx.notify.settled()); // prettier-ignore

const healthy = `status = 'active', collection_paused = false, paused_at_trial_end = false, ended_at = NULL`;

type Case = {
  who: Subscriber;
  /** What is asked; without a caller's name. */
  call: Record<string, unknown>;
  named?: Record<string, string>;
  /** Does what the flip says. */
  mend: (change: any) => Promise<unknown>;
  /** Who calls after it, where it is another. */
  after?: () => Record<string, string>;
};

/** Makes a denial of each code: how it comes about, which change is taken from its flips, and how it is really made. */
const cases: Record<string, { rule: string; take: string | null; make: () => Promise<Case> }> = {
  key_missing: {
    rule: 'key',
    take: 'use_key',
    make: async () => {
      const who = await m.subscriber('small');
      let caller = {};
      // Of a customer on that very plan.
      const mend = async ({ plan }: any) =>
        (caller = { api_key: plan === 'small' ? who.key : (await m.subscriber(plan)).key });
      return { who, call: reports, named: {}, mend, after: () => caller };
    },
  },
  key_invalid: {
    rule: 'key',
    take: 'use_key',
    make: async () => {
      const who = await m.subscriber('small');
      await m.operator('DELETE', `/keys/${keyIdOf(who)}`);
      let key = '';
      const mend = async () => {
        key = (await m.operator('POST', '/keys', { customer_id: who.id })).body.key;
      };
      return { who, call: reports, mend, after: () => ({ api_key: key }) };
    },
  },
  key_scope: {
    rule: 'key_scope',
    take: 'add_scope',
    make: async () => {
      const who = await m.subscriber('small', { key: { scopes: ['call:pictures'] } });
      let key = '';
      const mend = async ({ scope }: any) => {
        const body = { customer_id: who.id, scopes: ['call:pictures', scope] };
        key = (await m.operator('POST', '/keys', body)).body.key;
      };
      return { who, call: reports, mend, after: () => ({ api_key: key }) };
    },
  },
  customer_blocked: {
    rule: 'customer',
    take: 'unblock',
    make: async () => {
      const who = await m.subscriber('small');
      const block = (blocked: boolean) => m.operator('PATCH', `/customers/${who.id}`, { blocked });
      await block(true);
      return { who, call: reports, mend: () => block(false) };
    },
  },
  no_subscription: ended('incomplete_expired', 'subscription'),
  subscription_canceled: ended('canceled', 'subscription'),
  payment_incomplete: inState(`status = 'incomplete'`, 'subscription', 'pay'),
  trial_ended: inState(`status = 'paused', paused_at_trial_end = true`, 'subscription', 'resume'),
  subscription_paused: inState('collection_paused = true', 'subscription', 'resume'),
  payment_past_due: inState(`status = 'past_due', past_due_since = '2027-01-01'`, 'ladder', 'pay'),
  unverifiable: inState(`status = 'of_the_future'`, 'verification', 'reread'),
  feature_not_in_plan: {
    rule: 'feature',
    take: 'upgrade',
    make: async () => {
      const who = await m.subscriber('small');
      const mend = ({ plan }: any) =>
        m.operator('PATCH', `/subscriptions/${who.subscription}`, { plan, effective: 'now' });
      return { who, call: get('/v1/forecasts'), mend };
    },
  },
  quota_exhausted: {
    rule: 'limit',
    take: 'override',
    make: async () => {
      const who = await m.subscriber('small');
      await m.check(who.key, 'reports', 3);
      return { who, call: reports, mend: (change) => putOverride(who, change) };
    },
  },
  spend_cap_reached: {
    rule: 'spend_cap',
    take: 'raise_spend_cap',
    make: async () => {
      const who = await m.subscriber('small', { customer: { spend_cap: 7 } });
      await m.check(who.key, 'tokens', 11);
      const mend = ({ to }: any) => m.operator('PATCH', `/customers/${who.id}`, { spend_cap: to });
      return { who, call: { feature: 'tokens', units: 9 }, mend };
    },
  },
  route_denied: {
    rule: 'route_policy',
    take: 'route_policy',
    make: async () => {
      const who = await m.subscriber('small');
      const put = (access: string) =>
        m.operator('PUT', `/route-policies/${policyIds['GET /v1/closed']}`, {
          ...get('/v1/closed'),
          access,
        });
      return { who, call: get('/v1/closed'), mend: ({ access }) => put(access) };
    },
  },
  path_ambiguous: {
    rule: 'path',
    take: null,
    make: async () => {
      const who = await m.subscriber('small');
      return { who, call: get('/v1%2Freports'), mend: () => Promise.resolve() };
    },
  },
  // The last, since it moves time.
  rate_limited: {
    rule: 'limit',
    take: 'wait',
    make: async () => {
      const who = await m.subscriber('small');
      await m.check(who.key, 'pings', 2);
      return { who, call: { feature: 'pings' }, mend: ({ until }) => m.moveTo(new Date(until)) };
    },
  },
};

function inState(set: string, rule: string, take: string) {
  const make = async () => {
    const who = await m.subscriber('small');
    await update(who.subscription, set);
    return { who, call: reports, mend: () => update(who.subscription, healthy) };
  };
  return { rule, take, make };
}

function ended(status: string, rule: string) {
  const make = async () => {
    const who = await m.subscriber('small');
    await update(who.subscription, `status = '${status}', ended_at = '2027-01-02'`);
    const mend = async ({ plan }: any) =>
      expectStatus(await m.operator('POST', '/subscriptions', { customer_id: who.id, plan }), 201);
    return { who, call: reports, mend };
  };
  return { rule, take: 'subscribe', make };
}

const putOverride = ({ id }: Subscriber, { feature, limit, extra }: any) =>
  m.operator('PUT', `/customers/${id}/overrides/${feature}`, limit === null ? { extra } : { limit }); // prettier-ignore

const keyIdOf = (who: Subscriber) => (who as Subscriber & { keyId: string }).keyId;

describe('every denial', () => {
  test('of the contract is explained', () => {
    const explainable = Object.keys(denials).filter((code) => code !== 'gateway_unauthorized');
    expect(Object.keys(cases).sort()).toEqual(explainable.sort());
  });

  test.each(Object.entries(cases))(
    '%s is explained as the check answers, and what would flip it does',
    async (code, { rule, take, make }) => {
      const { who, call, named = { api_key: who.key }, mend, after } = await make();
      const told = await explained({ ...named, ...call });
      expect(told).toMatchObject({ allowed: false, code, rule: { name: rule } });
      expect(await asked({ ...named, ...call })).toBe(code);
      const flip = told.flips.find(
        ({ changes }) => changes.length === 1 && changes[0]!.kind === take,
      );
      if (take === null) return void expect([told.flips, told.no_flip]).toEqual([[], expect.stringContaining('path')]); // prettier-ignore
      expect(flip).toMatchObject({ allowed: true, code: null });
      await mend(flip!.changes[0]);
      await m.ctx.notify.settled();
      const caller = after?.() ?? named;
      expect((await explained({ ...caller, ...call })).code).toBeNull();
      expect(await asked({ ...caller, ...call })).toBeNull();
    },
  );
});

describe('what is allowed', () => {
  test('is denied once so many units more are used, and not one unit before', async () => {
    const who = await m.subscriber('small');
    const call = { api_key: who.key, feature: 'pictures' };
    const told = await explained({ ...call, units: 2 });
    expect(told).toMatchObject({ allowed: true, status: 200, no_flip: null });
    const change: any = told.flips[0]!.changes[0];
    expect(change).toMatchObject({ kind: 'use_units', feature: 'credits', units: 13 });
    // Three pictures take twelve of the credits: not yet thirteen.
    await m.gateway('POST', '/usage', { customer_id: who.id, feature: 'pictures', units: 3, id: 'a' }); // prettier-ignore
    expect((await explained({ ...call, units: 2 })).allowed).toBe(true);
    await m.gateway('POST', '/usage', { customer_id: who.id, feature: 'pictures', units: 1, id: 'b' }); // prettier-ignore
    expect(await asked({ ...call, units: 2 })).toBe('quota_exhausted');
  });

  test('is denied at the instant that is named, and not a moment before', async () => {
    const expires = m.later(3_600).toISOString();
    const who = await m.subscriber('small', { key: { expires_at: expires } });
    const told = await explained({ api_key: who.key, ...get('/v1/anything') });
    expect(told.flips).toMatchObject([
      { by: 'time', allowed: false, code: 'key_invalid', changes: [{ kind: 'wait', until: expires }] }, // prettier-ignore
    ]);
    await m.moveTo(new Date(Date.parse(expires) - 1));
    expect(await asked({ api_key: who.key, ...get('/v1/anything') })).toBeNull();
    await m.moveTo(new Date(expires));
    expect(await asked({ api_key: who.key, ...get('/v1/anything') })).toBe('key_invalid');
  });
});

test(`agrees with what is then counted, over limits, pools, caps and soft limits (seed ${seed})`, async () => {
  const features = fc.constantFrom('reports', 'pictures', 'tokens', 'pings');
  const calls = fc.array(fc.tuple(features, fc.integer({ min: 0, max: 6 })), { minLength: 12, maxLength: 12 }); // prettier-ignore
  const met = new Set<string | null>();
  await fc.assert(
    fc.asyncProperty(calls, fc.integer({ min: 0, max: 40 }), async (all, spend_cap) => {
      const caps = [{ feature: 'credits', window: 'hour', max: 15 }];
      const who = await m.subscriber('small', { key: { caps }, customer: { spend_cap } });
      for (const [feature, units] of all) {
        const call = { api_key: who.key, feature, units };
        const told = await explained(call);
        const code = await asked(call);
        met.add(code);
        expect({ call, all, code: told.code }).toEqual({ call, all, code });
      }
    }),
    { seed, numRuns: 8, endOnFailure: true },
  );
  expect(met.size).toBeGreaterThan(2);
});

describe('asking', () => {
  test('counts nothing, uses no key, and never shows one', async () => {
    const who = await m.subscriber('small');
    await m.check(who.key, 'pictures');
    const before = await m.usage(who.id);
    await m.ctx.pool.query('UPDATE api_key SET last_used_at = NULL WHERE id = $1', [keyIdOf(who)]);
    const path = `/v1/reports/${who.key}`;
    for (const call of [{ feature: 'pictures', units: 3 }, reports, get(path)]) {
      for (const named of [{ api_key: who.key }, { key_id: keyIdOf(who) }]) {
        expect(JSON.stringify(await explained({ ...named, ...call }))).not.toContain(who.key);
      }
    }
    expect(await m.usage(who.id)).toEqual(before);
    const { body } = await m.operator('GET', `/keys?customer_id=${who.id}`);
    expect(body.data[0].last_used_at).toBeNull();
  });

  test('is for operators, and for customers about themselves', async () => {
    const [mine, theirs] = [await m.subscriber('small'), await m.subscriber('small')];
    const call = customerCall(mine);
    const own = await explainedBy(call, reports);
    expect(own).toMatchObject({ allowed: true, customer_id: mine.id, beaten: [] });
    expect(own.flips.map(({ by }) => by)).not.toContain('operator');
    expect((await explainedBy(call, { key_id: keyIdOf(mine), ...reports })).key).toMatchObject({ id: keyIdOf(mine) }); // prettier-ignore
    const answers = [
      await call('POST', '/explanations', { customer_id: theirs.id, ...reports }),
      await call('POST', '/explanations', { api_key: theirs.key, ...reports }),
      await call('POST', '/explanations', { key_id: keyIdOf(theirs), ...reports }),
      await call('POST', '/explanations', { api_key: makeKey('test', 'x'.repeat(30)), ...reports }),
      await call('POST', '/explanations', { customer_id: `cus_${'0'.repeat(26)}`, ...reports }),
      await m.operator('POST', '/explanations', { key_id: `key_${'0'.repeat(26)}`, ...reports }),
    ];
    const same = answers.map(({ status, body }) => ({ status, ...body, instance: null }));
    expect(same.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
    expect(new Set(same.map((one) => JSON.stringify(one))).size).toBe(1);
  });

  test('says what is wrong with the question', async () => {
    const { id, key } = await m.subscriber('small');
    const pointers = async (body: object) => {
      const answer = await m.operator('POST', '/explanations', body);
      return [answer.status, ...(answer.body.errors ?? []).map((one: any) => one.pointer)];
    };
    expect(await pointers({ api_key: key, customer_id: id, ...reports })).toEqual([422, '/customer_id']); // prettier-ignore
    expect(await pointers({ customer_id: id })).toEqual([422, '/feature']);
    expect(await pointers({ method: 'GET' })).toEqual([422, '/feature']);
    expect(await pointers({ feature: 'reports', ...reports })).toEqual([422, '/feature']);
    expect(await pointers({ ...reports, units: 2 })).toEqual([422, '/units']);
    expect(await pointers({ feature: 'reports', units: -1 })).toEqual([422, '/units']);
    expect(await pointers({ feature: 'reports', why: 1 })).toEqual([422, '/why']);
  });
});

const customerCall =
  ({ token }: Subscriber): Metered['operator'] =>
  async (method, path, body) => {
    const answer = await fetch(`${m.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };

describe('the whole of it', () => {
  test('for a route with policies beaten, an override, a pool and a cap', async () => {
    await m.moveTo(new Date('2027-02-03T04:05:06.000Z'));
    const caps = [{ feature: 'reports', window: 'hour', max: 9 }];
    const who = await m.subscriber('small', { key: { caps } });
    await putOverride(who, { feature: 'reports', limit: null, extra: 2 });
    await m.check(who.key, 'reports', 4);
    expect(stable(await explained({ api_key: who.key, ...reports }))).toMatchSnapshot();
  });

  test('for a payment that is late, on the ladder, with what set the state', async () => {
    const who = await m.subscriber('small');
    await m.ctx.pool.query(
      `UPDATE subscription SET status = 'past_due', past_due_since = $2, stripe_subscription_id = 'sub_late' WHERE id = $1`,
      [who.subscription, m.later(-200 * 3_600)],
    );
    await m.ctx.pool.query(
      `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at)
       VALUES ('evt_late', 'invoice.payment_failed', 'sub_late', '{}', $1, '2020-01-01')`,
      [m.later(-60)],
    );
    expect(stable(await explained({ api_key: who.key, ...reports }))).toMatchSnapshot();
  });
});

/** Ids by their order of appearance; without what the machine's clock says. */
function stable(told: Explanation): unknown {
  const ids = new Map<string, string>();
  const text = JSON.stringify({ ...told, facts: null }).replace(
    /\b(cus|sub|key|rp|evt|pv)_[0-9a-z]{26}\b/g,
    (id, kind: string) => {
      if (!ids.has(id)) ids.set(id, `${kind}_${ids.size + 1}`);
      return ids.get(id)!;
    },
  );
  return JSON.parse(text);
}
