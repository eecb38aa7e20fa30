// The ladder as a table: every step, at its boundary, one millisecond to either side; and who is told what.
import { describe, expect, test } from '@jest/globals';
import {
  dueAt,
  isHardDecline,
  noticeOf,
  retryDue,
  stepsDue,
  stepsOf,
} from '../../src/domain/dunning.ts';
import { defaultLadder } from '../../src/domain/plan.ts';

const hour = 3_600_000;
const since = Date.UTC(2026, 0, 31, 12);
const none = new Set<number>();
const hoursOf = (now: number, taken: ReadonlySet<number> = none) =>
  stepsDue(defaultLadder, since, now, taken).map(({ afterHours }) => afterHours);

describe('a step of the ladder', () => {
  for (const [at, step] of stepsOf(defaultLadder).entries()) {
    const due = dueAt(step, since);
    const before = stepsOf(defaultLadder)
      .slice(0, at)
      .map(({ afterHours }) => afterHours);
    test.each([
      [-1, before],
      [0, [...before, step.afterHours]],
      [1, [...before, step.afterHours]],
    ])(`at ${step.afterHours} h holds from its very instant on (%i ms)`, (ms, expected) => {
      expect(hoursOf(due + ms)).toEqual(expected);
    });
  }

  test('that was taken is not due again, whatever else is', () => {
    expect(hoursOf(since + 400 * hour, new Set([0, 72]))).toEqual([168, 336]);
    expect(hoursOf(since + 9_999 * hour, new Set([0, 72, 168, 336, 720]))).toEqual([]);
  });

  test('always begins with telling of the failed payment, also where a ladder starts later', () => {
    const late = [{ after_hours: 24, access: 'deny' as const }];
    expect(stepsOf(late)).toEqual([
      { afterHours: 0, access: 'full' },
      { afterHours: 24, access: 'deny' },
    ]);
    expect(stepsOf([])).toEqual([{ afterHours: 0, access: 'full' }]);
    expect(stepsDue(late, since, since, none)).toEqual([{ afterHours: 0, access: 'full' }]);
  });
});

describe('what is said', () => {
  test.each([
    ['full', 'generic_decline', false, 'payment_failed'],
    ['full', null, false, 'payment_failed'],
    ['full', 'stolen_card', false, 'payment_method_needed'],
    ['full', null, true, 'payment_action_required'],
    ['warn', 'stolen_card', false, 'payment_past_due'],
    ['read_only', null, true, 'access_read_only'],
    ['deny', null, false, 'access_denied'],
    ['cancel', null, false, 'subscription_canceled_unpaid'],
  ] as const)(
    'at %s after %s (waiting for the payer: %s) is %s',
    (access, declineCode, needsAction, notice) => {
      expect(noticeOf(access, { declineCode, needsAction })).toBe(notice);
    },
  );

  test('a decline that a later try may cure is not hard', () => {
    for (const code of ['insufficient_funds', 'generic_decline', 'do_not_honor', null])
      expect(isHardDecline(code)).toBe(false);
    for (const code of ['lost_card', 'stolen_card', 'authentication_required'])
      expect(isHardDecline(code)).toBe(true);
  });
});

describe('a retry of our own', () => {
  const hours = [72, 120, 168];
  test.each([
    [72 * hour - 1, [], null],
    [72 * hour, [], 72],
    [120 * hour - 1, [72], null],
    [120 * hour, [72], 120],
    // A worker that was away for days makes the latest one, not all of them.
    [500 * hour, [72], 168],
    [500 * hour, [72, 168], null],
  ])('%i ms after the payment was due, with %j made, is %j', (late, made, expected) => {
    expect(retryDue(hours, since, since + late, new Set(made))).toBe(expected);
  });
});
