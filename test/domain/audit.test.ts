// The rules of the configuration's audit, over facts alone: routes against every call there is, plans, Stripe's answers,
// the order, the bound, and the table in docs/audit.md.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type Stripe from 'stripe';
import { auditConfiguration, findingsMax } from '../../src/domain/audit/audit.ts';
import type { AuditedConfiguration } from '../../src/domain/audit/audit.ts';
import { findingKinds } from '../../src/domain/audit/finding.ts';
import type { AuditedPlan } from '../../src/domain/audit/plan.ts';
import { auditFreeRoutes } from '../../src/domain/audit/route.ts';
import { defaultLadder } from '../../src/domain/plan.ts';
import type { Limit } from '../../src/domain/plan.ts';
import { buildRouteTable, matchRoute, routeShape } from '../../src/domain/route-policy.ts';
import type { Access, RoutePolicy } from '../../src/domain/route-policy.ts';
import { neededEvents, rootObject } from '../../src/domain/stripe-event.ts';

const url = 'https://billing.example.com/webhooks/stripe';
const price = { amount: 100, currency: 'usd', interval: 'month' } as const;

function facts(changes: Partial<AuditedConfiguration> = {}): AuditedConfiguration {
  return {
    policies: [],
    freeRoutes: [],
    plans: [],
    choices: {
      defaultPlan: null,
      defaultLadder,
      paymentRetries: 'stripe',
      paymentRetryHours: [],
    },
    prices: [],
    webhook: { url, endpoints: [{ url, enabled: true, events: ['*'] }] },
    manageKeys: [],
    cutShort: [],
    ...changes,
  };
}

function plan(key: string, changes: Partial<AuditedPlan['current'] & AuditedPlan> = {}) {
  const { price = null, features = [], pools = [], ladder = defaultLadder, ...rest } = changes;
  const current = { price, features, pools, ladder };
  return { key, public: true, archived: false, subscribers: 0, kept: [], current, ...rest };
}

function policy(line: string, access: Access): RoutePolicy {
  const [method, path] = line.split(' ') as [string, string];
  const needed = { feature: access === 'feature' ? 'f' : null, cost: 1, readOnly: false };
  return { id: line, method, path, access, ...needed, whenDown: 'closed', maxStaleMs: 0 };
}

const limit = (window: Limit['window'], max: number, overage: Limit['overage'] = null): Limit => ({
  window,
  max,
  on_exceed: 'payment',
  overage,
});

const codes = (changes: Partial<AuditedConfiguration>) =>
  auditConfiguration(facts(changes)).map(({ code, subject }) => `${code} ${subject}`);

test('nothing configured, nothing found', () => expect(codes({})).toEqual([]));

