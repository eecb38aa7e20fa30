// How long what a customer stands on stays: against the decision made anew at instants in between.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import type { CustomerFacts, Plans } from '../../src/domain/entitlement.ts';
import { footingOf } from '../../src/domain/entitlement.ts';
import { footingHoldsUntil } from '../../src/domain/footing.ts';
import type { PlanFacts } from '../../src/domain/plan.ts';
import { defaultLadder } from '../../src/domain/plan.ts';

const hour = 3_600_000;
const t = Date.parse('2026-06-15T12:00:00Z');
const seed = Number(process.env['FOOTING_SEED'] ?? Date.now() % 2 ** 31);

const plan = (key: string, price: PlanFacts['price']): PlanFacts => ({
  ...{ versionId: `pv_${key}`, key, version: 1, name: key, price, features: [], pools: [] },
  ...{ ladder: defaultLadder, offered: true },
});
const all = [
  plan('free', null),
  plan('pro', { amount: 2_000, currency: 'eur', interval: 'month' }),
  { ...plan('steep', null), ladder: [{ after_hours: 2, access: 'deny' as const }] },
];
const plans: Plans = {
  byVersion: new Map(all.map((one) => [one.versionId, one])),
  byKey: new Map(all.map((one) => [one.key, one])),
};

/** Few instants, so that they meet: hours around `t`, and now and then a month away. */
const instant = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -60, max: 60 }).map((hours) => t + hours * hour) },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }).map((n) => t + n * 720 * hour + 1) },
);
const maybe = fc.option(instant, { nil: null });
const version = fc.constantFrom('pv_free', 'pv_pro', 'pv_steep', 'pv_gone');
const subscription: fc.Arbitrary<SubscriptionFacts> = fc.record({
  id: fc.constantFrom('sub_1', 'sub_2'),
  planVersionId: fc.option(version, { nil: null }),
  status: fc.constantFrom(
    ...['trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete'],
    ...['incomplete_expired', 'canceled', 'new_at_stripe'],
  ),
  atStripe: fc.boolean(),
  anchor: maybe,
  periodStart: maybe,
  periodEnd: maybe,
  trialEnd: maybe,
  cancelAt: maybe,
  endedAt: maybe,
  pastDueSince: maybe,
  collectionPaused: fc.boolean(),
  pausedAtTrialEnd: fc.boolean(),
  everPaid: fc.boolean(),
  takenBackUntil: maybe,
  startedAt: instant,
  pending: fc.option(fc.record({ planVersionId: version, effectiveAt: instant }), { nil: null }),
});
const override = fc.record({
  feature: fc.constant('reports'),
  limit: fc.constant(5),
  extra: fc.constant(null),
  expiresAt: maybe,
});
const customer: fc.Arbitrary<CustomerFacts> = fc.record({
  id: fc.constant('cus_1'),
  blocked: fc.constant(false),
  timezone: fc.constant('UTC'),
  spendCap: fc.constant(null),
  createdAt: instant,
  subscriptions: fc.array(subscription, { maxLength: 3 }),
  overrides: fc.array(override, { maxLength: 2 }),
});

test(`a footing stays as it is until the instant that is named, seed ${seed}`, () => {
  const later = fc.oneof(
    fc.nat(80 * 60).map((minutes) => minutes * 60_000),
    fc.nat(3_000 * hour),
  );
  const defaultPlan = fc.constantFrom(null, 'free');
  let changed = 0;
  fc.assert(
    fc.property(customer, defaultPlan, instant, fc.array(later), (facts, fallback, now, after) => {
      const footing = footingOf(facts, plans, fallback, now);
      const until = footingHoldsUntil(facts, footing, now);
      expect(until).toBeGreaterThan(now);
      const instants = after.map((ms) => now + ms).filter((at) => at < until);
      // The last instant before, which is where forgetting one shows.
      if (until < Infinity) instants.push(until - 1);
      for (const at of instants) expect(footingOf(facts, plans, fallback, at)).toEqual(footing);
      if (until < Infinity) {
        const next = footingOf(facts, plans, fallback, until);
        if (JSON.stringify(next) !== JSON.stringify(footing)) changed += 1;
      }
    }),
    { seed, numRuns: 4_000 },
  );
  // The instants named are those at which something happens, more often than not.
  expect(changed).toBeGreaterThan(400);
});
