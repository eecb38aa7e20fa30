// Which counters a unit goes to, in which period, and what overage costs: tables, no IO.
import { describe, expect, test } from '@jest/globals';
import type { Situation } from '../../src/domain/limit.ts';
import { countedIn, exceededCode, limitChecks, periodHolding } from '../../src/domain/limit.ts';
import { ceilingOf, spendMax, spendPrice } from '../../src/domain/overage.ts';
import type { Limit } from '../../src/domain/plan.ts';

const at = (text: string) => Date.parse(text);
const limit = (window: Limit['window'], max: number, more: Partial<Limit> = {}): Limit => ({
  window,
  max,
  on_exceed: 'payment',
  overage: null,
  ...more,
});
const situation: Situation = {
  customer: { timezone: 'UTC', spendCap: 100 },
  key: {
    id: 'key_1',
    caps: [
      { feature: 'credits', window: 'day', max: 5 },
      { feature: 'other', window: 'day', max: 5 },
    ],
  },
  period: { start: at('2027-01-15T00:00Z'), end: at('2027-02-15T00:00Z') },
  now: at('2027-01-20T10:11:12Z'),
};

describe('the counters of a feature', () => {
  test('are its own, its pool’s and its key’s, those that money cures first', () => {
    const feature = {
      feature: 'images',
      limits: [limit('minute', 3, { on_exceed: 'wait' }), limit('billing_period', 50)],
      pool: { pool: 'credits', cost: 4 },
    };
    const pools = [{ pool: 'credits', limits: [limit('month', 80)] }];
    const checks = limitChecks(feature, pools, situation);
    expect(checks.map((one) => [one.counter, one.window, one.weight, one.scope])).toEqual([
      ['images', 'billing_period', 1, 'feature'],
      ['credits', 'month', 4, 'pool'],
      ['images', 'minute', 1, 'feature'],
      ['key_1/credits', 'day', 4, 'key'],
    ]);
    expect(checks.map(exceededCode)).toEqual([
      'quota_exhausted',
      'quota_exhausted',
      'rate_limited',
      'rate_limited',
    ]);
    expect(checks[0]).toMatchObject(situation.period);
  });

  test('without a limit, a grant or a plan are the month and the billing period, and deny nothing', () => {
    const plan = { features: [{ feature: 'open', limits: [] }], pools: [] };
    for (const [feature, of] of [['open', plan], ['unknown', plan], ['open', null]] as const) {
      const checks = countedIn(feature, of, situation);
      expect(checks.map((one) => [one.counter, one.window, one.ceiling])).toEqual([
        [feature, 'month', null],
        [feature, 'billing_period', null],
      ]);
    } // prettier-ignore
  });
});

describe('the billing period of an earlier time', () => {
  const period = (start: string, end: string) => ({ start: at(start), end: at(end) });
  const current = period('2027-03-31T08:00Z', '2027-04-30T08:00Z');
  test.each([
    ['its first instant', '2027-03-31T08:00Z', null, current],
    ['now', '2027-04-20T00:00Z', null, current],
    ['the instant before it', '2027-03-31T07:59:59Z', null, period('2027-02-28T08:00Z', '2027-03-31T08:00Z')],
    ['two periods ago', '2027-02-01T00:00Z', null, period('2027-01-28T08:00Z', '2027-02-28T08:00Z')],
    ['a period that was counted in', '2027-03-20T00:00Z', '2027-03-10T12:00Z', period('2027-03-10T12:00Z', '2027-03-31T08:00Z')],
    ['long after one that was counted in', '2027-03-20T00:00Z', '2026-05-01T00:00Z', period('2027-02-28T08:00Z', '2027-03-31T08:00Z')],
  ])('%s', (_, instant, counted, expected) => {
    expect(periodHolding(current, at(instant), counted === null ? null : at(counted))).toEqual(expected);
  }); // prettier-ignore

  test('of a yearly plan is a year earlier', () => {
    const year = period('2027-02-28T00:00Z', '2028-02-28T00:00Z');
    expect(periodHolding(year, at('2027-02-27T00:00Z'), null)).toEqual(
      period('2026-02-28T00:00Z', '2027-02-28T00:00Z'),
    );
  });
});

describe('what overage costs', () => {
  test.each([
    ['2', '2000000000.000'],
    ['0.5', '500000000.000'],
    ['0.000015', '15000.000'],
    ['0.000000000001', '0.001'],
    ['123456789012.123456789012', '123456789012123456789.012'],
  ])('%s minor units are %s billionths', (price, expected) => {
    expect(spendPrice(price)).toBe(expected);
  });

  test('caps are whole billionths, and end where counting money ends', () => {
    expect(spendMax(null)).toBeNull();
    expect(spendMax(0)).toBe('0');
    expect(spendMax(20)).toBe('20000000000');
    expect(spendMax(Number.MAX_SAFE_INTEGER)).toBe('2000000000000000000');
  });

  test('the units of one limit never go beyond what the cap buys', () => {
    const soft = (price: string) => limit('month', 10, { overage: { unit_amount_decimal: price } });
    expect(ceilingOf(soft('3'), 20)).toBe(16);
    expect(ceilingOf(soft('3'), null)).toBeNull();
    expect(ceilingOf(soft('0'), 20)).toBeNull();
    expect(ceilingOf(soft('0.000000000001'), Number.MAX_SAFE_INTEGER)).toBe(
      Number.MAX_SAFE_INTEGER,
    );
    expect(
      exceededCode({ ...limitChecks({ feature: 'f', limits: [soft('3')] }, [], situation)[0]! }),
    ).toBe('spend_cap_reached');
  });
});
