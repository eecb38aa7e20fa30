// Overrides as arithmetic: which limits they apply to, how several come together, and their last instant.
import { describe, expect, test } from '@jest/globals';
import { noOverrides, withOverrides } from '../../src/domain/override.ts';
import type { Override } from '../../src/domain/override.ts';
import type { Limit, PlanFacts } from '../../src/domain/plan.ts';

const limit = (
  window: Limit['window'],
  max: number,
  on_exceed: Limit['on_exceed'] = 'payment',
) => ({
  window,
  max,
  on_exceed,
  overage: null,
});
const plan: PlanFacts = {
  versionId: 'pv_1',
  key: 'pro',
  version: 1,
  name: 'Pro',
  price: null,
  ladder: [],
  offered: true,
  pools: [
    { pool: 'credits', limits: [limit('month', 100)] },
    { pool: 'lanes', limits: [limit('minute', 10, 'wait')] },
  ],
  features: [
    { feature: 'both', limits: [limit('month', 5), limit('minute', 3, 'wait')] },
    { feature: 'slow', limits: [limit('minute', 3, 'wait')] },
    { feature: 'pooled', limits: [limit('minute', 3, 'wait')], pool: { pool: 'credits', cost: 2 } },
    { feature: 'own', limits: [limit('day', 7)], pool: { pool: 'credits', cost: 1 } },
    { feature: 'lane', limits: [], pool: { pool: 'lanes', cost: 1 } },
    { feature: 'crossing', limits: [limit('hour', 4, 'wait')], pool: { pool: 'lanes', cost: 1 } },
    { feature: 'open', limits: [] },
  ],
};
const override = (feature: string, change: Partial<Override>): Override => ({
  feature,
  limit: null,
  extra: null,
  expiresAt: null,
  ...change,
});

/** Every limit of the plan, in one line each, where it is another than before. */
function changed(...overrides: Override[]): string[] {
  const lines = (of: PlanFacts) => [
    ...of.features.flatMap(({ feature, limits }) =>
      limits.map(({ window, max }) => `${feature} ${window} ${max}`),
    ),
    ...of.pools.flatMap(({ pool, limits }) =>
      limits.map(({ window, max }) => `${pool} ${window} ${max}`),
    ),
  ];
  const before = lines(plan);
  return lines(withOverrides(plan, overrides, 0)).filter((line) => !before.includes(line));
}

test.each([
  ['both', { limit: 9 }, ['both month 9']],
  ['both', { extra: 9 }, ['both month 14']],
  ['slow', { extra: 1 }, ['slow minute 4']],
  ['pooled', { extra: 1 }, ['credits month 101']],
  ['own', { extra: 1 }, ['own day 8']],
  ['lane', { limit: 1 }, ['lanes minute 1']],
  ['crossing', { limit: 1 }, ['crossing hour 1']],
  ['credits', { limit: 0 }, ['credits month 0']],
  ['open', { extra: 1 }, []],
  ['open', { limit: 1 }, ['open billing_period 1']],
  ['new', { limit: 1 }, ['new billing_period 1']],
  ['new', { extra: 2 }, ['new billing_period 2']],
  ['both', { extra: Number.MAX_SAFE_INTEGER }, [`both month ${Number.MAX_SAFE_INTEGER}`]],
] as const)('%s %j: %j', (feature, change, lines) => {
  expect(changed(override(feature, change))).toEqual(lines);
});

test('several come together, the plan itself stays as it was', () => {
  const before = structuredClone(plan);
  expect(changed(override('both', { limit: 9 }), override('pooled', { extra: 1 }), override('credits', { extra: 1 }))).toEqual(['both month 9', 'credits month 102']); // prettier-ignore
  expect(plan).toEqual(before);
});

test('with none, it is the very plan', () => {
  expect(withOverrides(plan, noOverrides, 0)).toBe(plan);
});

describe('the last instant', () => {
  test.each([
    [-1, 9],
    [0, 5],
    [1, 5],
  ])('%d ms from it, max is %d', (ms, max) => {
    const ending = [override('both', { limit: 9, expiresAt: 1_000 })];
    const [both] = withOverrides(plan, ending, 1_000 + ms).features;
    expect(both!.limits[0]!.max).toBe(max);
  });
});
