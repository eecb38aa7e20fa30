// The decision itself: order of the reasons, plans that change at an instant, default plans, periods, offers.
import { describe, expect, test } from '@jest/globals';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import type { CustomerFacts, KeyFacts, Need, Plans } from '../../src/domain/entitlement.ts';
import { decide, decideUnidentified, footingOf } from '../../src/domain/entitlement.ts';
import { decimalPlaces, formatMoney } from '../../src/domain/money.ts';
import { betterPlan, describeOffer } from '../../src/domain/offer.ts';
import type { PlanFacts, Price } from '../../src/domain/plan.ts';
import { defaultLadder } from '../../src/domain/plan.ts';

const hour = 3_600_000;
const t = Date.parse('2026-06-15T12:00:00Z');

const limit = (max: number) =>
  ({ window: 'month', max, on_exceed: 'payment', overage: null }) as const;
const plan = (
  key: string,
  price: Price | null,
  features: Record<string, number | null>,
): PlanFacts => ({
  versionId: `pv_${key}`,
  key,
  version: 1,
  name: key.toUpperCase(),
  price,
  features: Object.entries(features).map(([feature, max]) => ({
    feature,
    limits: max === null ? [] : [limit(max)],
    pool: null,
  })),
  pools: [],
  ladder: defaultLadder,
  offered: true,
});
const eur = (amount: number, interval: Price['interval'] = 'month'): Price => ({
  amount,
  currency: 'eur',
  interval,
});
const all = [
  plan('free', null, { a: 10 }),
  plan('pro', eur(2_000), { a: 100, b: null }),
  plan('scale', eur(9_900), { a: 1_000, b: null, c: null }),
  plan('yearly', eur(90_000, 'year'), { a: 1_000, c: null }),
];
const plans: Plans = {
  byVersion: new Map(all.map((one) => [one.versionId, one])),
  byKey: new Map(all.map((one) => [one.key, one])),
};
const subscription = (given: Partial<SubscriptionFacts> = {}): SubscriptionFacts => ({
  id: 'sub_1',
  planVersionId: 'pv_pro',
  status: 'active',
  atStripe: true,
  anchor: null,
  periodStart: t - 300 * hour,
  periodEnd: t + 300 * hour,
  trialEnd: null,
  cancelAt: null,
  endedAt: null,
  pastDueSince: null,
  collectionPaused: false,
  pausedAtTrialEnd: false,
  everPaid: true,
  takenBackUntil: null,
  startedAt: t - 900 * hour,
  pending: null,
  ...given,
});
const customer = (...subscriptions: SubscriptionFacts[]): CustomerFacts => ({
  id: 'cus_1',
  blocked: false,
  timezone: 'UTC',
  spendCap: null,
  overrides: [],
  createdAt: Date.parse('2026-01-31T00:00:00Z'),
  subscriptions,
});
const key = (given: Partial<KeyFacts> = {}): KeyFacts => ({
  id: 'key_1',
  scopes: ['call'],
  expiresAt: null,
  revokedAt: null,
  caps: [],
  ...given,
});
const need = (given: Partial<Need> = {}): Need => ({
  access: 'feature',
  feature: 'a',
  cost: 1,
  readOnly: false,
  ...given,
});

type Given = {
  who?: CustomerFacts;
  key?: KeyFacts | null;
  need?: Partial<Need>;
  defaultPlan?: string;
  now?: number;
};
function decided(given: Given): string {
  const verdict = decide(
    {
      customer: given.who ?? customer(subscription()),
      key: given.key === undefined ? key() : given.key,
      plans,
      defaultPlan: given.defaultPlan ?? null,
    },
    need(given.need),
    given.now ?? t,
  );
  return verdict.allowed ? `200 ${verdict.plan ?? '-'} ${verdict.grade}` : verdict.code;
}

describe('the order of the reasons', () => {
  const blocked = { ...customer(), blocked: true };
  test.each<[string, Given, string]>([
    [
      'a free route asks nothing',
      { who: blocked, key: key({ revokedAt: 1 }), need: { access: 'free' } },
      '200 - full',
    ],
    ['a closed one nothing either', { need: { access: 'deny' } }, 'route_denied'],
    ['a revoked key before its scope', { key: key({ revokedAt: 1, scopes: [] }) }, 'key_invalid'],
    ['an expired key, at the instant', { key: key({ expiresAt: t }) }, 'key_invalid'],
    ['not a moment before', { key: key({ expiresAt: t + 1 }) }, '200 pro full'],
    ['scope before blocked', { who: blocked, key: key({ scopes: ['call:b'] }) }, 'key_scope'],
    ['blocked before the subscription', { who: blocked }, 'customer_blocked'],
    [
      'the subscription before the feature',
      { who: customer(), need: { feature: 'zzz' } },
      'no_subscription',
    ],
    ['the feature', { need: { feature: 'c' } }, 'feature_not_in_plan'],
    ['a feature named like a method', { need: { feature: 'constructor' } }, 'feature_not_in_plan'],
    [
      'a key route needs no subscription',
      { who: customer(), need: { access: 'key', feature: null } },
      '200 - full',
    ],
    [
      'a subscription route no feature',
      { need: { access: 'subscription', feature: null } },
      '200 pro full',
    ],
    ['without a key, for a customer that the gateway names', { key: null }, '200 pro full'],
  ])('%s', (_name, given, expected) => expect(decided(given)).toBe(expected));

  test('without a customer only free and closed routes can be told', () => {
    const of = (access: Need['access']) => {
      const verdict = decideUnidentified(need({ access }), 'key_missing');
      return verdict.allowed ? 200 : verdict.code;
    };
    expect((['free', 'deny', 'key', 'subscription', 'feature'] as const).map(of)).toEqual([
      200,
      'route_denied',
      'key_missing',
      'key_missing',
      'key_missing',
    ]);
  });
});

