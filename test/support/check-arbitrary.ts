// Checks made up at random: plans, policies, customers in every state, keys, usage. Most are such that an answer is in
// the balance: a limit nearly full, an instant near its end.
import fc from 'fast-check';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import type { Check, RuleBook } from '../../src/domain/check.ts';
import { counterName, decideCheck, noUsage } from '../../src/domain/check.ts';
import type { CustomerFacts, KeyFacts } from '../../src/domain/entitlement.ts';
import type { Limit, PlanFacts } from '../../src/domain/plan.ts';
import type { RoutePolicy } from '../../src/domain/route-policy.ts';
import { buildRouteTable, routeShape } from '../../src/domain/route-policy.ts';

export const checkedAt = Date.parse('2026-06-15T12:34:56.789Z');
const hour = 3_600_000;
const day = 24 * hour;

const feature = fc.constantFrom('a', 'b', 'c');
const windowKind = fc.constantFrom('minute', 'hour', 'day', 'month', 'billing_period' as const);
const near = fc.integer({ min: -40 * 24, max: 40 * 24 }).map((hours) => checkedAt + hours * hour);
/** So often of a hundred; else null. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>, percent: number) =>
  fc.oneof({ weight: 100 - percent, arbitrary: fc.constant(null) }, { weight: percent, arbitrary });

const limits = fc.uniqueArray(
  fc.record<Limit>({
    window: windowKind,
    max: fc.integer({ min: 0, max: 50 }),
    on_exceed: fc.constantFrom('payment', 'wait'),
    overage: maybe(fc.record({ unit_amount_decimal: fc.constantFrom('5', '0.4', '0') }), 40),
  }),
  { maxLength: 3, selector: ({ window }) => window },
);
const ladder = fc
  .uniqueArray(
    fc.record({
      after_hours: fc.integer({ min: 0, max: 900 }),
      access: fc.constantFrom('full', 'warn', 'read_only', 'deny', 'cancel' as const),
    }),
    { maxLength: 5, selector: ({ after_hours }) => after_hours },
  )
  .map((steps) => steps.sort((x, y) => x.after_hours - y.after_hours));

const planOf = (key: string): fc.Arbitrary<PlanFacts> =>
  fc.record({
    versionId: fc.constant(`pv_${key}`),
    key: fc.constant(key),
    version: fc.integer({ min: 1, max: 9 }),
    name: fc.constant(key.toUpperCase()),
    price: maybe(
      fc.record({
        amount: fc.integer({ min: 1, max: 9_999 }),
        currency: fc.constant('eur'),
        interval: fc.constantFrom('month', 'year' as const),
      }),
      75,
    ),
    features: fc.uniqueArray(
      fc.record({
        feature,
        limits,
        pool: maybe(fc.record({ pool: fc.constant('pool'), cost: fc.integer({ min: 1, max: 4 }) }), 35), // prettier-ignore
      }),
      { minLength: 1, maxLength: 3, selector: (one) => one.feature },
    ),
    pools: limits.map((own) => [{ pool: 'pool', limits: own }]),
    ladder,
    offered: fc.boolean(),
  });

const path = fc
  .array(fc.constantFrom('v1', 'x', ':id'), { minLength: 1, maxLength: 3 })
  .chain((head) => fc.boolean().map((star) => `/${[...head, ...(star ? ['*'] : [])].join('/')}`));
const policies = fc
  .uniqueArray(
    fc.record({
      method: fc.constantFrom('*', 'GET', 'HEAD', 'POST', 'OPTIONS'),
      path,
      access: fc.constantFrom('free', 'key', 'subscription', 'feature', 'feature', 'feature', 'deny' as const), // prettier-ignore
      feature,
      cost: fc.integer({ min: 0, max: 6 }),
      readOnly: fc.boolean(),
    }),
    { maxLength: 8, selector: ({ method, path: of }) => `${method} ${routeShape(of)}` },
  )
  .map((found) =>
    found.map((one, at): RoutePolicy => ({
      ...one,
      id: `rp_${at}`,
      feature: one.access === 'feature' ? one.feature : null,
      whenDown: 'closed',
      maxStaleMs: 1_000,
    })),
  );

const planKeys = ['free', 'pro', 'max'];
const book: fc.Arbitrary<RuleBook> = fc
  .tuple(
    fc.tuple(...planKeys.map(planOf)),
    policies,
    fc.constantFrom('free', 'key', 'subscription', 'deny' as const),
    maybe(fc.constantFrom(...planKeys), 35),
  )
  .map(([plans, all, defaultAccess, defaultPlan]) => ({
    table: buildRouteTable(all),
    defaultAccess,
    defaultPlan,
    plans: {
      byVersion: new Map(plans.map((plan) => [plan.versionId, plan])),
      byKey: new Map(plans.map((plan) => [plan.key, plan])),
    },
  }));

const version = fc.constantFrom('pv_free', 'pv_pro', 'pv_max');
const status = fc.constantFrom(
  'active', 'active', 'active', 'trialing', 'past_due', 'past_due', 'unpaid', 'paused', 'incomplete', 'canceled',
  'incomplete_expired', 'something_new',
); // prettier-ignore
const subscription = (id: string): fc.Arbitrary<SubscriptionFacts> =>
  fc
    .record({
      planVersionId: maybe(version, 95),
      status,
      atStripe: fc.boolean(),
      anchor: maybe(near, 35),
      periodStart: fc.integer({ min: 1, max: 29 }).map((days) => checkedAt - days * day),
      trialEnd: maybe(near, 30),
      cancelAt: maybe(near, 30),
      endedAt: maybe(near, 30),
      pastDueSince: maybe(
        fc.integer({ min: 0, max: 900 }).map((late) => checkedAt - late * hour),
        80,
      ),
      collectionPaused: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      pausedAtTrialEnd: fc.boolean(),
      everPaid: fc.boolean(),
      takenBackUntil: maybe(near, 8),
      startedAt: fc.integer({ min: 30, max: 90 }).map((days) => checkedAt - days * day),
      pending: maybe(fc.record({ planVersionId: version, effectiveAt: near }), 15),
    })
    .map((one) => ({ ...one, id, periodEnd: one.periodStart + 30 * day }));

const customer: fc.Arbitrary<CustomerFacts> = fc
  .record({
    blocked: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    timezone: fc.constantFrom('UTC', 'Asia/Kathmandu', 'America/New_York'),
    spendCap: maybe(fc.integer({ min: 0, max: 60 }), 75),
    createdAt: fc.integer({ min: 1, max: 400 }).map((days) => checkedAt - days * day),
    first: maybe(subscription('sub_1'), 85),
    second: maybe(subscription('sub_2'), 25),
    overrides: fc.uniqueArray(
      fc.record({
        feature: fc.constantFrom('a', 'b', 'c', 'pool'),
        amount: fc.integer({ min: 0, max: 40 }),
        isExtra: fc.boolean(),
        expiresAt: maybe(near, 40),
      }),
      { maxLength: 2, selector: (one) => one.feature },
    ),
  })
  .map(({ first, second, overrides, ...about }) => ({
    ...about,
    id: 'cus_1',
    subscriptions: [first, second].filter((one) => one !== null),
    overrides: overrides.map(({ feature: of, amount, isExtra, expiresAt }) => ({
      feature: of,
      limit: isExtra ? null : amount,
      extra: isExtra ? amount : null,
      expiresAt,
    })),
  }));

const key: fc.Arbitrary<KeyFacts> = fc.record({
  id: fc.constant('key_1'),
  scopes: fc.constantFrom(['call'], ['call'], ['call'], ['call:a'], ['manage'], []),
  expiresAt: maybe(near, 40),
  revokedAt: maybe(fc.constant(checkedAt - day), 8),
  caps: fc.uniqueArray(
    fc.record({
      feature: fc.constantFrom('a', 'b', 'pool'),
      window: windowKind,
      max: fc.integer({ min: 0, max: 30 }),
    }),
    { maxLength: 2, selector: (cap) => `${cap.feature} ${cap.window}` },
  ),
});

const known = fc.record({ customer, key: maybe(key, 80) });
const who = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('missing', 'unknown' as const) },
  { weight: 9, arbitrary: known },
);

const asked: fc.Arbitrary<Check['asked']> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ feature, cost: fc.integer({ min: 0, max: 12 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      origin: fc.record({
        method: fc.constantFrom('GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'BREW'),
        segments: fc.array(fc.constantFrom('v1', 'x', 'other'), { minLength: 1, maxLength: 4 }),
      }),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ origin: 'missing' as const }, { origin: 'ambiguous' as const }) }, // prettier-ignore
);

/** Counters of the limits that the call meets, filled to somewhere around their end. */
function withUsage(bare: Check, fills: number[], spent: number): Check {
  const { limits } = decideCheck(bare);
  const counts = new Map(
    limits.map((limit, at) => {
      const used = Math.max(0, limit.max + (fills[at % fills.length] ?? 0));
      return [counterName(limit), { used, held: at % 3 }];
    }),
  );
  const soft = limits.find(({ spend }) => spend)?.spend;
  const spends = new Map(soft ? [[soft.start, BigInt(spent) * 10n ** 8n]] : []);
  return { ...bare, usage: { counts, spent: spends } };
}

export const anyCheck: fc.Arbitrary<Check> = fc
  .record({
    bare: fc.record({ asked, book, who, usage: fc.constant(noUsage), now: fc.constant(checkedAt) }),
    fills: fc.array(fc.integer({ min: -50, max: 12 }), { minLength: 1, maxLength: 4 }),
    spent: fc.integer({ min: 0, max: 700 }),
  })
  .map(({ bare, fills, spent }) => withUsage(bare, fills, spent));
