// Prices of every scheme, meters and what they count, quotes, schedules ahead, entitlements, lists.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import {
  clientOf,
  customerWith,
  day,
  errorOf,
  hour,
  monthly,
  openStand,
  type Stand,
} from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

type PriceAsked = Partial<Stripe.PriceCreateParams>;
const decimal = (text: string) => text as unknown as Stripe.Decimal;
const priceOf = (asked: PriceAsked): Promise<Stripe.Price> =>
  stripe.prices.create({
    currency: 'usd',
    recurring: { interval: 'month' },
    product_data: { name: 'Units' },
    ...asked,
  });
/** The total of a first invoice for a quantity of a price. */
const totalOf = async (price: Stripe.Price, quantity: number): Promise<Stripe.Invoice> => {
  const { id: customer } = await customerWith(stripe, 'pm_card_visa');
  const subscription = await stripe.subscriptions.create({
    customer,
    items: [{ price: price.id, quantity }],
    expand: ['latest_invoice'],
  });
  return subscription.latest_invoice as Stripe.Invoice;
};
const tiers = [
  { up_to: 5, unit_amount: 500 },
  { up_to: 10, unit_amount: 400 },
  { up_to: 'inf' as const, unit_amount: 300 },
];

// https://docs.stripe.com/products-prices/pricing-models#volume-pricing and #graduated-pricing
describe('tiers', () => {
  test.each([
    ['volume', 1, 500],
    ['volume', 5, 2_500],
    ['volume', 6, 2_400],
    ['volume', 20, 6_000],
    ['volume', 25, 7_500],
    ['graduated', 1, 500],
    ['graduated', 5, 2_500],
    ['graduated', 6, 2_900],
    ['graduated', 20, 7_500],
    ['graduated', 25, 9_000],
  ] as const)('%s: %i units cost %i', async (mode, quantity, total) => {
    const price = await priceOf({ billing_scheme: 'tiered', tiers_mode: mode, tiers });
    expect((await totalOf(price, quantity)).total).toBe(total);
  });

  test('a flat fee is a line of its own, and tiers are shown when asked for', async () => {
    const price = await priceOf({
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: [
        { up_to: 5, flat_amount: 1_000 },
        { up_to: 'inf', unit_amount: 200 },
      ],
      expand: ['tiers'],
    });
    expect(price).toMatchObject({ unit_amount: null, tiers: [{ up_to: 5 }, { up_to: null }] });
    const invoice = await totalOf(price, 7);
    expect(invoice.lines.data.map((line) => line.amount)).toEqual([1_000, 400]);
  });

  test.each([
    [{ tiers_mode: 'volume' as const, tiers: tiers.slice(0, 2) }, 'tiers[1][up_to]'],
    [{ tiers }, 'tiers_mode'],
    [{ tiers_mode: 'volume' as const }, 'tiers'],
  ])('what makes no sense is refused: %#', async (asked, param) => {
    const error = await errorOf(priceOf({ billing_scheme: 'tiered', ...asked }));
    expect(error).toMatchObject({ statusCode: 400, param });
  });
});

describe('units', () => {
  test.each([
    ['0.05', 3, 0],
    ['0.05', 10, 1],
    ['0.000000000001', 999_999, 0],
    ['33.333333333333', 3, 100],
    ['12.5', 1, 13],
  ])('%s cents times %i is %i, rounded once', async (unit, quantity, total) => {
    const price = await priceOf({ unit_amount_decimal: decimal(unit) });
    expect((await totalOf(price, quantity)).total).toBe(total);
  });

  test.each([
    ['up', 11, 2_000],
    ['down', 19, 1_000],
  ] as const)('packages are rounded %s', async (round, quantity, total) => {
    const price = await priceOf({
      unit_amount: 1_000,
      transform_quantity: { divide_by: 10, round },
    });
    expect((await totalOf(price, quantity)).total).toBe(total);
  });

  test('yen have no decimals, dinars three that end in nought', async () => {
    const yen = await priceOf({ currency: 'jpy', unit_amount: 980 });
    expect((await totalOf(yen, 2)).total).toBe(1_960);
    const dinars = await priceOf({ currency: 'kwd', unit_amount: 5_120 });
    expect((await totalOf(dinars, 1)).total).toBe(5_120);
    const odd = await errorOf(priceOf({ currency: 'kwd', unit_amount: 5_123 }));
    expect(odd.code).toBe('invalid_charge_amount');
  });
});

