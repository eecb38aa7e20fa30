// The configuration as a whole over HTTP: exported, previewed with whom it touches, applied in one piece or not at all.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfigurationFile, writeConfigurationFile } from '../../src/cli/configuration-file.ts';
import { matchRoute } from '../../src/domain/route-policy.ts';
import { createRuleBook } from '../../src/gateway/rule-book.ts';
import { demoPlans, demoPolicies } from '../../src/local/demo-plans.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
let paying: { id: string };
let unsubscribed: { id: string };

type Written = { plans?: any[]; route_policies?: any[]; settings?: any };
const policy = (path: string, access: string, more: object = {}) => ({ method: 'GET', path, access, ...more }); // prettier-ignore
const open = { feature: 'reports', limits: [] };
const base: Written = {
  plans: [
    { key: 'free', name: 'Free', features: [{ feature: 'samples' }] },
    { key: 'pro', name: 'Pro', price: { amount: 4_900, currency: 'usd', interval: 'month' }, features: [open] },
    { key: 'scale', name: 'Scale', price: { amount: 19_900, currency: 'usd', interval: 'month' }, features: [open, { feature: 'forecasts' }] },
  ],
  route_policies: [
    policy('/status', 'free'),
    policy('/reports', 'feature', { feature: 'reports', cost: 0 }),
    policy('/forecasts', 'feature', { feature: 'forecasts' }),
  ],
  settings: { default_plan: null, default_access: 'subscription', pause_policy: 'deny', renewal_notice_days: 7 },
}; // prettier-ignore

beforeAll(async () => {
  billing = await startBilling({ worker: false });
  await apply(base);
  paying = await subscriber('pro');
  unsubscribed = await billing.customer();
}, 60_000);
afterAll(() => billing.close());
beforeEach(async () => {
  await faults();
  await apply(base, { allow_loss: true });
});

async function subscriber(plan: string) {
  const customer = await billing.customer('pm_card_visa');
  expect((await customer.call('POST', '/subscriptions', { plan })).status).toBe(201);
  return customer;
}

