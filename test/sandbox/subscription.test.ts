// A subscription's life as the SDK sees it: made, declined, renewed, chased, changed and ended.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, day, errorOf, hour, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeEach(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterEach(() => stand.close());

const typesOf = (events: { type: string }[]): string[] => events.map((event) => event.type);
const listedTypes = async (): Promise<string[]> =>
  typesOf(await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 1000 })).reverse();

describe('creating', () => {
  test('a good card makes it active and paid, with the events of Stripe in their order', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const before = (await listedTypes()).length;
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      expand: ['latest_invoice.payments'],
    });
    expect(subscription.status).toBe('active');
    const invoice = subscription.latest_invoice as Stripe.Invoice;
    expect(invoice).toMatchObject({
      status: 'paid',
      amount_paid: 1000,
      billing_reason: 'subscription_create',
      parent: { subscription_details: { subscription: subscription.id } },
    });
    expect(invoice.payments?.data[0]?.status).toBe('paid');
    expect((await listedTypes()).slice(before)).toEqual([
      'customer.subscription.created',
      'customer.updated',
      'invoice.created',
      'payment_intent.created',
      'invoice.finalized',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
      'customer.subscription.updated',
    ]);
  });

  test('a declined card leaves it incomplete, and 23 hours later expired with its invoice void', async () => {
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect(made.status).toBe('incomplete');
    await stand.move(22 * hour + 3500);
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('incomplete');
    await stand.move(200);
    const expired = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(expired.status).toBe('incomplete_expired');
    expect((expired.latest_invoice as Stripe.Invoice).status).toBe('void');
  });

  test('error_if_incomplete answers 402 and nothing remains', async () => {
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
    const price = await monthly(stripe, 1000);
    const error = await errorOf(
      stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        payment_behavior: 'error_if_incomplete',
      }),
    );
    expect(error).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code: 'card_declined',
      decline_code: 'generic_decline',
    });
    expect(
      (await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data,
    ).toEqual([]);
    expect((await stripe.invoices.list({ customer: customer.id })).data).toEqual([]);
  });

  test('a card that asks for 3D Secure waits, and the paid invoice makes it active', async () => {
    const customer = await customerWith(stripe, 'pm_card_threeDSecure2Required');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      expand: ['latest_invoice.payments.data.payment', 'latest_invoice.confirmation_secret'],
    });
    expect(made.status).toBe('incomplete');
    const payment = (made.latest_invoice as Stripe.Invoice).payments!.data[0]!.payment
      .payment_intent as string;
    const intent = await stripe.paymentIntents.retrieve(payment);
    expect(intent.status).toBe('requires_action');
    await stand.control('POST', `/payment_intents/${intent.id}`, { outcome: 'succeeded' });
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('active');
  });

  test('without a card it is refused as Stripe refuses it; default_incomplete is not', async () => {
    const customer = await stripe.customers.create({ email: 'ada@example.com' });
    const price = await monthly(stripe, 1000);
    const asked = { customer: customer.id, items: [{ price: price.id }] };
    expect(await errorOf(stripe.subscriptions.create(asked))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    const made = await stripe.subscriptions.create({
      ...asked,
      payment_behavior: 'default_incomplete',
    });
    expect(made.status).toBe('incomplete');
  });
});

describe('trials', () => {
  test('a trial is free, warns three days before its end and is billed after it', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 14,
      expand: ['latest_invoice'],
    });
    expect(made.status).toBe('trialing');
    expect(made.latest_invoice as Stripe.Invoice).toMatchObject({ status: 'paid', total: 0 });
    await stand.move(11 * day + 60);
    expect(await listedTypes()).toContain('customer.subscription.trial_will_end');
    await stand.move(3 * day + 2 * hour);
    const after = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(after.status).toBe('active');
    expect(after.items.data[0]!.current_period_start).toBe(made.trial_end);
    expect(after.latest_invoice).toMatchObject({
      status: 'paid',
      total: 1000,
      billing_reason: 'subscription_cycle',
    });
  });

  test.each([
    ['create_invoice', 'past_due'],
    ['pause', 'paused'],
    ['cancel', 'canceled'],
  ] as const)('a trial that ends without a card and %s becomes %s', async (behavior, status) => {
    const customer = await stripe.customers.create();
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 7,
      trial_settings: { end_behavior: { missing_payment_method: behavior } },
    });
    await stand.move(7 * day + 2 * hour);
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe(status);
  });
});

