// Which end of a subscription is told to its customer, and which is not.
import { expect, test } from '@jest/globals';
import { endingNotice } from '../../src/domain/ending.ts';

const end = new Date('2026-12-01T00:00:00Z');
const paid = {
  status: 'canceled', stripe_subscription_id: 'sub_1', trial_end: null, ended_at: end, ever_paid: true,
  paused_at_trial_end: false,
}; // prettier-ignore
const onTrial = { ...paid, trial_end: end, ever_paid: false };

test.each([
  ['canceled', 'subscription.canceled', 'active', paid, 'subscription_canceled'],
  ['with its trial, never paid', 'subscription.canceled', 'trialing', onTrial, 'trial_ended'],
  ['during its trial', 'subscription.canceled', 'trialing', { ...onTrial, ended_at: new Date(0) }, 'subscription_canceled'],
  ['after a trial that was followed by payments', 'subscription.canceled', 'active', { ...onTrial, ever_paid: true }, 'subscription_canceled'],
  ['paused at the end of its trial', 'subscription.paused', 'trialing', { ...onTrial, status: 'paused', paused_at_trial_end: true }, 'trial_ended'],
  ['paused otherwise', 'subscription.paused', 'active', { ...paid, status: 'active' }, null],
  ['unpaid: dunning tells it', 'subscription.canceled', 'past_due', paid, null],
  ['free', 'subscription.canceled', 'active', { ...paid, stripe_subscription_id: null }, null],
  ['not at its end', 'subscription.updated', 'active', paid, null],
] as const)('%s', (_what, type, before, after, notice) => {
  expect(endingNotice(type, { status: before }, after)).toBe(notice);
}); // prettier-ignore
