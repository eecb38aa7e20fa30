// Schedules whose phases bring trials, discounts, taxes, prices made for them and what is paid once.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, day, hour, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

test('each phase has its own terms, and the subscription has them while it lasts', async () => {
  const { id: customer } = await customerWith(stripe, 'pm_card_visa');
  const { id: product } = await stripe.products.create({ name: 'Pro' });
  const half = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const vat = await stripe.taxRates.create({
    display_name: 'VAT',
    percentage: 10,
    inclusive: false,
  });
  const now = await stand.now();
  const schedule = await stripe.subscriptionSchedules.create({
    customer,
    start_date: 'now',
    end_behavior: 'release',
    phases: [
      {
        items: [{ price: (await monthly(stripe, 1000)).id }],
        trial_end: now + 7 * day,
        end_date: now + 7 * day,
        add_invoice_items: [{ price_data: { currency: 'usd', product, unit_amount: 300 } }],
      },
      {
        items: [
          {
            price_data: {
              currency: 'usd',
              product,
              unit_amount: 2000,
              recurring: { interval: 'month' },
            },
          },
        ],
        duration: { interval: 'month', interval_count: 1 },
        discounts: [{ coupon: half.id }],
        default_tax_rates: [vat.id],
        description: 'half price',
        proration_behavior: 'none',
      },
    ],
  });
  expect(schedule.phases[0]).toMatchObject({ trial_end: now + 7 * day });
  expect(schedule.phases[1]!.discounts[0]).toMatchObject({ coupon: half.id });
  const id = schedule.subscription as string;
  expect((await stripe.subscriptions.retrieve(id)).status).toBe('trialing');
  await stand.move(2 * hour);
  const first = await stripe.invoices.list({ subscription: id });
  expect(first.data[0]).toMatchObject({ total: 300, status: 'paid' });
  await stand.move(7 * day);
  const later = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] });
  expect(later).toMatchObject({ status: 'active', description: 'half price' });
  expect(later.items.data[0]!.price.unit_amount).toBe(2000);
  // 2000 less half, and a tenth of what is left on top.
  expect((later.latest_invoice as Stripe.Invoice).total).toBe(1100);
});

test('a phase may set the anchor to its start', async () => {
  const { id: customer } = await customerWith(stripe, 'pm_card_visa');
  const price = (await monthly(stripe, 1000)).id;
  const made = await stripe.subscriptions.create({ customer, items: [{ price }] });
  const { id, phases } = await stripe.subscriptionSchedules.create({ from_subscription: made.id });
  const { start_date } = phases[0]!;
  const turn = start_date + 10 * day;
  await stripe.subscriptionSchedules.update(id, {
    phases: [
      { items: [{ price }], start_date, end_date: turn },
      {
        items: [{ price, quantity: 2 }],
        billing_cycle_anchor: 'phase_start',
        duration: { interval: 'month', interval_count: 2 },
      },
    ],
  });
  await stand.move(11 * day);
  const { billing_cycle_anchor, items } = await stripe.subscriptions.retrieve(made.id);
  expect(billing_cycle_anchor).toBe(turn);
  expect(items.data[0]!.current_period_start).toBe(turn);
});