describe('free routes', () => {
  const auditAll = (policies: RoutePolicy[]) => [...auditFreeRoutes(policies)].flat();

  test.each<[string, [string, Access][], string[]]>([
    ['apart', [['GET /a', 'free'], ['GET /b', 'subscription']], []],
    ['a star that is less specific takes nothing', [['GET /a', 'free'], ['* /*', 'subscription']], []],
    ['a literal beats the parameter before it', [['GET /:v/health', 'free'], ['* /v1/*', 'feature']], ['free_route_shadowed']],
    ['so does one that only needs a key', [['GET /:v/health', 'free'], ['* /v1/*', 'key']], ['free_route_shadowed']],
    ['but OPTIONS is of no star', [['OPTIONS /:v/health', 'free'], ['* /v1/*', 'feature']], []],
    ['HEAD, where it is named', [['GET /a', 'free'], ['HEAD /a', 'subscription']], ['free_route_excepted']],
    ['an exception', [['* /a/*', 'free'], ['POST /a/b', 'subscription']], ['free_route_excepted']],
    ['a closed exception costs nothing', [['* /a/*', 'free'], ['POST /a/b', 'deny']], []],
    ['two exceptions are one finding', [['* /a/*', 'free'], ['* /a/b', 'feature'], ['* /a/c', 'feature']], ['free_route_excepted']],
    ['an exception given back', [['GET /:v/health', 'free'], ['* /v1/:x', 'feature'], ['* /v1/health', 'free']], []],
    ['all its calls are others’', [['GET /a/*', 'free'], ['* /a/', 'feature'], ['* /a/:x', 'feature'], ['* /a/:x/*', 'feature']], ['free_route_unreachable']],
    ['all its calls are free ones’', [['GET /a/*', 'free'], ['* /a/', 'free'], ['* /a/:x', 'free'], ['* /a/:x/*', 'free']], []],
  ])('%s', (_name, lines, expected) => {
    const found = auditAll(lines.map(([line, access]) => policy(line, access)));
    expect(found.map(({ code }) => code)).toEqual(expected);
  }); // prettier-ignore

  test('the call that is taken and who takes it are named', () => {
    const found = auditAll([policy('GET /:v/health', 'free'), policy('* /v1/*', 'feature')]);
    expect(found[0]).toMatchObject({
      subject: 'GET /:v/health',
      detail: 'GET /v1/health is decided by * /v1/* (feature).',
    });
  });

  const segment = fc.constantFrom('a', 'b', ':p');
  const paths = fc
    .tuple(fc.array(segment, { maxLength: 2 }), fc.constantFrom('a', 'b', ':p', '*', ''))
    .map(([head, last]) => `/${[...head, last].join('/')}`);
  const lines = fc.tuple(
    fc.constantFrom('*', 'GET', 'HEAD', 'OPTIONS', 'POST'),
    paths,
    fc.constantFrom<Access>('free', 'subscription'),
  );
  const books = fc
    .uniqueArray(lines, {
      maxLength: 7,
      selector: ([method, path]) => `${method} ${routeShape(path)}`,
    })
    .map((all) => all.map(([method, path, access]) => policy(`${method} ${path}`, access)));

  /** Every path of up to four segments: longer ones meet only stars that shorter ones have met. */
  const calls = (() => {
    let heads: string[][] = [[]];
    const all: string[][] = [];
    for (let length = 1; length <= 4; length += 1) {
      all.push(...heads.flatMap((head) => ['a', 'b', 'z', ''].map((last) => [...head, last])));
      heads = heads.flatMap((head) => ['a', 'b', 'z'].map((next) => [...head, next]));
    }
    return ['GET', 'HEAD', 'OPTIONS', 'POST', 'BREW'].flatMap((method) =>
      all.map((segments) => ({ method, segments })),
    );
  })();

  test('a finding exactly where a call that reads as free costs, against every call there is', () => {
    fc.assert(
      fc.property(books, (policies) => {
        const table = buildRouteTable(policies);
        const found = auditAll(policies);
        for (const free of policies.filter(({ access }) => access === 'free')) {
          const alone = buildRouteTable([free]);
          const own = calls.filter((call) => matchRoute(alone, call));
          const deciders = own.map((call) => matchRoute(table, call)!);
          const taken = deciders.some(({ access }) => access !== 'free');
          const said = found.filter(({ subject }) => subject === free.id).map(({ code }) => code);
          expect({ policy: free.id, said: said.length > 0 }).toEqual({
            policy: free.id,
            said: taken,
          });
          expect(said.includes('free_route_unreachable')).toBe(taken && !deciders.includes(free));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('plans', () => {
  const pro = plan('pro', { price, features: [{ feature: 'f', limits: [] }] });
  test.each<[string, Partial<AuditedConfiguration>, string[]]>([
    ['a feature only a former version grants', { policies: [policy('GET /f', 'feature')], plans: [plan('old', { archived: true, kept: ['f'] })] }, []],
    ['a feature only an archived plan granted', { policies: [policy('GET /f', 'feature')], plans: [{ ...pro, archived: true }] }, ['feature_without_plan f']],
    ['a plan for nobody', { plans: [plan('x', { public: false })] }, ['plan_unreachable x']],
    ['a plan made for somebody', { plans: [plan('x', { public: false, subscribers: 1 })] }, []],
    ['an archived plan without a version', { plans: [plan('x', { archived: true, current: null })] }, []],
    ['a default plan that is not there', { choices: { ...facts().choices, defaultPlan: 'x' } }, ['default_plan_missing x']],
    ['a default plan that is archived', { plans: [plan('x', { archived: true })], choices: { ...facts().choices, defaultPlan: 'x' } }, ['default_plan_missing x']],
    ['a default plan that is not public', { plans: [plan('x', { public: false })], choices: { ...facts().choices, defaultPlan: 'x' } }, []],
    ['sold and given away', { policies: [policy('GET /f', 'feature')], plans: [pro, plan('free', { features: [{ feature: 'f', limits: [] }] })] }, ['paid_feature_in_free_plan free']],
    ['given away with a limit', { policies: [policy('GET /f', 'feature')], plans: [pro, plan('free', { features: [{ feature: 'f', limits: [limit('day', 5)] }] })] }, []],
    ['given away and not sold', { policies: [policy('GET /f', 'feature')], plans: [plan('free', { features: [{ feature: 'f', limits: [] }] })] }, []],
    ['a paid plan as the default gives too', { policies: [policy('GET /f', 'feature')], plans: [pro, { ...pro, key: 'max' }], choices: { ...facts().choices, defaultPlan: 'pro' } }, ['paid_feature_in_free_plan pro']],
    ['more a day than a month', { plans: [plan('x', { features: [{ feature: 'f', limits: [limit('month', 9), limit('day', 10)] }] })] }, ['limits_contradict x']],
    ['as much a day as a month', { plans: [plan('x', { features: [{ feature: 'f', limits: [limit('month', 10), limit('day', 10)] }] })] }, []],
    ['more a day than a month, where more is sold', { plans: [plan('x', { features: [{ feature: 'f', limits: [limit('month', 9, { unit_amount_decimal: '1' }), limit('day', 10)] }] })] }, []],
    ['more a month than a billing period, which lie apart', { plans: [plan('x', { features: [{ feature: 'f', limits: [limit('month', 10), limit('billing_period', 9)] }] })] }, []],
    ['a pool', { plans: [plan('x', { pools: [{ pool: 'p', limits: [limit('minute', 10), limit('billing_period', 9)] }] })] }, ['limits_contradict x']],
    ['denied at once', { plans: [plan('x', { price, ladder: [{ after_hours: 0, access: 'deny' }] })] }, ['ladder_denies_unannounced x']],
    ['denied at once, where nobody pays', { plans: [plan('x', { ladder: [{ after_hours: 0, access: 'deny' }] })] }, []],
    ['a later first step is told of before', { plans: [plan('x', { price, ladder: [{ after_hours: 1, access: 'deny' }] })] }, []],
    ['denied with the last retry', { plans: [plan('x', { price, ladder: [{ after_hours: 336, access: 'deny' }] })] }, []],
    ['denied after the last retry', { plans: [plan('x', { price, ladder: [{ after_hours: 337, access: 'cancel' }] })] }, ['ladder_outlives_retries x']],
    ['never denied', { plans: [plan('x', { price, ladder: [{ after_hours: 0, access: 'warn' }] })] }, ['ladder_outlives_retries x']],
    ['own retries that go on longer', { plans: [plan('x', { price, ladder: [{ after_hours: 400, access: 'deny' }] })], choices: { ...facts().choices, paymentRetries: 'tollgate', paymentRetryHours: [24, 400] } }, []],
  ])('%s', (_name, changes, expected) => expect(codes(changes)).toEqual(expected)); // prettier-ignore
});

describe('Stripe', () => {
  const asked = { plan: 'pro', id: 'price_1', product: 'prod_1', ours: price };
  const same = { ...price, active: true, product: 'prod_1' };
  test.each([
    ['the same', same, []],
    ['not heard', null, ['stripe_not_asked prices']],
    ['gone', 'gone' as const, ['price_gone pro']],
    ['inactive', { ...same, active: false }, ['price_inactive pro']],
    ['another amount', { ...same, amount: 1 }, ['price_changed pro']],
    ['another currency', { ...same, currency: 'eur' }, ['price_changed pro']],
    ['another interval', { ...same, interval: null }, ['price_changed pro']],
    ['another product', { ...same, product: 'prod_2' }, ['price_changed pro']],
  ])('a price that is %s', (_name, stripes, expected) =>
    expect(codes({ prices: [{ ...asked, stripes }] })).toEqual(expected),
  );

  test('two endpoints with our address complete each other, one that is off does not', () => {
    const [first, ...rest] = neededEvents;
    const half = { url, enabled: true, events: [first] };
    const other = { url, enabled: true, events: rest };
    expect(codes({ webhook: { url, endpoints: [half, other] } })).toEqual([]);
    const off = { ...other, enabled: false };
    expect(codes({ webhook: { url, endpoints: [half, off] } })).toEqual([
      `webhook_events_missing ${url}`,
    ]);
  });

  test('each event that is needed is one of Stripe’s and one that we read', () => {
    const known: readonly Stripe.WebhookEndpointCreateParams.EnabledEvent[] = neededEvents;
    const object = { id: 'x_1', object: 'customer', customer: 'cus_1', charge: 'ch_1' };
    for (const type of known) {
      expect({ type, root: rootObject({ type, object }) }).toEqual({
        type,
        root: expect.anything(),
      });
    }
  });
});

describe('the answer', () => {
  test('the gravest first, and the same whatever order the facts come in', () => {
    const manageKeys = ['key_2', 'key_1'].map((id) => ({ id, customerId: 'cus_1' }));
    const plans = [plan('x', { public: false }), plan('a', { current: null })];
    const webhook = { url, endpoints: [] };
    const expected = [
      `webhook_endpoint_missing ${url}`,
      'plan_without_version a',
      'manage_key_without_expiry key_1',
      'manage_key_without_expiry key_2',
      'plan_unreachable x',
      'audit_incomplete plans',
    ];
    const all = { webhook, manageKeys, plans, cutShort: ['plans'] };
    expect(codes(all)).toEqual(expected);
    const turned = { manageKeys: [...manageKeys].reverse(), plans: [...plans].reverse() };
    expect(codes({ ...all, ...turned })).toEqual(expected);
  });

  test('no more than its bound, and it says so', () => {
    const manageKeys = Array.from({ length: 600 }, (_, n) => ({ id: `key_${n}`, customerId: 'c' }));
    const found = auditConfiguration(facts({ manageKeys }));
    expect(found).toHaveLength(findingsMax);
    expect(found.at(-1)).toMatchObject({
      code: 'audit_incomplete',
      subject: 'findings',
      detail: '101 more findings are left out.',
    });
  });
});

test('docs/audit.md holds the table, row by row', () => {
  const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows).toEqual(
    Object.entries(findingKinds).map(
      ([code, { severity, why, mend }]) => `| \`${code}\` | ${severity} | ${why} | ${mend} |`,
    ),
  );
});