describe('meters', () => {
  const meterOf = (event_name: string, formula: 'sum' | 'count' | 'last' = 'sum') =>
    stripe.billing.meters.create({
      display_name: event_name,
      event_name,
      default_aggregation: { formula },
    });
  const use = (event_name: string, customer: string, value: number, identifier?: string) =>
    stripe.billing.meterEvents.create({
      event_name,
      payload: { stripe_customer_id: customer, value: String(value) },
      ...(identifier === undefined ? {} : { identifier }),
    });

  test('what was used in a period is on the invoice that ends it', async () => {
    const meter = await meterOf('calls');
    const price = await priceOf({
      unit_amount: 2,
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    });
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price: price.id }],
    });
    expect(subscription.items.data[0]).not.toHaveProperty('quantity');
    await use('calls', customer, 100);
    await use('calls', customer, 23, 'once');
    const twice = await errorOf(use('calls', customer, 23, 'once'));
    expect(twice).toMatchObject({ statusCode: 400, param: 'identifier' });
    await use('calls', customer, 7, 'wrong');
    await stripe.billing.meterEventAdjustments.create({
      event_name: 'calls',
      type: 'cancel',
      cancel: { identifier: 'wrong' },
    });
    await stand.move(31 * day + 2 * hour);
    const [invoice] = (await stripe.invoices.list({ customer })).data;
    expect(invoice).toMatchObject({ status: 'paid', total: 246 });
    await use('calls', customer, 5);
    await stripe.subscriptions.cancel(subscription.id, { invoice_now: true });
    const [last] = (await stripe.invoices.list({ customer })).data;
    expect(last!.total).toBe(10);
  });

  // https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period
  test('what is told of a period while its invoice is a draft is on that invoice, and nothing later', async () => {
    const meter = await meterOf('late_calls');
    const price = await priceOf({
      unit_amount: 2,
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    });
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const { items } = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
    const end = items.data[0]!.current_period_end;
    const useAt = (value: number, timestamp: number) =>
      stripe.billing.meterEvents.create({
        event_name: 'late_calls',
        payload: { stripe_customer_id: customer, value: String(value) },
        timestamp,
      });
    await useAt(10, await stand.now());
    await stand.move(end + 60 - (await stand.now()));
    await useAt(5, end - 1);
    await useAt(100, end);
    await stand.move(2 * hour);
    await useAt(1_000, end - 1);
    const [invoice] = (await stripe.invoices.list({ customer })).data;
    expect(invoice).toMatchObject({ status: 'paid', total: 30, amount_paid: 30 });
    expect(invoice!.lines.data).toMatchObject([{ quantity: 15, amount: 30 }]);
    await stand.move(31 * day + 2 * hour);
    const [next] = (await stripe.invoices.list({ customer })).data;
    expect(next).toMatchObject({ status: 'paid', total: 200 });
  });

  test('sums, counts and last values, in all and by the day', async () => {
    const { id: customer } = await stripe.customers.create();
    const end_time = (Math.floor((await stand.now()) / day) + 1) * day;
    const span = { customer, start_time: end_time - 2 * day, end_time };
    for (const [formula, value] of [
      ['sum', 5.5],
      ['count', 2],
      ['last', 3.5],
    ] as const) {
      const meter = await meterOf(`m_${formula}`, formula);
      await use(`m_${formula}`, customer, 2);
      await use(`m_${formula}`, customer, 3.5);
      const all = await stripe.billing.meters.listEventSummaries(meter.id, span);
      expect(all.data).toMatchObject([{ aggregated_value: value, meter: meter.id }]);
      const daily = await stripe.billing.meters.listEventSummaries(meter.id, {
        ...span,
        value_grouping_window: 'day',
      });
      expect(daily.data).toHaveLength(1);
    }
  });

  test('usage comes in by the v2 API and its stream too', async () => {
    const meter = await meterOf('stream');
    const { id: customer } = await stripe.customers.create();
    const usage = (value: string) => ({
      event_name: 'stream',
      payload: { stripe_customer_id: customer, value },
    });
    const event = await stripe.v2.billing.meterEvents.create({ ...usage('4'), identifier: 'a' });
    expect(event).toMatchObject({ object: 'v2.billing.meter_event', identifier: 'a' });
    const { authentication_token: token } = await stripe.v2.billing.meterEventSession.create();
    const streamer = clientOf(stand.sandbox.url, token);
    const nobody = { event_name: 'nothing', payload: { value: '1' } };
    await streamer.v2.billing.meterEventStream.create({ events: [usage('3'), nobody] });
    expect((await errorOf(streamer.customers.list())).statusCode).toBe(401);
    const end_time = (Math.floor((await stand.now()) / day) + 1) * day;
    const span = { customer, start_time: end_time - 2 * day, end_time };
    const { data } = await stripe.billing.meters.listEventSummaries(meter.id, span);
    expect(data).toMatchObject([{ aggregated_value: 7 }]);
  });

  test('what v2 cannot read is named as the SDK expects, an expired session too', async () => {
    const wrong = { event_name: 'any', payload: {}, nonsense: 1 } as never;
    const error = await errorOf(stripe.v2.billing.meterEvents.create(wrong));
    expect(error).toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 400,
      code: 'invalid_fields',
    });
    expect(error.raw.type).toBeUndefined();
    expect(error.message).toContain('nonsense');
    const late = clientOf(stand.sandbox.url, `mes_test_${'a'.repeat(40)}`, 0, stand.judge);
    const events = [{ event_name: 'any', payload: { value: '1' } }];
    expect(await errorOf(late.v2.billing.meterEventStream.create({ events }))).toMatchObject({
      type: 'TemporarySessionExpiredError',
      code: 'billing_meter_event_session_expired',
    });
    const nobody = { event_name: 'nobody', payload: { stripe_customer_id: 'cus_1', value: '1' } };
    const missing = await errorOf(stripe.v2.billing.meterEvents.create(nobody));
    expect(missing).toMatchObject({ statusCode: 400, type: 'StripeInvalidRequestError' });
  });

  test('one that is off counts nothing until it is on again', async () => {
    const meter = await meterOf('off');
    const { id: customer } = await stripe.customers.create();
    expect((await stripe.billing.meters.deactivate(meter.id)).status).toBe('inactive');
    expect((await errorOf(use('off', customer, 1))).param).toBe('event_name');
    expect((await stripe.billing.meters.reactivate(meter.id)).status).toBe('active');
    await use('off', customer, 1);
    const old = stripe.billing.meterEvents.create({
      event_name: 'off',
      payload: { stripe_customer_id: customer, value: '1' },
      timestamp: (await stand.now()) - 36 * day,
    });
    expect((await errorOf(old)).param).toBe('timestamp');
    expect((await errorOf(meterOf('off'))).code).toBe('resource_already_exists');
  });
});

