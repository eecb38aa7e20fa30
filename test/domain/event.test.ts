// Which event a change of a subscription is, and when time alone may change access: tables.
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import { nextAccessChange } from '../../src/domain/access-state.ts';
import type { Plans } from '../../src/domain/entitlement.ts';
import type { SubscriptionState } from '../../src/domain/event.ts';
import { eventTypes, subscriptionEvent } from '../../src/domain/event.ts';
import { noticeKinds } from '../../src/domain/notice.ts';
import { defaultLadder } from '../../src/domain/plan.ts';

const at = (day: number) => new Date(Date.UTC(2026, 0, day));
const base: SubscriptionState = {
  status: 'active', plan_version_id: 'pv_1', quantity: 1, anchor: null, current_period_start: at(1),
  current_period_end: at(31), trial_end: null, cancel_at: null, canceled_at: null, past_due_since: null,
  collection_paused: false, pending_plan_version_id: null, pending_quantity: null, pending_effective_at: null,
  pending_reason: null, checkout_url: null, stripe_subscription_id: 'sub_1',
}; // prettier-ignore
type Part = Partial<SubscriptionState>;
const nextPeriod: Part = { current_period_start: at(31), current_period_end: at(60) };

describe('the event of a change', () => {
  test.each<[string, Part, Part, string | null]>([
    ['nothing', {}, {}, null],
    ['the same instant in another object', {}, { current_period_end: at(31) }, null],
    ['a trial that is paid for', { status: 'trialing' }, {}, 'subscription.activated'],
    ['a first payment', { status: 'incomplete' }, {}, 'subscription.activated'],
    ['a first payment that never came', { status: 'incomplete' }, { status: 'incomplete_expired' }, 'subscription.expired'],
    ['a new period', {}, nextPeriod, 'subscription.renewed'],
    ['a new period that is not paid', {}, { ...nextPeriod, status: 'past_due', past_due_since: at(31) }, 'subscription.past_due'],
    ['from late to unpaid', { status: 'past_due' }, { status: 'unpaid' }, 'subscription.past_due'],
    ['paid at last', { status: 'past_due', past_due_since: at(2) }, {}, 'subscription.recovered'],
    ['paid at last, from unpaid', { status: 'unpaid' }, {}, 'subscription.recovered'],
    ['paused by us', {}, { collection_paused: true }, 'subscription.paused'],
    ['paused by Stripe', { status: 'trialing' }, { status: 'paused' }, 'subscription.paused'],
    ['collection paused where Stripe has paused all', { status: 'paused' }, { status: 'paused', collection_paused: true }, null],
    ['resumed', { collection_paused: true }, {}, 'subscription.resumed'],
    ['over', {}, { status: 'canceled' }, 'subscription.canceled'],
    ['over while late', { status: 'past_due' }, { status: 'canceled' }, 'subscription.canceled'],
    ['over while paused', { collection_paused: true }, { status: 'canceled' }, 'subscription.canceled'],
    ['another plan', {}, { plan_version_id: 'pv_2' }, 'subscription.updated'],
    ['another quantity', {}, { quantity: 2 }, 'subscription.updated'],
    ['an end that is planned', {}, { cancel_at: at(31) }, 'subscription.updated'],
    ['an upgrade from free to paid', { stripe_subscription_id: null, anchor: at(1) }, nextPeriod, 'subscription.updated'],
  ])('%s', (_what, before, after, type) => {
    expect(subscriptionEvent({ ...base, ...before }, { ...base, ...after })).toBe(type);
  }); // prettier-ignore

  test('a row that is new is created, whatever it says', () => {
    for (const status of ['active', 'incomplete', 'trialing', 'past_due']) {
      expect(subscriptionEvent(null, { ...base, status })).toBe('subscription.created');
    }
  });

  test('is a type of the closed list', () => {
    expect(Object.keys(eventTypes)).toContain(subscriptionEvent(base, { ...base, quantity: 3 }));
  });
});

test.each([
  ['webhooks.md', Object.keys(eventTypes)],
  ['notices.md', Object.keys(noticeKinds)],
])('docs/%s names everything there is', (file, names) => {
  const text = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

describe('the next instant at which time alone may change access', () => {
  const hour = 3_600_000;
  const plans = {
    byVersion: new Map([
      ['pv_1', { ladder: defaultLadder }],
      ['pv_strict', { ladder: [{ after_hours: 5, access: 'deny' }] }],
    ]),
  } as unknown as Pick<Plans, 'byVersion'>;
  const facts = (part: Partial<SubscriptionFacts>) =>
    ({ planVersionId: 'pv_1', status: 'active', cancelAt: null, pending: null, pastDueSince: null, endedAt: null, takenBackUntil: null, ...part }) as SubscriptionFacts; // prettier-ignore
  const next = (part: Partial<SubscriptionFacts>, now: number, expiresAt: number | null = null) =>
    nextAccessChange(
      {
        subscriptions: [facts(part)],
        overrides: expiresAt === null ? [] : [{ expiresAt } as never],
      },
      plans,
      now,
    );

  test.each<[string, Partial<SubscriptionFacts>, number, number | null]>([
    ['none, where nothing is planned', {}, 0, null],
    ['the planned end', { cancelAt: 5 * hour }, 0, 5 * hour],
    ['none, once it has come', { cancelAt: 5 * hour }, 5 * hour, null],
    ['a planned change before the end', { cancelAt: 9 * hour, pending: { planVersionId: 'pv_2', effectiveAt: 4 * hour } }, 0, 4 * hour],
    ['the first step of the ladder', { status: 'past_due', pastDueSince: 0 }, 0, 72 * hour],
    ['the step after the one that holds', { status: 'past_due', pastDueSince: 0 }, 72 * hour, 168 * hour],
    ['a step of the plan that a due change leads to', { status: 'past_due', pastDueSince: 0, pending: { planVersionId: 'pv_strict', effectiveAt: 2 * hour } }, 3 * hour, 5 * hour],
    ['the end of what was paid back', { takenBackUntil: 5 * hour }, 0, 5 * hour],
    ['none after the last step', { status: 'past_due', pastDueSince: 0 }, 720 * hour, null],
  ])('%s', (_what, part, now, expected) => {
    expect(next(part, now)).toBe(expected);
  }); // prettier-ignore

  test('is the end of an override where that comes first', () => {
    expect(next({ cancelAt: 5 * hour }, 0, 2 * hour)).toBe(2 * hour);
  });
});
