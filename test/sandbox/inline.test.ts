// Prices made on the way, in other currencies, once beside what recurs, and discounts of one item
// alone: what they cost wherever the API takes them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, day, errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
let product: string;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
  product = (await stripe.products.create({ name: 'Pro' })).id;
});
afterAll(() => stand.close());

const ada = async (): Promise<string> => (await customerWith(stripe, 'pm_card_visa')).id;
const inline = (unit_amount: number) => ({
  currency: 'usd',
  product,
  unit_amount,
  recurring: { interval: 'month' as const },
});
const once = (unit_amount: number) => ({ currency: 'usd', product, unit_amount });
const invoiceOf = async (subscription: Stripe.Subscription): Promise<Stripe.Invoice> =>
  stripe.invoices.retrieve(subscription.latest_invoice as string);

describe('price_data', () => {
  test('of a subscription’s item makes a price that nobody else may use', async () => {
    const customer = await ada();
    const made = await stripe.subscriptions.create({
      customer,
      items: [{ price_data: inline(1500), quantity: 2 }],
    });
    const price = made.items.data[0]!.price;
    expect(price).toMatchObject({ active: false, unit_amount: 1500, product });
    expect((await invoiceOf(made)).total).toBe(3000);
    const again = stripe.subscriptions.create({ customer, items: [{ price: price.id }] });
    expect((await errorOf(again)).message).toMatch(/inactive/);
    await stand.move(32 * day);
    const renewed = await stripe.subscriptions.retrieve(made.id);
    expect((await invoiceOf(renewed)).total).toBe(3000);
  });

  test('changes an item and adds one', async () => {
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      items: [{ price: (await monthly(stripe, 1000)).id }],
    });
    await stripe.subscriptionItems.update(made.items.data[0]!.id, {
      price_data: inline(700),
      proration_behavior: 'none',
    });
    await stripe.subscriptionItems.create({
      subscription: made.id,
      price_data: inline(50),
      proration_behavior: 'none',
    });
    const { items } = await stripe.subscriptions.retrieve(made.id);
    expect(items.data.map((item) => item.price.unit_amount)).toEqual([700, 50]);
  });

  test('in Checkout it makes its product too, and one-time prices join the first invoice', async () => {
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer: await ada(),
      success_url: 'http://127.0.0.1/',
      line_items: [
        {
          price_data: {
            currency: 'usd',
            unit_amount: 900,
            recurring: { interval: 'month' },
            product_data: { name: 'Made here' },
          },
        },
        { price_data: once(400), quantity: 2 },
      ],
      expand: ['line_items'],
    });
    expect(session.amount_total).toBe(1700);
    expect(session.line_items!.data.map((line) => line.description)).toEqual(['Made here', 'Pro']);
    await stand.control('POST', `/checkout/${session.id}`, { outcome: 'paid' });
    const done = await stripe.checkout.sessions.retrieve(session.id);
    const invoice = await stripe.invoices.retrieve(done.invoice as string);
    expect(invoice).toMatchObject({ status: 'paid', total: 1700 });
    const { items } = await stripe.subscriptions.retrieve(done.subscription as string);
    expect(items.data).toHaveLength(1);
  });

  test('of an invoice item may take something off', async () => {
    const customer = await ada();
    const item = await stripe.invoiceItems.create({ customer, price_data: once(-250) });
    expect(item).toMatchObject({ amount: -250, quantity: 1 });
    expect(item.pricing?.price_details?.product).toBe(product);
  });

  test.each([
    ['neither product nor data', { currency: 'usd', unit_amount: 1 }],
    ['no amount', { currency: 'usd', product: 'given' }],
    ['an unknown product', { currency: 'usd', product: 'prod_none', unit_amount: 1 }],
  ])('%s is refused', async (_name, data) => {
    const price_data = {
      ...data,
      ...('product' in data && data.product === 'given' ? { product } : {}),
    };
    const error = await errorOf(
      stripe.invoiceItems.create({ customer: await ada(), price_data: price_data as never }),
    );
    expect(error.statusCode).toBe(400);
  });
});

