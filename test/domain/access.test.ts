// The contract's access table, row by row, at each boundary instant.
import { describe, expect, test } from '@jest/globals';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import { decisiveSubscription, standing } from '../../src/domain/access.ts';
import { defaultLadder } from '../../src/domain/plan.ts';

const hour = 3_600_000;
const t = Date.parse('2026-06-01T00:00:00Z');
const subscription = (given: Partial<SubscriptionFacts>): SubscriptionFacts => ({
  id: 'sub_1',
  planVersionId: 'pv_1',
  status: 'active',
  atStripe: true,
  anchor: null,
  periodStart: t - 30 * 24 * hour,
  periodEnd: t,
  trialEnd: null,
  cancelAt: null,
  endedAt: null,
  pastDueSince: null,
  collectionPaused: false,
  pausedAtTrialEnd: false,
  everPaid: true,
  takenBackUntil: null,
  startedAt: t - 90 * 24 * hour,
  pending: null,
  ...given,
});
const worth = (given: Partial<SubscriptionFacts>, now: number): string => {
  const result = standing(subscription(given), defaultLadder, now);
  if (result.kind === 'live') return `${result.grade}${result.overdueNews ? ' and a re-read' : ''}`;
  return result.kind === 'denied' ? result.code : result.kind;
};

describe('what a subscription is worth', () => {
  test.each<[string, Partial<SubscriptionFacts>, number, string]>([
    ['active before its period ends', {}, t - 1, 'full'],
    ['active at its period end without news', {}, t, 'full and a re-read'],
    ['active a day later, still without news', {}, t + 24 * hour - 1, 'full and a re-read'],
    ['active from then on', {}, t + 24 * hour, 'unverifiable'],
    ['a free one, which waits for no news', { atStripe: false }, t + 900 * hour, 'full'],
    ['trialing', { status: 'trialing', trialEnd: t }, t - 1, 'full'],
    ['trialing past its end', { status: 'trialing', trialEnd: t }, t, 'full and a re-read'],
    ['trialing a day past', { status: 'trialing', trialEnd: t }, t + 24 * hour, 'unverifiable'],
    ['about to be canceled', { cancelAt: t }, t - 1, 'full'],
    ['canceled by the clock', { cancelAt: t }, t, 'subscription_canceled'],
    ['canceled by the clock one later', { cancelAt: t }, t + 1, 'subscription_canceled'],
    ['past due just now', { status: 'past_due', pastDueSince: t }, t, 'full'],
    ['before warn', { status: 'past_due', pastDueSince: t }, t + 72 * hour - 1, 'full'],
    ['at warn', { status: 'past_due', pastDueSince: t }, t + 72 * hour, 'warn'],
    ['before read_only', { status: 'past_due', pastDueSince: t }, t + 168 * hour - 1, 'warn'],
    ['at read_only', { status: 'past_due', pastDueSince: t }, t + 168 * hour, 'read_only'],
    ['before deny', { status: 'past_due', pastDueSince: t }, t + 336 * hour - 1, 'read_only'],
    ['at deny', { status: 'past_due', pastDueSince: t }, t + 336 * hour, 'payment_past_due'],
    ['at cancel', { status: 'past_due', pastDueSince: t }, t + 720 * hour, 'payment_past_due'],
    ['past due since nobody knows when', { status: 'past_due' }, t, 'full'],
    ['unpaid', { status: 'unpaid' }, t, 'payment_past_due'],
    ['paused by somebody', { status: 'paused' }, t, 'subscription_paused'],
    ["paused at the trial's end", { status: 'paused', pausedAtTrialEnd: true }, t, 'trial_ended'],
    ['with collection paused', { collectionPaused: true }, t - 1, 'subscription_paused'],
    ['incomplete', { status: 'incomplete' }, t, 'payment_incomplete'],
    ['never completed', { status: 'incomplete_expired' }, t, 'no_subscription'],
    ['canceled', { status: 'canceled', endedAt: t }, t, 'subscription_canceled'],
    [
      'canceled at the trial end, unpaid',
      { status: 'canceled', trialEnd: t, endedAt: t, everPaid: false },
      t,
      'trial_ended',
    ],
    [
      'canceled at the trial end, but paid once',
      { status: 'canceled', trialEnd: t, endedAt: t },
      t,
      'subscription_canceled',
    ],
    [
      'canceled weeks after its trial',
      { status: 'canceled', trialEnd: t, endedAt: t + 400 * hour, everPaid: false },
      t + 500 * hour,
      'subscription_canceled',
    ],
    ['in a status nobody knows', { status: 'hibernating' }, t, 'unverifiable'],
    ['in a status named like a method', { status: 'constructor' }, t, 'unverifiable'],
  ])('%s', (_name, given, now, expected) => expect(worth(given, now)).toBe(expected));
});

describe('of several subscriptions', () => {
  const decides = (...given: Partial<SubscriptionFacts>[]) =>
    decisiveSubscription(given.map(subscription), t - 1)?.id;
  test.each<[string, Partial<SubscriptionFacts>[], string | undefined]>([
    ['none decides where there is none', [], undefined],
    [
      'the oldest live one decides',
      [
        { id: 'young', startedAt: 2 },
        { id: 'old', startedAt: 1 },
      ],
      'old',
    ],
    [
      'an incomplete one does not, however old',
      [
        { id: 'i', status: 'incomplete', startedAt: 1 },
        { id: 'live', startedAt: 2 },
      ],
      'live',
    ],
    [
      'an incomplete one does, where nothing is live',
      [
        { id: 'i', status: 'incomplete' },
        { id: 'c', status: 'canceled', endedAt: 1 },
      ],
      'i',
    ],
    [
      'one that is over by the clock does not',
      [
        { id: 'over', cancelAt: t - 2, startedAt: 1 },
        { id: 'live', startedAt: 2 },
      ],
      'live',
    ],
    [
      'the one that ended last tells why',
      [
        { id: 'first', status: 'canceled', endedAt: 1 },
        { id: 'last', status: 'canceled', endedAt: 2 },
      ],
      'last',
    ],
    [
      'an expired attempt tells less than one that was',
      [
        { id: 'x', status: 'incomplete_expired', endedAt: 9 },
        { id: 'was', status: 'canceled', endedAt: 2 },
      ],
      'was',
    ],
    [
      'a past due one stays live and decides',
      [
        { id: 'due', status: 'past_due', startedAt: 1 },
        { id: 'new', startedAt: 2 },
      ],
      'due',
    ],
  ])('%s', (_name, given, expected) => expect(decides(...given)).toBe(expected));
});

test('of two that began in the same second, the row that was there first decides', () => {
  const ours = subscription({ id: 'sub_1', startedAt: t + 700 });
  const stripes = subscription({ id: 'sub_2', startedAt: t });
  expect(decisiveSubscription([stripes, ours], t + 5_000)?.id).toBe('sub_1');
  expect(decisiveSubscription([ours, stripes], t + 5_000)?.id).toBe('sub_1');
});

test.each([
  [-1, 'payment_past_due'],
  [0, 'full'],
  [1, 'full'],
])(
  '%d ms from the end of a period that was refunded in full, where a refund denies',
  (ms, what) => {
    const given = { takenBackUntil: t, periodEnd: t + 30 * 24 * hour };
    expect(worth(given, t + ms)).toBe(what);
  },
);
