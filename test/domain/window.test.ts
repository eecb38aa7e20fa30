// Windows of limits: bounds in any timezone, months that clamp, periods that follow each other.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addMonths, monthlyPeriodAt, windowAt } from '../../src/domain/window.ts';

const at = (text: string): number => Date.parse(text);
const show = ({ start, end }: { start: number; end: number }) => [
  new Date(start).toISOString(),
  new Date(end).toISOString(),
];
const noPeriod = { start: 0, end: 0 };
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Pacific/Apia',
  'Australia/Lord_Howe',
];

describe('a window', () => {
  test.each([
    [
      'minute',
      'UTC',
      '2026-03-29T01:30:30Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-29T01:31:00.000Z',
    ],
    [
      'hour',
      'Asia/Kolkata',
      '2026-01-01T00:10:00Z',
      '2025-12-31T23:30:00.000Z',
      '2026-01-01T00:30:00.000Z',
    ],
    ['day', 'UTC', '2026-03-29T12:00:00Z', '2026-03-29T00:00:00.000Z', '2026-03-30T00:00:00.000Z'],
    // The day on which Berlin's clocks go forward has 23 hours, the one on which they go back 25.
    [
      'day',
      'Europe/Berlin',
      '2026-03-29T12:00:00Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      'day',
      'Europe/Berlin',
      '2026-10-25T12:00:00Z',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ],
    [
      'month',
      'America/New_York',
      '2026-03-31T12:00:00Z',
      '2026-03-01T05:00:00.000Z',
      '2026-04-01T04:00:00.000Z',
    ],
    // Santiago's clocks go forward at midnight: the day begins at 01:00.
    [
      'day',
      'America/Santiago',
      '2026-09-06T12:00:00Z',
      '2026-09-06T04:00:00.000Z',
      '2026-09-07T03:00:00.000Z',
    ],
  ] as const)('of a %s in %s at %s is [%s, %s)', (kind, zone, now, start, end) => {
    expect(show(windowAt(kind, at(now), zone, noPeriod))).toEqual([start, end]);
  });

  test('holds its instant, and the next one begins where it ends', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('minute', 'hour', 'day', 'month'),
        fc.constantFrom(...zones),
        fc.integer({ min: at('2015-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') }),
        (kind, zone, now) => {
          const window = windowAt(kind, now, zone, noPeriod);
          expect(window.start).toBeLessThanOrEqual(now);
          expect(window.end).toBeGreaterThan(now);
          expect(windowAt(kind as 'day', window.start, zone, noPeriod).start).toBe(window.start);
          if (kind === 'day' || kind === 'month') {
            expect(windowAt(kind, window.end, zone, noPeriod).start).toBe(window.end);
            expect(windowAt(kind, window.end - 1, zone, noPeriod)).toEqual(window);
          }
        },
      ),
    );
  });
});

describe('months', () => {
  test.each([
    ['2026-01-31T10:00:00Z', 1, '2026-02-28T10:00:00.000Z'],
    ['2026-01-31T10:00:00Z', 2, '2026-03-31T10:00:00.000Z'],
    ['2028-01-31T10:00:00Z', 1, '2028-02-29T10:00:00.000Z'],
    ['2026-11-30T00:00:00Z', 3, '2027-02-28T00:00:00.000Z'],
  ])(
    '%s plus %d is %s: clamped to the last day, and back where there is one',
    (from, count, to) => {
      expect(new Date(addMonths(at(from), count)).toISOString()).toBe(to);
    },
  );

  test('a period holds its instant and ends where the next begins', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2026-01-01T00:00:00Z') }),
        fc.nat(4 * 365 * 86_400_000),
        (anchor, later) => {
          const period = monthlyPeriodAt(anchor, anchor + later);
          expect(period.start).toBeLessThanOrEqual(anchor + later);
          expect(period.end).toBeGreaterThan(anchor + later);
          expect(monthlyPeriodAt(anchor, period.end).start).toBe(period.end);
          expect(monthlyPeriodAt(anchor, period.end - 1)).toEqual(period);
        },
      ),
    );
  });
});