describe('add_invoice_items', () => {
  test('are on the first invoice, and on the one of a change', async () => {
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      items: [{ price: (await monthly(stripe, 1000)).id }],
      add_invoice_items: [{ price_data: once(300), quantity: 2 }],
    });
    expect((await invoiceOf(made)).total).toBe(1600);
    const changed = await stripe.subscriptions.update(made.id, {
      add_invoice_items: [{ price_data: once(50) }],
      items: [{ id: made.items.data[0]!.id, quantity: 1 }],
      proration_behavior: 'always_invoice',
    });
    expect((await invoiceOf(changed)).total).toBe(50);
  });

  test('beside a trial they are paid at once', async () => {
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      items: [{ price: (await monthly(stripe, 1000)).id }],
      trial_period_days: 7,
      add_invoice_items: [{ price_data: once(300) }],
    });
    expect(made.status).toBe('trialing');
    expect(await invoiceOf(made)).toMatchObject({ status: 'paid', total: 300 });
  });

  test('a recurring price is refused', async () => {
    const price = (await monthly(stripe, 1000)).id;
    const error = await errorOf(
      stripe.subscriptions.create({
        customer: await ada(),
        items: [{ price }],
        add_invoice_items: [{ price }],
      }),
    );
    expect(error.message).toMatch(/only accepts prices with `type=one_time`/);
  });
});

describe('discounts of one item', () => {
  test('come before those of the subscription, and leave other items alone', async () => {
    const half = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    const tenth = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      items: [
        { price: (await monthly(stripe, 1000)).id, discounts: [{ coupon: half.id }] },
        { price: (await monthly(stripe, 2000)).id },
      ],
      discounts: [{ coupon: tenth.id }],
    });
    // 1000 - 500 - 50 and 2000 - 200.
    const { lines, total } = await invoiceOf(made);
    expect(lines.data.map((line) => line.discount_amounts!.map((part) => part.amount))).toEqual([
      [500, 50],
      [200],
    ]);
    expect(total).toBe(450 + 1800);
    const shown = await stripe.subscriptions.retrieve(made.id, {
      expand: ['items.data.discounts'],
    });
    const [discount] = shown.items.data[0]!.discounts as Stripe.Discount[];
    expect(discount).toMatchObject({ subscription_item: made.items.data[0]!.id });
  });

  test('once is once', async () => {
    const coupon = await stripe.coupons.create({
      amount_off: 300,
      currency: 'usd',
      duration: 'once',
    });
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      items: [{ price: (await monthly(stripe, 1000)).id, discounts: [{ coupon: coupon.id }] }],
    });
    expect((await invoiceOf(made)).total).toBe(700);
    await stand.move(32 * day);
    const renewed = await stripe.subscriptions.retrieve(made.id);
    expect(renewed.items.data[0]!.discounts).toEqual([]);
    expect((await invoiceOf(renewed)).total).toBe(1000);
  });

  test('of an invoice item hold on its line alone', async () => {
    const customer = await ada();
    const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'once' });
    await stripe.invoiceItems.create({
      customer,
      amount: 1000,
      currency: 'usd',
      discounts: [{ coupon: coupon.id }],
    });
    await stripe.invoiceItems.create({ customer, amount: 500, currency: 'usd' });
    const draft = await stripe.invoices.create({
      customer,
      pending_invoice_items_behavior: 'include',
    });
    expect(draft).toMatchObject({ subtotal: 1500, total: 1300 });
  });
});

describe('currency_options', () => {
  test('a price costs what it says in the currency that is asked for', async () => {
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 1000,
      recurring: { interval: 'month' },
      product,
      currency_options: { eur: { unit_amount: 900 }, jpy: { unit_amount: 1500 } },
    });
    expect(price).not.toHaveProperty('currency_options');
    const shown = await stripe.prices.retrieve(price.id, { expand: ['currency_options'] });
    expect(shown.currency_options!['eur']!.unit_amount).toBe(900);
    expect(shown.currency_options!['usd']!.unit_amount).toBe(1000);
    const made = await stripe.subscriptions.create({
      customer: await ada(),
      currency: 'eur',
      items: [{ price: price.id, quantity: 2 }],
    });
    expect(made.currency).toBe('eur');
    expect(await invoiceOf(made)).toMatchObject({ total: 1800, currency: 'eur', status: 'paid' });
    await stand.move(32 * day);
    const renewed = await stripe.subscriptions.retrieve(made.id);
    expect((await invoiceOf(renewed)).total).toBe(1800);
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      success_url: 'http://127.0.0.1/',
      currency: 'jpy',
      line_items: [{ price: price.id }],
    });
    expect(session).toMatchObject({ amount_total: 1500, currency: 'jpy' });
    const none = stripe.subscriptions.create({
      customer: await ada(),
      currency: 'gbp',
      items: [{ price: price.id }],
    });
    expect(await errorOf(none)).toMatchObject({ statusCode: 400, param: 'currency' });
  });
});
