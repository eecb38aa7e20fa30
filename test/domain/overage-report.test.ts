// What becomes overage when, and which way a charge goes: tables, no IO.
import { describe, expect, test } from '@jest/globals';
import { affordable, costAtMost, lineAmount, softLimits } from '../../src/domain/overage.ts';
import { overageDue, unitsWithinCap, wayOf } from '../../src/domain/overage-report.ts';
import type { Billing, Counter, Term, Way } from '../../src/domain/overage-report.ts';

const hour = 3_600_000;
const day = 24 * hour;
const november = Date.UTC(2026, 10, 1);
const december = Date.UTC(2026, 11, 1);
const january = Date.UTC(2027, 0, 1);

const limit = (max: number, window: Counter['window'] = 'billing_period') => ({
  name: 'calls',
  window,
  max,
  unitAmountDecimal: '1.5',
});
const term = (more: Partial<Term> = {}): Term => ({
  since: november,
  until: null,
  versionId: 'small',
  periodStart: november,
  periodEnd: december,
  isTrial: false,
  closed: false,
  countedBefore: [],
  counted: [],
  ...more,
});
const counter = (used: number, window: Counter['window'] = 'billing_period', start = november) => ({
  name: 'calls',
  window,
  start,
  used,
});

type Given = {
  terms: Term[];
  counters: Counter[];
  now: number;
  limits?: Record<string, ReturnType<typeof limit>[]>;
  accounted?: number;
  timezone?: string;
};
const due = ({ terms, counters, now, limits, accounted = 0, timezone = 'UTC' }: Given) =>
  overageDue({
    terms,
    counters,
    now,
    timezone,
    limitsOf: (id) => (limits ?? { small: [limit(100)], big: [limit(1_000)] })[id] ?? [],
    accounted: () => accounted,
  }).due.map(({ term: of, units }) => [of.versionId, units]);

describe('what is beyond a limit', () => {
  test.each<[string, Given, [string, number][]]>([
    ['is due at the very end of its period', { terms: [term()], counters: [counter(150)], now: december }, [['small', 50]]],
    ['is not due a millisecond before', { terms: [term()], counters: [counter(150)], now: december - 1 }, []],
    ['is nothing at the limit itself', { terms: [term()], counters: [counter(100)], now: december }, []],
    ['is due for what is not on a charge yet', { terms: [term()], counters: [counter(150)], now: december, accounted: 30 }, [['small', 20]]],
    ['is not due twice', { terms: [term()], counters: [counter(150)], now: december, accounted: 50 }, []],
    [
      'is due for each window that ends in the term, by its own end',
      {
        terms: [term()],
        counters: [counter(12, 'day', november), counter(13, 'day', november + day), counter(99, 'day', november + 2 * day)],
        limits: { small: [limit(10, 'day')] },
        now: november + 2 * day,
      },
      [['small', 2], ['small', 3]],
    ],
    [
      'is due when a day ends where the customer lives',
      { terms: [term()], counters: [counter(12, 'day', november + 23 * hour)], limits: { small: [limit(10, 'day')] }, now: november + 46 * hour, timezone: 'Europe/Berlin' },
      [],
    ],
    [
      '… and not before',
      { terms: [term()], counters: [counter(12, 'day', november + 23 * hour)], limits: { small: [limit(10, 'day')] }, now: november + 47 * hour, timezone: 'Europe/Berlin' },
      [['small', 2]],
    ],
    [
      'is due at the old price when a smaller plan follows at the end of the period',
      {
        terms: [term({ versionId: 'big', until: december }), term({ since: december, periodStart: december, periodEnd: january })],
        counters: [counter(1_200), counter(90, 'billing_period', december)],
        now: december + hour,
      },
      [['big', 200]],
    ],
    [
      'is due as it stood when the plan was left in the middle, and the rest under the plan that followed',
      {
        terms: [
          term({ until: november + day, counted: [counter(150)] }),
          term({ since: november + day, versionId: 'big', countedBefore: [counter(150)] }),
        ],
        counters: [counter(1_300)],
        now: december,
      },
      [['small', 50], ['big', 300]],
    ],
    [
      'is not what was used under the plan before, which may have included it',
      {
        terms: [term({ since: november + day, countedBefore: [counter(900)] })],
        counters: [counter(950)],
        now: december,
      },
      [['small', 50]],
    ],
    [
      'is not what the plan still includes, whatever was used before',
      {
        terms: [term({ since: november + day, countedBefore: [counter(40)] })],
        counters: [counter(130)],
        now: december,
      },
      [['small', 30]],
    ],
    [
      'is due when a subscription ends in the middle of its windows',
      {
        terms: [term({ until: november + day, counted: [counter(150), counter(25, 'month')] })],
        counters: [counter(150)],
        limits: { small: [limit(100), limit(20, 'month')] },
        now: november + day,
      },
      [['small', 50], ['small', 5]],
    ],
    [
      'is not due again for a term that was closed, whatever is counted later in its windows',
      {
        terms: [
          term({ until: november + day, counted: [counter(25, 'month')], closed: true }),
          term({ since: november + day, versionId: 'none' }),
        ],
        counters: [counter(400, 'month')],
        limits: { small: [limit(20, 'month')] },
        now: december + hour,
      },
      [],
    ],
    [
      'is due at the end of the period also of windows that go on, as it stood then',
      {
        terms: [
          term({ periodStart: november + 14 * day, since: november + 14 * day, until: december + 14 * day, counted: [counter(25, 'month', december)] }),
          term({ periodStart: december + 14 * day, periodEnd: january + 14 * day, since: december + 14 * day }),
        ],
        counters: [counter(30, 'month', december)],
        limits: { small: [limit(20, 'month')] },
        now: december + 15 * day,
      },
      [['small', 5]],
    ],
  ])('%s', (_name, given, expected) => {
    expect(due(given)).toEqual(expected);
  }); // prettier-ignore

  test('is only what the plan sells: hard limits and free units are not', () => {
    const sold = softLimits({
      features: [
        { feature: 'a', limits: [{ window: 'day', max: 1, on_exceed: 'payment', overage: null }] },
        { feature: 'b', limits: [{ window: 'day', max: 1, on_exceed: 'payment', overage: { unit_amount_decimal: '0.000' } }] },
        { feature: 'c', limits: [{ window: 'day', max: 1, on_exceed: 'wait', overage: { unit_amount_decimal: '0.01' } }] },
      ],
      pools: [{ pool: 'p', limits: [{ window: 'month', max: 9, on_exceed: 'payment', overage: { unit_amount_decimal: '2' } }] }],
    }); // prettier-ignore
    expect(sold).toEqual([
      { name: 'c', window: 'day', max: 1, unitAmountDecimal: '0.01' },
      { name: 'p', window: 'month', max: 9, unitAmountDecimal: '2' },
    ]);
  });
});