describe('renewing', () => {
  test('the period moves on with a draft that is collected an hour later', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const end = made.items.data[0]!.current_period_end;
    await stand.moveTo(end + 60);
    const draft = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(draft.status).toBe('active');
    expect(draft.items.data[0]!.current_period_start).toBe(end);
    expect(draft.latest_invoice).toMatchObject({
      status: 'draft',
      period_start: made.items.data[0]!.current_period_start,
      period_end: end,
      automatically_finalizes_at: end + hour,
    });
    await stand.moveTo(end + hour + 60);
    const paid = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(paid.latest_invoice).toMatchObject({
      status: 'paid',
      status_transitions: { finalized_at: end + hour },
    });
    const renewal = (await stripe.events.list({ limit: 100 })).data
      .filter((event) => event.created >= end)
      .reverse();
    expect(typesOf(renewal)).toEqual([
      'customer.subscription.updated',
      'invoice.created',
      'payment_intent.created',
      'invoice.finalized',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice.paid',
      'invoice.payment_succeeded',
      'invoice_payment.paid',
    ]);
    expect(Object.keys(renewal[0]!.data.previous_attributes!).sort()).toEqual([
      'items',
      'latest_invoice',
    ]);
  });

  test('31 January comes back to the 31st after February', async () => {
    const year = new Date((await stand.now()) * 1000).getUTCFullYear() + 1;
    await stand.moveTo(Date.UTC(year, 0, 31, 12) / 1000);
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const ends: string[] = [];
    for (let month = 0; month < 3; month += 1) {
      const { items } = await stripe.subscriptions.retrieve(made.id);
      const end = items.data[0]!.current_period_end;
      ends.push(new Date(end * 1000).toISOString().slice(5, 10));
      await stand.moveTo(end + 1);
    }
    const february = new Date(Date.UTC(year, 2, 0)).getUTCDate();
    expect(ends).toEqual([`02-${february}`, '03-31', '04-30']);
  });

  test.each([
    ['past_due', 'past_due'],
    ['unpaid', 'unpaid'],
    ['cancel', 'canceled'],
    ['pause', 'paused'],
  ])('eight retries in two weeks, then %s', async (after_retries, status) => {
    await stand.control('PUT', '/settings', { after_retries });
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
      customer: customer.id,
    });
    await stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: bad.id },
    });
    const due = made.items.data[0]!.current_period_end + hour;
    await stand.moveTo(due + 60);
    const chased = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(chased.status).toBe('past_due');
    expect(chased.latest_invoice).toMatchObject({
      attempt_count: 1,
      next_payment_attempt: due + (14 * day) / 8,
    });
    await stand.moveTo(due + 14 * day + 60);
    const given = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(given.status).toBe(status);
    expect(given.latest_invoice).toMatchObject({
      status: 'open',
      attempt_count: 9,
      next_payment_attempt: null,
    });
  });

  test('without retries the setting follows the first failure', async () => {
    await stand.control('PUT', '/settings', {
      retries: { count: 0, days: 14 },
      after_retries: 'cancel',
    });
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    await stripe.paymentMethods.detach(
      (await stripe.customers.listPaymentMethods(customer.id)).data[0]!.id,
    );
    await stand.moveTo(made.items.data[0]!.current_period_end + 2 * hour);
    expect(await stripe.subscriptions.retrieve(made.id)).toMatchObject({
      status: 'canceled',
      cancellation_details: { reason: 'payment_failed' },
    });
  });

  test('paying the open invoice with a good card makes it active again', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
      customer: customer.id,
    });
    await stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: bad.id },
    });
    await stand.moveTo(made.items.data[0]!.current_period_end + 2 * hour);
    const [open] = (await stripe.invoices.list({ subscription: made.id, status: 'open' })).data;
    expect(await errorOf(stripe.invoices.pay(open!.id))).toMatchObject({
      statusCode: 402,
      code: 'card_declined',
    });
    const paid = await stripe.invoices.pay(open!.id, { payment_method: 'pm_card_visa' });
    expect(paid.status).toBe('paid');
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('active');
  });
});