describe('what leads to a subscription', () => {
  test('a quote is offered, accepted and billed', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const { id: price } = await monthly(stripe, 1_500);
    const once = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 500,
      product_data: { name: 'Setup' },
    });
    const quote = await stripe.quotes.create({
      customer,
      line_items: [{ price, quantity: 2 }, { price: once.id }],
    });
    expect(quote).toMatchObject({
      status: 'draft',
      amount_total: 3_500,
      computed: { recurring: { amount_total: 3_000, interval: 'month' } },
    });
    expect((await errorOf(stripe.quotes.accept(quote.id))).statusCode).toBe(400);
    await stripe.quotes.finalizeQuote(quote.id);
    const accepted = await stripe.quotes.accept(quote.id);
    await stand.move(2 * hour);
    const [invoice] = (await stripe.invoices.list({ customer })).data;
    expect(invoice).toMatchObject({ status: 'paid', total: 3_500 });
    expect(accepted).toMatchObject({ status: 'accepted', subscription: expect.any(String) });
    expect((await stripe.quotes.listLineItems(quote.id)).data).toHaveLength(2);
  });

  test('a schedule that begins later makes its subscription then', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const { id: price } = await monthly(stripe, 1_000);
    const start = (await stand.now()) + 3 * day;
    const schedule = await stripe.subscriptionSchedules.create({
      customer,
      start_date: start,
      end_behavior: 'cancel',
      phases: [
        { items: [{ price }], duration: { interval: 'month', interval_count: 1 } },
        { items: [{ price, quantity: 2 }], duration: { interval: 'month', interval_count: 1 } },
      ],
    });
    expect(schedule).toMatchObject({ status: 'not_started', subscription: null });
    await stand.move(3 * day + 2 * hour);
    const begun = await stripe.subscriptionSchedules.retrieve(schedule.id);
    const id = begun.subscription as string;
    expect(begun).toMatchObject({ status: 'active', current_phase: { start_date: start } });
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
    await stand.move(32 * day);
    expect((await stripe.subscriptions.retrieve(id)).items.data[0]!.quantity).toBe(2);
    await stand.move(32 * day);
    expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('completed');
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled');
  });

  test('items are added, changed and taken away one by one', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const first = await monthly(stripe, 1_000);
    const second = await monthly(stripe, 300, 'Extra');
    const { id: subscription } = await stripe.subscriptions.create({
      customer,
      items: [{ price: first.id }],
    });
    const item = await stripe.subscriptionItems.create({ subscription, price: second.id });
    await stripe.subscriptionItems.update(item.id, { quantity: 4, metadata: { seat: 'yes' } });
    const after = await stripe.subscriptions.retrieve(subscription);
    expect(after.items.data[1]).toMatchObject({ quantity: 4, metadata: { seat: 'yes' } });
    expect(await stripe.subscriptionItems.del(item.id)).toMatchObject({ deleted: true });
    expect((await stripe.subscriptions.retrieve(subscription)).items.data).toHaveLength(1);
  });

  test('a plan is a price by its older name', async () => {
    const plan = await stripe.plans.create({
      amount: 2_000,
      currency: 'usd',
      interval: 'month',
      product: { name: 'Old' },
      id: 'gold',
    });
    expect(await stripe.prices.retrieve('gold')).toMatchObject({ unit_amount: 2_000 });
    expect((await stripe.plans.update(plan.id, { nickname: 'G' })).nickname).toBe('G');
    expect(await stripe.plans.del(plan.id)).toMatchObject({ deleted: true });
  });

  test('a customer has the features of what they pay for', async () => {
    const { id: customer } = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1_000);
    const feature = await stripe.entitlements.features.create({ lookup_key: 'sso', name: 'SSO' });
    const { id: attached } = await stripe.products.createFeature(price.product as string, {
      entitlement_feature: feature.id,
    });
    const active = async (): Promise<string[]> =>
      (await stripe.entitlements.activeEntitlements.list({ customer })).data.map(
        (one) => one.lookup_key,
      );
    expect(await active()).toEqual([]);
    const { id } = await stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
    expect(await active()).toEqual(['sso']);
    await stripe.subscriptions.cancel(id);
    expect(await active()).toEqual([]);
    const events = await stripe.events.list({
      type: 'entitlements.active_entitlement_summary.updated',
    });
    expect(events.data.filter((event) => JSON.stringify(event).includes(customer))).toHaveLength(2);
    await stripe.products.deleteFeature(price.product as string, attached);
  });
});

test('the SDK pages through long lists by itself, both ways', async () => {
  const made: string[] = [];
  for (let i = 0; i < 25; i += 1) made.push((await stripe.products.create({ name: `p${i}` })).id);
  const forth = await stripe.products.list({ limit: 10 }).autoPagingToArray({ limit: 25 });
  expect(forth.map((product) => product.id)).toEqual([...made].reverse());
  const back: string[] = [];
  const oldest = made[0]!;
  for await (const { id } of stripe.products.list({ limit: 10, ending_before: oldest })) {
    back.push(id);
  }
  expect(back).toEqual(made.slice(1));
});