describe('money', () => {
  test.each([
    [3, '0.5', 2n, 2n],
    [1, '0.4', 0n, 1n],
    [7, '0.000000000001', 0n, 1n],
    [2, '10', 20n, 20n],
    [9_007_199_254_740_991, '1.5', 13_510_798_882_111_487n, 13_510_798_882_111_487n],
  ])('%d units at %s are %s on a line, and at most %s', (units, unit, line, most) => {
    expect([lineAmount(units, unit), costAtMost(units, unit)]).toEqual([line, most]);
  });

  test.each([
    [100, '1.5', 30n, 20],
    [100, '1.5', 31n, 20],
    [100, '1.5', 1_000n, 100],
    [100, '0.3', 1n, 3],
    [100, '0.3', 0n, 0],
    [100, '0.3', -5n, 0],
  ])('of %d units at %s, %s minor units pay for %d', (units, unit, budget, bought) => {
    expect(affordable(units, unit, budget)).toBe(bought);
  });

  test('lines under a cap never add up to more than it, however they are rounded', () => {
    for (const unit of ['0.5', '0.3', '1.5', '0.999999999999', '33.333333333333']) {
      for (const max of [0n, 1n, 2n, 7n, 100n]) {
        let spent = 0n;
        let lines = 0n;
        for (const units of [1, 1, 3, 5, 1, 50]) {
          const within = unitsWithinCap({ units, unitAmountDecimal: unit }, { max, spent });
          spent += within.cost;
          lines += lineAmount(within.units, unit);
        }
        expect([unit, max, lines <= max]).toEqual([unit, max, true]);
      }
    }
  });
});

describe('a charge goes', () => {
  const running = { createdAt: november, periodStart: november, periodEnd: december };
  const renewed = { createdAt: november, periodStart: december, periodEnd: january };
  const billing: Billing = { isOver: false, item: null, nextInvoiceAt: january, draft: null };
  const draft = { id: 'in_1', finalizesAt: december + hour };
  const minute = 60_000;

  test.each<[string, Partial<Billing>, number, Way['to']]>([
    ['to the meter while Stripe is still in that period', { item: running, nextInvoiceAt: december }, december, 'meter'],
    ['to the meter while the invoice is a draft', { item: renewed, draft }, december + 10 * minute, 'meter'],
    ['to the meter while a draft stays one', { item: renewed, draft: { ...draft, finalizesAt: null } }, december + 9 * hour, 'meter'],
    ['onto the draft where the subscription was not metered', { draft }, december + 10 * minute, 'draft'],
    ['onto the draft where it was metered too late', { draft, item: { ...renewed, createdAt: december } }, december + minute, 'draft'],
    ['onto the draft where Stripe would count too late', { item: renewed, draft }, december + 56 * minute, 'draft'],
    ['to the next invoice where nothing can be put onto the draft any more', { item: renewed, draft }, december + 59.5 * minute, 'next'],
    ['to the next invoice where it has closed', { item: renewed }, december + 2 * hour, 'next'],
    ['to an invoice of its own where the next comes in a year', { item: renewed, nextInvoiceAt: december + 365 * day }, december + 2 * hour, 'own'],
    ['to an invoice of its own where the subscription is over', { isOver: true, item: running }, december, 'own'],
    ['onto the last draft where the subscription is over', { isOver: true, draft }, december + minute, 'draft'],
  ])('%s', (_name, facts, now, to) => {
    expect(wayOf({ periodEnd: december }, { ...billing, ...facts }, now).to).toBe(to);
  }); // prettier-ignore

  test('to the meter with an instant inside the period', () => {
    const way = wayOf(
      { periodEnd: december },
      { ...billing, item: renewed, draft },
      december + minute,
    );
    expect(way).toMatchObject({ to: 'meter', at: december - 1_000 });
  });
});