describe('changing', () => {
  test('an upgrade is prorated to the second and the preview says the same beforehand', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const [small, large] = [await monthly(stripe, 1000), await monthly(stripe, 3000)];
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: small.id }],
    });
    const [item] = made.items.data;
    const at = item!.current_period_start + 1_000_003;
    await stand.moveTo(at - 60);
    const whole = item!.current_period_end - item!.current_period_start;
    const left = item!.current_period_end - at;
    const expected = [-Math.round((1000 * left) / whole), Math.round((3000 * left) / whole)];
    const change = {
      items: [{ id: item!.id, price: large.id }],
      proration_behavior: 'always_invoice' as const,
      proration_date: at,
    };
    const preview = await stripe.invoices.createPreview({
      subscription: made.id,
      subscription_details: change,
    });
    expect(preview.lines.data.map((line) => line.amount)).toEqual(expected);
    const changed = await stripe.subscriptions.update(made.id, {
      ...change,
      expand: ['latest_invoice'],
    });
    expect(changed.items.data[0]!.price.id).toBe(large.id);
    expect(changed.latest_invoice).toMatchObject({
      billing_reason: 'subscription_update',
      status: 'paid',
      total: expected[0]! + expected[1]!,
    });
  });

  test('pending_if_incomplete keeps the old price until its invoice is paid', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const [small, large] = [await monthly(stripe, 1000), await monthly(stripe, 3000)];
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: small.id }],
    });
    const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
      customer: customer.id,
    });
    await stripe.customers.update(customer.id, {
      invoice_settings: { default_payment_method: bad.id },
    });
    const asked = {
      items: [{ id: made.items.data[0]!.id, price: large.id }],
      payment_behavior: 'pending_if_incomplete' as const,
      proration_behavior: 'always_invoice' as const,
    };
    const waiting = await stripe.subscriptions.update(made.id, asked);
    expect(waiting.items.data[0]!.price.id).toBe(small.id);
    expect(waiting.pending_update?.subscription_items?.[0]?.price.id).toBe(large.id);
    expect(waiting.status).toBe('active');
    await stripe.invoices.pay(waiting.latest_invoice as string, { payment_method: 'pm_card_visa' });
    const applied = await stripe.subscriptions.retrieve(made.id);
    expect(applied.items.data[0]!.price.id).toBe(large.id);
    expect(applied.pending_update).toBeNull();

    const again = await stripe.subscriptions.update(made.id, {
      ...asked,
      items: [{ id: made.items.data[0]!.id, quantity: 5 }],
    });
    await stand.move(23 * hour + 60);
    const dropped = await stripe.subscriptions.retrieve(made.id);
    expect(dropped.pending_update).toBeNull();
    expect(dropped.items.data[0]!.quantity).toBe(1);
    expect((await stripe.invoices.retrieve(again.latest_invoice as string)).status).toBe('void');
  });

  test('a schedule changes the price at the period end without proration and lets go', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const [large, small] = [await monthly(stripe, 3000), await monthly(stripe, 1000)];
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: large.id }],
    });
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: made.id });
    const [phase] = schedule.phases;
    await stripe.subscriptionSchedules.update(schedule.id, {
      end_behavior: 'release',
      phases: [
        { items: [{ price: large.id }], start_date: phase!.start_date, end_date: phase!.end_date },
        {
          items: [{ price: small.id }],
          duration: { interval: 'month', interval_count: 1 },
          proration_behavior: 'none',
        },
      ],
    });
    await stand.moveTo(phase!.end_date + 2 * hour);
    const moved = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
    expect(moved.items.data[0]!.price.id).toBe(small.id);
    expect(moved.latest_invoice).toMatchObject({ total: 1000, status: 'paid' });
    const { current_phase } = await stripe.subscriptionSchedules.retrieve(schedule.id);
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { items: [{ price: small.id }], ...current_phase! },
        { items: [{ price: small.id, quantity: 2 }], proration_behavior: 'none' },
      ],
    });
    await stand.moveTo(current_phase!.end_date + 2 * hour);
    const doubled = await stripe.subscriptions.retrieve(made.id);
    expect(doubled.items.data[0]!.quantity).toBe(2);
    await stand.move(32 * day);
    expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('released');
    expect((await stripe.subscriptions.retrieve(made.id)).schedule).toBeNull();
  });

  test('pause_collection makes invoices that nobody owes', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const paused = await stripe.subscriptions.update(made.id, {
      pause_collection: { behavior: 'void' },
    });
    expect(paused.status).toBe('active');
    await stand.move(32 * day);
    const [latest] = (await stripe.invoices.list({ subscription: made.id })).data;
    expect(latest!.status).toBe('void');
    const resumed = await stripe.subscriptions.update(made.id, { pause_collection: '' });
    expect(resumed.pause_collection).toBeNull();
  });
});

describe('ending', () => {
  test('cancel_at_period_end can be undone, and otherwise ends it then without another invoice', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const end = made.items.data[0]!.current_period_end;
    const going = await stripe.subscriptions.update(made.id, { cancel_at_period_end: true });
    expect(going).toMatchObject({ status: 'active', cancel_at: end, cancel_at_period_end: true });
    const kept = await stripe.subscriptions.update(made.id, { cancel_at_period_end: false });
    expect(kept).toMatchObject({ cancel_at: null, canceled_at: null });
    await stripe.subscriptions.update(made.id, { cancel_at_period_end: true });
    await stand.moveTo(end + hour);
    expect(await stripe.subscriptions.retrieve(made.id)).toMatchObject({
      status: 'canceled',
      ended_at: end,
    });
    expect((await stripe.invoices.list({ subscription: made.id })).data).toHaveLength(1);
    expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
    expect(
      (await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data,
    ).toHaveLength(1);
  });

  test('canceled is final: cancelling again is a 404 and changing it a 400', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect((await stripe.subscriptions.cancel(made.id)).status).toBe('canceled');
    expect(await errorOf(stripe.subscriptions.cancel(made.id))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    });
    expect(
      await errorOf(stripe.subscriptions.update(made.id, { cancel_at_period_end: true })),
    ).toMatchObject({ statusCode: 400 });
  });
});
