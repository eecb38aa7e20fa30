// Checkout in payment mode: paid once, by somebody or by a customer.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { day, errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

const sessionOf = async (
  more: Partial<Stripe.Checkout.SessionCreateParams> = {},
): Promise<Stripe.Checkout.Session> => {
  const price = await stripe.prices.create({
    currency: 'usd',
    unit_amount: 1_500,
    product_data: { name: 'Book' },
  });
  return stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: 'https://example.com/thanks?id={CHECKOUT_SESSION_ID}',
    line_items: [{ price: price.id, quantity: 2 }],
    ...more,
  });
};
const act = (id: string, outcome: string, more: object = {}) =>
  stand.control('POST', `/checkout/${id}`, { outcome, ...more });

test('a guest pays, and is sent on', async () => {
  const session = await sessionOf({ payment_intent_data: { metadata: { order: '7' } } });
  expect(session).toMatchObject({ amount_total: 3_000, payment_status: 'unpaid' });
  const { body } = await act(session.id, 'paid');
  expect(body.redirect_url).toBe(`https://example.com/thanks?id=${session.id}`);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] });
  expect(done).toMatchObject({
    status: 'complete',
    payment_status: 'paid',
    customer: null,
    payment_intent: { status: 'succeeded', amount: 3_000, metadata: { order: '7' } },
  });
});

test('a decline leaves the session open and nothing else', async () => {
  const session = await sessionOf({ customer_creation: 'always' });
  const before = (await stripe.charges.list()).data.length;
  await act(session.id, 'declined');
  expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
  expect((await stripe.charges.list()).data).toHaveLength(before);
  await act(session.id, 'paid');
  const done = await stripe.checkout.sessions.retrieve(session.id);
  expect(done).toMatchObject({ status: 'complete', customer: expect.stringMatching(/^cus_/) });
});

test('3D Secure is answered on its page', async () => {
  const session = await sessionOf();
  const { body } = await act(session.id, 'requires_action');
  expect(body.redirect_url).toContain('/pay/pi_');
  const waiting = await stripe.checkout.sessions.retrieve(session.id);
  expect(waiting.status).toBe('open');
  await stand.control('POST', `/payment_intents/${waiting.payment_intent as string}`, {
    outcome: 'succeeded',
  });
  const done = await stripe.checkout.sessions.retrieve(session.id);
  expect(done).toMatchObject({ status: 'complete', payment_status: 'paid' });
});

test('a debit comes out after days', async () => {
  const session = await sessionOf();
  await act(session.id, 'processing');
  const waiting = await stripe.checkout.sessions.retrieve(session.id);
  expect(waiting).toMatchObject({ status: 'complete', payment_status: 'unpaid' });
  await stand.move(4 * day);
  const events = await stripe.events.list({ type: 'checkout.session.async_payment_succeeded' });
  expect(events.data[0]!.data.object).toMatchObject({ id: session.id, payment_status: 'paid' });
});

test('a coupon is taken off, a card is kept for later', async () => {
  const { id: coupon } = await stripe.coupons.create({ percent_off: 50 });
  const { id: customer } = await stripe.customers.create();
  const session = await sessionOf({
    customer,
    discounts: [{ coupon }],
    payment_intent_data: { setup_future_usage: 'off_session' },
  });
  expect(session.amount_total).toBe(1_500);
  await act(session.id, 'paid');
  expect((await stripe.customers.listPaymentMethods(customer)).data).toHaveLength(1);
  expect((await stripe.coupons.retrieve(coupon)).times_redeemed).toBe(1);
});

test('what belongs to another mode is refused', async () => {
  const { id: price } = await monthly(stripe, 1_000);
  const recurring = await errorOf(sessionOf({ line_items: [{ price, quantity: 1 }] }));
  expect(recurring.param).toBe('line_items[0][price]');
  const data = await errorOf(sessionOf({ subscription_data: { description: 'x' } }));
  expect(data.param).toBe('subscription_data');
  const session = await sessionOf();
  expect((await stripe.checkout.sessions.expire(session.id)).status).toBe('expired');
});
