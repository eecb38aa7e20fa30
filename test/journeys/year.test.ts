// A year of one subscription, from its trial to its end: every event, notice and change of access, each at its time,
// and nothing else. Both clocks are moved; nothing is waited for.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let billing: Billing;
let customer: Awaited<ReturnType<Billing['customer']>>;
let path: string;
let seenEvents = 0n;
let seenNotices = '';
beforeAll(async () => {
  billing = await startBilling({ worker: false });
  customer = await billing.customer('pm_card_visa');
});
afterAll(() => billing.close());

const read = async () => (await customer.call('GET', path)).body;
const at = (text: string, ms = 0) => new Date(Date.parse(text) + ms);

/** What was told since the last look: events and notices, each with what makes it this one. */
async function news(): Promise<string[]> {
  const events = await billing.ctx.db.event.findMany({
    where: { customer_id: customer.id, sequence: { gt: seenEvents } },
    orderBy: { sequence: 'asc' },
  });
  const notices = await billing.ctx.db.notice.findMany({
    where: { customer_id: customer.id, id: { gt: seenNotices } },
    orderBy: { id: 'asc' },
  });
  seenEvents = events.at(-1)?.sequence ?? seenEvents;
  seenNotices = notices.at(-1)?.id ?? seenNotices;
  const now = billing.ctx.now().getTime();
  for (const row of [...events, ...notices]) {
    // Told at the instant that was moved to, not some time after it.
    expect(now - row.at.getTime()).toBeLessThan(10 * 60_000);
  }
  return [
    ...events.map(({ type, data }) =>
      type === 'entitlement.changed' ? `access ${accessOf(data)}` : type,
    ),
    ...notices.map(({ kind }) => `notice ${kind}`),
  ].toSorted();
}
const accessOf = (data: any) => `${data.access}${data.plan ? ` on ${data.plan}` : ''}`;

const moveTo = (instant: Date) => billing.moveTo(instant);
/** Everything that follows, until nothing more does. */
async function settled(): Promise<string[]> {
  for (let round = 0; round < 2; round += 1) {
    await billing.delivered();
    await billing.runJobs();
  }
  return news();
}

/** What the customer or the clock does, and when the clock is moved to for it. */
const steps: [what: string, act: () => Promise<unknown>][] = [
  ['subscribes, with a trial', subscribe],
  ['a week before the trial ends', async () => moveTo(at((await read()).trial_end, -7 * dayMs))],
  ['a minute before the trial ends', async () => moveTo(at((await read()).trial_end, -60_000))],
  ['the trial has ended', async () => moveTo(at((await read()).trial_end, 2 * hourMs))],
  ['moves up', () => customer.call('PATCH', path, { plan: 'scale' })],
  ['a week before the renewal', () => moveToPeriodEnd(-7 * dayMs)],
  ['the renewal', () => moveToPeriodEnd(2 * hourMs)],
  ['another card, which fails', () => billing.setCard(customer.id, 'pm_card_chargeCustomerFail')],
  ['a week before a renewal again', () => moveToPeriodEnd(-7 * dayMs)],
  ['the renewal that fails', () => moveToPeriodEnd(2 * hourMs)],
  ['72 hours late', () => moveToLate(72)],
  ['168 hours late', () => moveToLate(168)],
  ['336 hours late', () => moveToLate(336)],
  ['a card that pays', () => billing.setCard(customer.id, 'pm_card_visa')],
  ['is to move down', () => customer.call('PATCH', path, { plan: 'pro', effective: 'period_end' })],
  ['the end of that period', () => moveToPeriodEnd(2 * hourMs)],
  ['a week before the next renewal', () => moveToPeriodEnd(-7 * dayMs)],
  ['the next renewal', () => moveToPeriodEnd(2 * hourMs)],
  ['is to end', () => customer.call('PUT', `${path}/cancellation`, { effective: 'period_end' })],
  ['a minute before the end', async () => moveTo(at((await read()).cancel_at, -60_000))],
  ['the end', async () => moveTo(at((await read()).cancel_at))],
  ['sixty days after', async () => moveTo(at((await read()).cancel_at, 60 * dayMs))],
];

/** What is told of each, in alphabetical order. `access` is the whole state that `entitlement.changed` carries. */
const expected: Record<string, string[]> = {
  'subscribes, with a trial': [
    // Waits for Stripe's word for a moment, and then has it.
    'access deny on trial', 'access full on trial', 'subscription.created', 'subscription.updated',
  ],
  'a week before the trial ends': ['notice trial_ending'],
  'a minute before the trial ends': [],
  'the trial has ended': ['access full on trial', 'payment.succeeded', 'subscription.activated'],
  'moves up': ['access full on scale', 'payment.succeeded', 'subscription.updated'],
  'a week before the renewal': ['notice renewal_upcoming'],
  'the renewal': ['payment.succeeded', 'subscription.renewed'],
  'another card, which fails': [],
  'a week before a renewal again': ['notice renewal_upcoming'],
  'the renewal that fails': [
    'access full on scale', 'notice payment_failed', 'payment.failed', 'subscription.past_due',
  ],
  '72 hours late': ['access warn on scale', 'notice payment_past_due', 'payment.failed'],
  '168 hours late': ['access read_only on scale', 'notice access_read_only', 'payment.failed'],
  '336 hours late': ['access deny on scale', 'notice access_denied', 'payment.failed'],
  'a card that pays': [
    'access full on scale', 'notice payment_recovered', 'payment.succeeded', 'subscription.recovered',
  ],
  'is to move down': ['subscription.updated'],
  'the end of that period': ['access full on pro', 'payment.succeeded', 'subscription.renewed'],
  'a week before the next renewal': ['notice renewal_upcoming'],
  'the next renewal': ['payment.succeeded', 'subscription.renewed'],
  'is to end': ['subscription.updated'],
  'a minute before the end': [],
  'the end': ['access deny on pro', 'notice subscription_canceled', 'subscription.canceled'],
  'sixty days after': [],
}; // prettier-ignore

async function subscribe(): Promise<void> {
  const made = await customer.call('POST', '/subscriptions', { plan: 'trial' });
  path = `/subscriptions/${made.body.id}`;
}
const moveToPeriodEnd = async (ms: number) => moveTo(at((await read()).current_period_end, ms));
const moveToLate = async (hours: number) =>
  moveTo(at((await read()).past_due_since, hours * hourMs));

test('every event, notice and change of access comes at its time, and nothing else', async () => {
  const told: Record<string, string[]> = {};
  for (const [what, act] of steps) {
    await act();
    told[what] = await settled();
  }
  expect(told).toEqual(expected);
  expect(await read()).toMatchObject({ status: 'canceled', plan: 'pro' });
}, 120_000);