async function answer(method: string, path: string, body?: object) {
  const { status, body: got } = await billing.operator(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(got)}`);
  return got;
}

const apply = (configuration: Written, more: object = {}) =>
  answer('PUT', '/configuration', { configuration, ...more });
const refused = (configuration: Written, more: object = {}) =>
  billing.operator('PUT', '/configuration', { configuration, ...more });
const preview = (configuration: Written) =>
  answer('POST', '/configuration/preview', { configuration });
const running = async () => (await answer('GET', '/configuration')).configuration;
const faults = (...api: object[]) => billing.control('PUT', '/_sandbox/faults', { api });
const lines = ({ changes }: any): string[] => changes.map((one: any) => `${one.action} ${one.object} ${one.name}`); // prettier-ignore

/** What the check says. */
async function check(customer_id: string, path: string): Promise<string> {
  const said = await fetch(`${billing.url}/entitlements/check`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-gateway-token': billing.test.tokens.gateway },
    body: JSON.stringify({ customer_id, method: 'GET', path }),
  });
  const { status, code } = (await said.json()) as any;
  return code ? `${status} ${code}` : String(status);
}

const fingerprint = async (): Promise<string> =>
  (await answer('GET', '/configuration')).fingerprint;
const withPolicies = (...route_policies: object[]): Written => ({ ...base, route_policies });
const others = (path: string) => base.route_policies!.filter((one) => one.path !== path);

describe('what runs', () => {
  test('is exported whole, and applying that is nothing to do', async () => {
    const configuration = await running();
    expect(configuration.plans.find(({ key }: any) => key === 'pro')).toEqual({
      key: 'pro', name: 'Pro', description: null, price: { amount: 4_900, currency: 'usd', interval: 'month' }, trial_days: 0,
      features: [{ feature: 'reports', limits: [], pool: null }], pools: [], public: true, archived: false, ladder: expect.any(Array),
    }); // prettier-ignore
    const again = await apply(configuration);
    expect([again.applied, again.changes, again.fingerprint]).toEqual([false, [], await fingerprint()]); // prettier-ignore
    expect(again.unchanged).toEqual({ plans: configuration.plans.length, route_policies: 3, settings: Object.keys(configuration.settings).length }); // prettier-ignore
  });

  test('as the file that is written of it as well', async () => {
    const read = readConfigurationFile(writeConfigurationFile(await running(), 'x.json'));
    if (read.faults) throw new Error(JSON.stringify(read.faults));
    expect(await apply(read.configuration as Written)).toMatchObject({ applied: false, changes: [] }); // prettier-ignore
  });

  test('of the demo is as its file, and an audit finds nothing in it', async () => {
    const demo = { plans: demoPlans, route_policies: demoPolicies };
    const { findings, applied } = await apply(demo, { allow_loss: true });
    expect([findings, applied]).toEqual([[], true]);
    expect((await apply(demo)).applied).toBe(false);
  });

  test('is left alone where a section or a setting is not named', async () => {
    await apply({ settings: { renewal_notice_days: 3 } });
    expect(lines(await preview({ ...base, settings: { renewal_notice_days: 7 } }))).toEqual(['change setting renewal_notice_days']); // prettier-ignore
    expect(lines(await apply({ settings: { renewal_notice_days: 7 } }))).toHaveLength(1);
  });

  test('without a ladder in a plan, that of the settings holds, as it would be', async () => {
    const default_ladder = [{ after_hours: 0, access: 'full' }, { after_hours: 100, access: 'deny' }]; // prettier-ignore
    const { changes } = await preview({ plans: base.plans!, settings: { default_ladder } });
    expect(changes.find(({ name }: any) => name === 'pro').fields).toEqual([
      { path: 'ladder', before: expect.any(Array), after: default_ladder },
    ]);
  });
});

describe('a difference', () => {
  const other: Written = {
    plans: [
      { key: 'free', name: 'Free', features: [{ feature: 'samples' }], public: false },
      { key: 'pro', name: 'Pro', price: { amount: 5_900, currency: 'usd', interval: 'month' }, features: [{ feature: 'maps', limits: [{ window: 'day', max: 10 }] }] },
      { key: 'team', name: 'Team', price: { amount: 9_900, currency: 'usd', interval: 'month' } },
    ],
    route_policies: [...others('/status'), policy('/maps/:id', 'feature', { feature: 'maps' })],
    settings: { default_plan: 'free' },
  }; // prettier-ignore

  test('is a line for each plan, route policy and setting, and a preview changes nothing', async () => {
    const before = await running();
    const shown = await preview(other);
    expect(lines(shown)).toEqual([
      'change plan free',
      'change plan pro',
      'archive plan scale',
      'create plan team',
      'create route_policy GET /maps/:id',
      'remove route_policy GET /status',
      'change setting default_plan',
    ]); // prettier-ignore
    const pro = shown.changes.find(({ name }: any) => name === 'pro');
    expect(pro.fields).toEqual([
      { path: 'price', before: expect.objectContaining({ amount: 4_900 }), after: expect.objectContaining({ amount: 5_900 }) },
      { path: 'features.reports', before: expect.anything(), after: null },
      { path: 'features.maps', before: null, after: expect.anything() },
    ]); // prettier-ignore
    expect(await running()).toEqual(before);
    expect((await billing.stripe.products.list()).data.map(({ name }) => name)).not.toContain('Team'); // prettier-ignore
  });

  test('names the live customers it touches, and says what changes for them', async () => {
    const touches = Object.fromEntries((await preview(other)).changes.map(({ name, touches: told }: any) => [name, told.map(({ effect, customers, customer_ids }: any) => [effect, customers, customer_ids])])); // prettier-ignore
    expect(touches).toEqual({
      free: [],
      pro: [['keeps_version', 1, [paying.id]]],
      team: [],
      scale: [],
      'GET /maps/:id': [['answer', 1, [paying.id]], ['answer', 1, [unsubscribed.id]]],
      'GET /status': [['answer', null, []]],
      default_plan: [['setting', 1, [unsubscribed.id]], ['answer', 1, [unsubscribed.id]], ['answer', 1, [unsubscribed.id]]],
    }); // prettier-ignore
  });

  test('applied: the check, new subscribers and the log know; who has subscribed keeps the version', async () => {
    const { changes, applied } = await apply(other, { allow_loss: true });
    const version = changes.find(({ name }: any) => name === 'pro').version as number;
    expect([applied, await check(paying.id, '/reports'), await check(unsubscribed.id, '/maps/1')]).toEqual([true, '200', '402 feature_not_in_plan']); // prettier-ignore
    const plan = await answer('GET', '/plans/pro');
    expect([plan.version, plan.price.amount]).toEqual([version, 5_900]);
    const price = await billing.stripe.prices.retrieve(plan.stripe_price_id);
    expect(price.unit_amount).toBe(5_900);
    const { rows } = await billing.ctx.pool.query(`SELECT action, actor FROM audit_entry ORDER BY at DESC, id DESC LIMIT 10`); // prettier-ignore
    expect(rows.map(({ action }) => action)).toEqual(expect.arrayContaining(['configuration.apply', 'plan.create', 'plan.change', 'route_policy.create', 'route_policy.delete', 'setting.change'])); // prettier-ignore
    expect((await apply(other)).applied).toBe(false);
  });

  test('what an audit would find in it is told with it', async () => {
    const { findings } = await preview(withPolicies(...base.route_policies!, policy('/typo', 'feature', { feature: 'reprots' }))); // prettier-ignore
    expect(findings.map(({ code, subject }: any) => [code, subject])).toEqual([['feature_without_plan', 'reprots']]); // prettier-ignore
    expect((await answer('GET', '/audits/configuration')).data).toEqual([]);
  });
});

describe('access that is paid for', () => {
  const cases: [string, Written, string, string][] = [
    ['a route’s feature becomes another', withPolicies(...others('/reports'), policy('/reports', 'feature', { feature: 'forecasts' })), '/reports', '402 feature_not_in_plan'],
    ['a route is closed', withPolicies(...others('/reports'), policy('/reports', 'deny')), '/reports', '403 route_denied'],
    ['a free route costs', withPolicies(...others('/status'), policy('/status', 'feature', { feature: 'forecasts' })), '/status', '402 feature_not_in_plan'],
    ['a pattern takes a route that nothing named', withPolicies(...base.route_policies!, policy('/v1/*', 'deny')), '/v1/anything', '403 route_denied'],
    ['a star becomes narrower, and what is left is closed', { ...withPolicies(...others('/reports')), settings: { default_access: 'deny' } }, '/reports', '403 route_denied'],
    ['what no policy names is closed', { settings: { default_access: 'deny' } }, '/anything', '403 route_denied'],
  ]; // prettier-ignore

  test.each(cases)('%s: refused with whom it would take it from, done where that is allowed', async (_, written, path, code) => {
    expect(await check(paying.id, path)).toBe('200');
    const before = await fingerprint();
    const { status, body } = await refused(written);
    expect([status, body.code, await fingerprint()]).toEqual([409, 'access_loss', before]);
    expect(body.losses).toMatchObject({ customers: 1, is_complete: true });
    expect(body.losses.data).toContainEqual(expect.objectContaining({ plan: 'pro', customer_ids: [paying.id], customers: 1, status: Number(code.split(' ')[0]), code: code.split(' ')[1] }));
    expect((await preview(written)).losses).toEqual(body.losses);
    expect((await apply(written, { allow_loss: true })).applied).toBe(true);
    expect(await check(paying.id, path)).toBe(code);
  }); // prettier-ignore

  test('is found where a pattern meets another, though neither’s own calls change', async () => {
    const free = withPolicies(...base.route_policies!, policy('/:version/health', 'free'));
    await apply(free, { allow_loss: true });
    const shadowed = withPolicies(...free.route_policies!, policy('/v1/*', 'feature', { feature: 'forecasts' })); // prettier-ignore
    expect(await check(paying.id, '/v1/health')).toBe('200');
    const { body } = await refused(shadowed);
    expect(body.losses.data[0].calls).toContain('GET /v1/health');
  });

  test('by a policy of the settings counts too', async () => {
    const paused = await subscriber('pro');
    const { data } = (await paused.call('GET', '/subscriptions')).body;
    expect((await paused.call('PUT', `/subscriptions/${data[0].id}/pause`, {})).status).toBe(200);
    await apply({ settings: { pause_policy: 'serve' } });
    expect(await check(paused.id, '/reports')).toBe('200');
    const { body } = await refused({ settings: { pause_policy: 'deny' } });
    expect([body.code, body.losses.data[0].customer_ids]).toEqual(['access_loss', [paused.id]]);
    await answer('DELETE', `/customers/${paused.id}`);
    await apply({ settings: { pause_policy: 'deny' } });
  });

  test('goes to what was used already where a call begins to cost', async () => {
    const metered = { key: 'metered', name: 'Metered', price: { amount: 900, currency: 'usd', interval: 'month' }, features: [{ feature: 'maps', limits: [{ window: 'month', max: 5 }] }] }; // prettier-ignore
    const costing = (cost: number): Written => ({
      plans: [...base.plans!, metered],
      route_policies: [...base.route_policies!, policy('/maps', 'feature', { feature: 'maps', cost })],
    }); // prettier-ignore
    await apply(costing(0), { allow_loss: true });
    const [much, little] = [await subscriber('metered'), await subscriber('metered')];
    await answer('POST', '/usage', { customer_id: much.id, feature: 'maps', units: 5, id: 'all' });
    await answer('POST', '/usage', {
      customer_id: little.id,
      feature: 'maps',
      units: 1,
      id: 'one',
    });
    expect(await check(much.id, '/maps')).toBe('200');
    const { status, body } = await refused(costing(1));
    expect([status, body.code, body.losses.data]).toEqual([409, 'access_loss', [
      { plan: 'metered', plan_version: 1, status: 402, code: 'quota_exhausted', calls: ['GET /maps'], customers: 1, customer_ids: [much.id] },
    ]]); // prettier-ignore
    await apply(costing(1), { allow_loss: true });
    expect([await check(much.id, '/maps'), await check(little.id, '/maps')]).toEqual(['402 quota_exhausted', '200']); // prettier-ignore
  });

  test('and who pays nothing is told of where a limit falls below what they have used', async () => {
    const limited = (max: number): Written => ({
      plans: [{ ...base.plans![0], features: [{ feature: 'samples', limits: [{ window: 'month', max }] }] }, ...base.plans!.slice(1)],
      route_policies: [...base.route_policies!, policy('/samples', 'feature', { feature: 'samples' })],
      settings: { default_plan: 'free' },
    }); // prettier-ignore
    await apply(limited(100), { allow_loss: true });
    await answer('POST', '/usage', { customer_id: unsubscribed.id, feature: 'samples', units: 50, id: 'half' }); // prettier-ignore
    const { changes, losses } = await preview(limited(50));
    expect(losses.customers).toBe(0);
    const { touches } = changes.find(({ name }: any) => name === 'free');
    expect(touches).toContainEqual({ effect: 'answer', detail: 'Calls that got 200 get 402 quota_exhausted.', customers: 1, customer_ids: [unsubscribed.id] }); // prettier-ignore
    expect(await check(unsubscribed.id, '/samples')).toBe('200');
    await apply(limited(50));
    expect(await check(unsubscribed.id, '/samples')).toBe('402 quota_exhausted');
  });

  test('is not lost by what concerns only new subscribers, or those who pay nothing', async () => {
    await apply({ settings: { default_plan: 'free' } });
    const plans = [{ key: 'pro', name: 'Pro', price: base.plans![1].price, features: [] }];
    const { applied, losses } = await apply({ plans, settings: { default_plan: null } });
    expect([applied, losses.customers]).toEqual([true, 0]);
    expect(await check(paying.id, '/reports')).toBe('200');
  });
});

describe('all of it, or nothing', () => {
  const price = (amount: number) => ({ amount, currency: 'usd', interval: 'month' });
  const two = (name: string): Written => ({
    plans: [...base.plans!, { key: `${name}-a`, name: 'A', price: price(100) }, { key: `${name}-b`, name: 'B', price: price(200) }],
    route_policies: [...base.route_policies!, policy(`/${name}`, 'subscription')],
    settings: { renewal_notice_days: 1 },
  }); // prettier-ignore

  test.each<[string, object, string]>([
    ['an entry of a wrong type', { plans: [{ key: 'x', name: 1 }] }, '/configuration/plans/0/name'],
    ['a plan twice', { plans: [{ key: 'x', name: 'X' }, { key: 'x', name: 'Y' }] }, '/configuration/plans/1/key'],
    ['routes that tie', { route_policies: [policy('/a/:x', 'free'), policy('/a/:y', 'free')] }, '/configuration/route_policies/1/path'],
    ['a pool that is not there', { plans: [{ key: 'x', name: 'X', features: [{ feature: 'f', pool: { pool: 'p' } }] }] }, '/configuration/plans/0/features/0/pool/pool'],
    ['a default plan that is not there', { plans: [], settings: { default_plan: 'gone' } }, '/configuration/settings/default_plan'],
    ['what nobody knows', { plan: [] }, '/configuration/plan'],
    ['a pattern with a star inside', { route_policies: [policy('/*/*', 'free')] }, '/configuration/route_policies/0/path'],
  ])('%s: 422 that points at it', async (_, configuration, pointer) => {
    const before = await fingerprint();
    const { status, body } = await refused(configuration);
    expect([status, body.code, body.errors[0].pointer]).toEqual([422, 'validation_failed', pointer]);
    expect(await fingerprint()).toBe(before);
  }); // prettier-ignore

  test('what is known only by what runs: 422, 409', async () => {
    const gone = await refused({ settings: { default_plan: 'gone' } });
    expect([gone.status, gone.body.errors[0].pointer]).toEqual([
      422,
      '/configuration/settings/default_plan',
    ]);
    await apply({ settings: { default_plan: 'free' } });
    expect((await refused({ plans: [] })).body.code).toBe('plan_in_use');
  });

  test('where Stripe fails halfway nothing has happened, and the next apply does it once', async () => {
    const before = await running();
    await faults({ match: 'POST /v1/prices', hang_ms: 1, times: 1 }, { match: 'POST /v1/prices', status: 500 }); // prettier-ignore
    const failed = await refused(two('half'));
    expect([failed.status, failed.body.code]).toEqual([503, 'stripe_unavailable']);
    expect(await running()).toEqual(before);
    expect((await billing.operator('GET', '/plans/half-a')).status).toBe(404);
    await faults();
    expect((await apply(two('half'))).applied).toBe(true);
    for (const key of ['half-a', 'half-b']) {
      const { stripe_product_id: product, stripe_price_id: id } = await answer('GET', `/plans/${key}`);
      const { data } = await billing.stripe.prices.list({ product });
      expect(data.map((one) => one.id)).toEqual([id]);
    }
  }); // prettier-ignore

  test('a price that Stripe does not take: 422, and nothing has happened', async () => {
    const before = await running();
    await faults({ match: 'POST /v1/prices', status: 400, body: { error: { type: 'invalid_request_error', message: 'no' } } }); // prettier-ignore
    const { status, body } = await refused(two('bad'));
    expect([status, body.errors[0].pointer]).toEqual([422, '/configuration/plans/3/price']);
    expect(await running()).toEqual(before);
  });

  test('of two at once the second finds nothing to do', async () => {
    const answers = await Promise.all([refused(two('race')), refused(two('race'))]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ body }) => body.applied).sort()).toEqual([false, true]);
  });

  test('two that differ come one after the other: what runs is one of them, whole', async () => {
    const [a, b] = [two('one'), two('other')];
    const answers = await Promise.all([refused(a), refused(b)]);
    expect(answers.map(({ body }) => body.applied)).toEqual([true, true]);
    const left = await Promise.all([preview(a), preview(b)]);
    expect(left.map(({ changes }) => changes.length === 0).sort()).toEqual([false, true]);
  });

  test('made for something else than what runs by now: 409', async () => {
    const seen = await fingerprint();
    const answers = await Promise.all([refused(two('x'), { fingerprint: seen }), refused(two('y'), { fingerprint: seen })]);
    expect(answers.map(({ status, body }) => [status, body.code]).sort()).toEqual([[200, undefined], [409, 'configuration_changed']]);
    await answer('POST', '/route-policies', policy('/by-hand', 'key'));
    expect((await refused(base, { fingerprint: await fingerprint(), allow_loss: true })).status).toBe(200);
    expect((await refused(base, { fingerprint: seen })).body.code).toBe('configuration_changed');
  }); // prettier-ignore

  test('no check meets half of it: what changes together is read together', async () => {
    const either = (feature: string): Written => ({
      plans: [{ key: 'free', name: 'Free', features: [{ feature }] }, ...base.plans!.slice(1)],
      route_policies: [policy('/both', 'feature', { feature })],
    });
    await apply(either('one'), { allow_loss: true });
    let asked = 0;
    const query = async (...statement: [string, unknown[]]) => {
      // Whatever else is read after the first statement is read when all is another.
      asked += 1;
      if (asked > 1) await apply(either('two'), { allow_loss: true });
      return billing.ctx.pool.query(...statement);
    };
    const { book } = (await createRuleBook({ query } as any).refreshed())!;
    const route = matchRoute(book.table, { method: 'GET', segments: ['both'] });
    const granted = book.plans.byKey.get('free')!.features.map(({ feature }) => feature);
    expect([route?.feature, granted]).toEqual(['one', ['one']]);
  });

  test('while route policies, settings and plans are changed by hand, everybody gets an answer', async () => {
    const answers = await Promise.all([
      refused(two('busy'), { allow_loss: true }),
      billing.operator('POST', '/route-policies', policy('/hand', 'key')),
      billing.operator('PATCH', '/settings', { renewal_notice_days: 2 }),
      billing.operator('PATCH', '/plans/free', { description: 'By hand' }),
      billing.operator('POST', '/configuration/preview', { configuration: base }),
    ]);
    expect(answers.map(({ status }) => status).filter((status) => ![200, 201, 409].includes(status))).toEqual([]); // prettier-ignore
  });
});

test('only operators may see it or change it', async () => {
  const { call } = await billing.customer();
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/preview'],
    ['PUT', ''],
  ] as const) {
    expect((await call(method, `/configuration${path}`, method === 'GET' ? undefined : { configuration: {} })).status).toBe(403); // prettier-ignore
  }
});
