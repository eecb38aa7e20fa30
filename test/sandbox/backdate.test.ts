// Subscriptions and schedules that began before they were made, computed by hand from
// https://docs.stripe.com/billing/subscriptions/backdating.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, errorOf, monthly, openStand, until, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

const unix = (date: string): number => Date.parse(`${date}T00:00:00Z`) / 1000;
const day = (at: number): string => new Date(at * 1000).toISOString().slice(0, 10);

/** A customer whose clock stands at the day, with a monthly price. */
const on = async (date: string, amount: number) => {
  const { id: test_clock } = await stripe.testHelpers.testClocks.create({
    frozen_time: unix(date),
  });
  const card = 'pm_card_visa';
  const customer = await stripe.customers.create({
    test_clock,
    payment_method: card,
    invoice_settings: { default_payment_method: card },
  });
  const { id: price } = await monthly(stripe, amount);
  const subscribe = (more: object) =>
    stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price }],
      expand: ['latest_invoice'],
      ...more,
    });
  return { customer, price, subscribe };
};

const seen = (subscription: Stripe.Subscription) => {
  const invoice = subscription.latest_invoice as Stripe.Invoice | null;
  const [item] = subscription.items.data;
  return {
    started: day(subscription.start_date),
    anchor: day(subscription.billing_cycle_anchor),
    period: [day(item!.current_period_start), day(item!.current_period_end)],
    lines: (invoice?.lines.data ?? [])
      .map(({ amount, period }) => [day(period.start), day(period.end), amount])
      .sort(),
  };
};

describe('time that has passed is charged by periods counted from the beginning', () => {
  test.each([
    ['2027-02-15', 2_800, 1_400], // 14 of the 28 days of 15 February to 15 March
    ['2027-02-22', 2_800, 700],
  ])('from %s to 1 March', async (since, amount, part) => {
    const { subscribe } = await on('2027-03-01', amount);
    expect(seen(await subscribe({ backdate_start_date: unix(since) }))).toEqual({
      started: since,
      anchor: '2027-03-01',
      period: ['2027-03-01', '2027-04-01'],
      lines: [
        [since, '2027-03-01', part],
        ['2027-03-01', '2027-04-01', amount],
      ],
    });
  });

  test('from 15 January to 1 February: 17 of 31 days', async () => {
    const { subscribe } = await on('2027-02-01', 3_100);
    const { lines } = seen(await subscribe({ backdate_start_date: unix('2027-01-15') }));
    expect(lines[0]).toEqual(['2027-01-15', '2027-02-01', 1_700]);
  });
});

describe('from 1 September, made on 15 October, next billed on 1 November', () => {
  const asked = {
    backdate_start_date: unix('2027-09-01'),
    billing_cycle_anchor: unix('2027-11-01'),
  };
  const about = {
    started: '2027-09-01',
    anchor: '2027-11-01',
    period: ['2027-10-01', '2027-11-01'],
  };

  test('flexible billing has a line for each natural period', async () => {
    const { subscribe } = await on('2027-10-15', 1_000);
    expect(seen(await subscribe(asked))).toEqual({
      ...about,
      lines: [
        ['2027-09-01', '2027-10-01', 1_000],
        ['2027-10-01', '2027-11-01', 1_000],
      ],
    });
  });

  test('classic billing has one line for all of it', async () => {
    const { subscribe } = await on('2027-10-15', 1_000);
    expect(seen(await subscribe({ ...asked, billing_mode: { type: 'classic' } }))).toEqual({
      ...about,
      lines: [['2027-09-01', '2027-11-01', 2_000]],
    });
  });

  test('without proration nothing is charged until then', async () => {
    const { subscribe } = await on('2027-10-15', 1_000);
    const none = await subscribe({ ...asked, proration_behavior: 'none' });
    expect(seen(none)).toEqual({ ...about, lines: [] });
    expect(none.status).toBe('active');
  });

  test('the next period is charged as any other', async () => {
    const { subscribe, customer } = await on('2027-10-15', 1_000);
    const { id } = await subscribe(asked);
    const clock = customer.test_clock as string;
    await stripe.testHelpers.testClocks.advance(clock, { frozen_time: unix('2027-11-02') });
    await until(
      async () => (await stripe.testHelpers.testClocks.retrieve(clock)).status === 'ready',
    );
    const after = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] });
    expect(seen(after)).toMatchObject({
      period: ['2027-11-01', '2027-12-01'],
      lines: [['2027-11-01', '2027-12-01', 1_000]],
    });
  });
});

test('without an anchor and without proration only what lies ahead is charged', async () => {
  const { subscribe } = await on('2027-03-01', 2_800);
  const made = await subscribe({
    backdate_start_date: unix('2027-02-15'),
    proration_behavior: 'none',
  });
  expect(seen(made)).toMatchObject({
    started: '2027-02-15',
    lines: [['2027-03-01', '2027-04-01', 2_800]],
  });
});

test('a beginning to come, or one that makes too many lines, is refused', async () => {
  const { subscribe, customer } = await on('2027-03-01', 2_800);
  const param = 'backdate_start_date';
  expect(await errorOf(subscribe({ [param]: unix('2027-03-02') }))).toMatchObject({ param });
  const price_data = {
    currency: 'usd',
    unit_amount: 100,
    recurring: { interval: 'day' as const },
    product: (await stripe.products.create({ name: 'Daily' })).id,
  };
  const long = stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price_data }],
    [param]: unix('2026-01-01'),
  });
  expect(await errorOf(long)).toMatchObject({ statusCode: 400, param });
});

describe('a schedule that begins in the past', () => {
  test('has a subscription that began then and keeps that cycle', async () => {
    const { customer, price } = await on('2027-10-15', 1_000);
    const schedule = await stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: unix('2027-10-01'),
      phases: [{ items: [{ price }] }],
      expand: ['subscription.latest_invoice'],
    });
    expect(schedule.status).toBe('active');
    expect(seen(schedule.subscription as Stripe.Subscription)).toEqual({
      started: '2027-10-01',
      anchor: '2027-11-01',
      period: ['2027-10-01', '2027-11-01'],
      lines: [['2027-10-01', '2027-11-01', 1_000]],
    });
  });

  test('is refused once its first phase is over', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const { id: price } = await monthly(stripe, 1_000);
    const create = stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: unix('2024-10-01'),
      phases: [{ items: [{ price }] }],
    });
    expect(await errorOf(create)).toMatchObject({ statusCode: 400, param: 'phases[0][end_date]' });
  });
});