describe('a change that is due', () => {
  const down = subscription({
    pending: { planVersionId: 'pv_free', effectiveAt: t },
    cancelAt: t,
    periodEnd: t,
  });
  const smaller = subscription({
    planVersionId: 'pv_scale',
    pending: { planVersionId: 'pv_pro', effectiveAt: t },
    periodEnd: t,
  });

  test.each<[string, SubscriptionFacts, number, string]>([
    ['serves the old plan before its instant', down, t - 1, '200 pro full'],
    ['from paid to free serves the free plan from that instant on', down, t, '200 free full'],
    ['and goes on doing so without news from Stripe', down, t + 900 * hour, '200 free full'],
    ['to a smaller plan holds at its instant', smaller, t, '200 pro full'],
    ['and not before', smaller, t - 1, '200 scale full'],
    [
      'and is not vouched for without news for more than a day',
      smaller,
      t + 24 * hour,
      'unverifiable',
    ],
  ])('%s', (_name, given, now, expected) => {
    expect(decided({ who: customer(given), now })).toBe(expected);
  });
});

describe('the default plan', () => {
  test.each<[string, SubscriptionFacts[], string]>([
    ['serves who never had one', [], '200 free full'],
    [
      'serves after the end',
      [subscription({ status: 'canceled', endedAt: t - 1 })],
      '200 free full',
    ],
    [
      'serves while a first payment is incomplete',
      [subscription({ status: 'incomplete' })],
      '200 free full',
    ],
    ['does not forgive what is owed', [subscription({ status: 'unpaid' })], 'payment_past_due'],
    ['does not undo a pause', [subscription({ status: 'paused' })], 'subscription_paused'],
    [
      'does not stand in for what nobody can tell',
      [subscription({ status: 'new_status' })],
      'unverifiable',
    ],
    [
      'stands in for a price nobody knows',
      [subscription({ planVersionId: null })],
      '200 free full',
    ],
  ])('%s', (_name, subscriptions, expected) => {
    expect(decided({ who: customer(...subscriptions), defaultPlan: 'free' })).toBe(expected);
  });

  test('that is unknown serves nobody', () => {
    expect(decided({ who: customer(), defaultPlan: 'gone' })).toBe('no_subscription');
  });
});

describe('the billing period', () => {
  const of = (who: CustomerFacts, now: number, defaultPlan: string | null = null) => {
    const { period } = footingOf(who, plans, defaultPlan, now);
    return [new Date(period.start).toISOString(), new Date(period.end).toISOString()];
  };
  test("is Stripe's, and follows it without a gap while its news is missing", () => {
    const mine = subscription({ periodStart: t - 720 * hour, periodEnd: t });
    expect(of(customer(mine), t - 1)[1]).toBe(new Date(t).toISOString());
    expect(of(customer(mine), t)[0]).toBe(new Date(t).toISOString());
  });
  test("is counted from a free subscription's beginning, and without one from the customer's", () => {
    const free = subscription({
      atStripe: false,
      planVersionId: 'pv_free',
      anchor: Date.parse('2026-03-31T00:00:00Z'),
      periodStart: null,
      periodEnd: null,
    });
    expect(of(customer(free), t)).toEqual(['2026-05-31T00:00:00.000Z', '2026-06-30T00:00:00.000Z']);
    expect(of(customer(), t, 'free')).toEqual([
      '2026-05-31T00:00:00.000Z',
      '2026-06-30T00:00:00.000Z',
    ]);
  });
});

describe('what would help', () => {
  const full = (max: number) => ({ window: 'month', max, scope: 'feature' }) as never;
  test('is the cheapest offered plan with the feature, by the month', () => {
    expect(betterPlan(plans, all[1]!, 'c', null)?.key).toBe('yearly');
    expect(betterPlan(plans, all[0]!, 'b', null)?.key).toBe('pro');
    expect(betterPlan(plans, all[0]!, 'nothing', null)).toBeNull();
  });
  test('lifts the limit that is full, or is no help', () => {
    expect(betterPlan(plans, all[1]!, 'a', full(100))?.key).toBe('yearly');
    expect(betterPlan(plans, all[2]!, 'a', full(1_000))).toBeNull();
  });
  test('is named with its price, in the steps of its currency', () => {
    expect(describeOffer(all[3]!)).toBe('YEARLY, 900.00 EUR a year');
    expect(describeOffer(all[0]!)).toBe('FREE, free of charge');
    expect([
      formatMoney(1_234, 'jpy'),
      formatMoney(1_230, 'kwd'),
      formatMoney(5, 'usd'),
      formatMoney(-250, 'eur'),
    ]).toEqual(['1234 JPY', '1.230 KWD', '0.05 USD', '-2.50 EUR']);
    expect(decimalPlaces('krw')).toBe(0);
  });
});
