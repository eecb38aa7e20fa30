// Checkout, the portal and the invoice page: through the controls and as a browser without
// JavaScript would post their forms.
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

const newSession = async (more: Partial<Stripe.Checkout.SessionCreateParams> = {}) => {
  const customer = await stripe.customers.create({ email: 'ada@example.com' });
  const price = await monthly(stripe, 1000);
  return stripe.checkout.sessions.create({
    mode: 'subscription',
    customer: customer.id,
    line_items: [{ price: price.id, quantity: 2 }],
    success_url: 'http://127.0.0.1:9/done?session_id={CHECKOUT_SESSION_ID}',
    cancel_url: 'http://127.0.0.1:9/plans',
    subscription_data: { metadata: { row: 'sub_1' } },
    metadata: { ours: 'yes' },
    client_reference_id: 'ref',
    ...more,
  });
};
const act = (session: string, outcome: string, more: object = {}) =>
  stand.control('POST', `/checkout/${session}`, { outcome, ...more });
const post = (url: string, fields: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });

describe('a Checkout session', () => {
  test('paid: the subscription is active, the card is its default, and the event says so', async () => {
    const session = await newSession();
    expect(session).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 2000,
      subscription: null,
    });
    const { body } = await act(session.id, 'paid');
    expect(body.redirect_url).toBe(`http://127.0.0.1:9/done?session_id=${session.id}`);
    const done = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['subscription.latest_invoice', 'line_items'],
    });
    expect(done).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      metadata: { ours: 'yes' },
    });
    expect(done.line_items?.data[0]?.quantity).toBe(2);
    const subscription = done.subscription as Stripe.Subscription;
    expect(subscription).toMatchObject({ status: 'active', metadata: { row: 'sub_1' } });
    expect(subscription.default_payment_method).toMatch(/^pm_/);
    expect(subscription.latest_invoice).toMatchObject({ status: 'paid', total: 2000 });
    await stand.delivered();
    const types = stand.receiver.events.map((event) => event.type);
    expect(types).toContain('checkout.session.completed');
    expect(stand.receiver.problems).toEqual([]);
    expect((await act(session.id, 'paid')).status).toBe(400);
  });

  test('declined: the session stays open and nothing else is left', async () => {
    const session = await newSession();
    const { status, body } = await act(session.id, 'declined');
    expect(status).toBe(200);
    expect(body.redirect_url).toBe(session.url);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    expect(
      (await stripe.subscriptions.list({ customer: session.customer as string, status: 'all' }))
        .data,
    ).toEqual([]);
    const fails = await act(session.id, 'paid', { payment_method: 'pm_card_chargeCustomerFail' });
    expect(fails.status).toBe(402);
    expect((await act(session.id, 'paid')).status).toBe(200);
  });

  test('requires_action: incomplete until the person authenticates', async () => {
    const session = await newSession();
    const { body } = await act(session.id, 'requires_action');
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    const page = await fetch(body.redirect_url);
    expect(await page.text()).toContain('3D Secure');
    const answer = await post(body.redirect_url, { outcome: 'pass' });
    expect(answer.headers.get('location')).toContain('/done?session_id=');
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
    expect(done.subscription).toMatchObject({ status: 'active' });
  });

  test('processing: complete and unpaid, then paid when the bank has answered', async () => {
    const session = await newSession();
    await act(session.id, 'processing');
    const waiting = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['subscription'],
    });
    expect(waiting).toMatchObject({
      status: 'complete',
      payment_status: 'unpaid',
      subscription: { status: 'incomplete' },
    });
    await stand.move(3 * day + hour);
    const paid = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
    expect(paid).toMatchObject({ payment_status: 'paid', subscription: { status: 'active' } });
    expect(
      (await stripe.events.list({ type: 'checkout.session.async_payment_succeeded' })).data,
    ).toHaveLength(1);
  });

  test('abandoned: nothing changes; it expires after 24 hours or when it is told to', async () => {
    const session = await newSession();
    expect((await act(session.id, 'abandon')).body.redirect_url).toBe('http://127.0.0.1:9/plans');
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    await stand.move(day + 60);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('expired');
    const other = await newSession();
    expect((await stripe.checkout.sessions.expire(other.id)).status).toBe('expired');
    expect(await errorOf(stripe.checkout.sessions.expire(other.id))).toMatchObject({
      statusCode: 400,
    });
  });

  test('a trial costs nothing today', async () => {
    const session = await newSession({ subscription_data: { trial_period_days: 14 } });
    await act(session.id, 'paid');
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
    expect(done).toMatchObject({
      payment_status: 'no_payment_required',
      subscription: { status: 'trialing' },
    });
  });

  test('setup mode saves a card', async () => {
    const customer = await stripe.customers.create();
    const session = await stripe.checkout.sessions.create({
      mode: 'setup',
      currency: 'usd',
      customer: customer.id,
      success_url: 'http://127.0.0.1:9/done',
    });
    await act(session.id, 'paid', { payment_method: 'pm_card_mastercard' });
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['setup_intent'] });
    expect(done.setup_intent).toMatchObject({
      status: 'succeeded',
      payment_method: expect.stringMatching(/^pm_/),
    });
    const { data } = await stripe.customers.listPaymentMethods(customer.id);
    expect(data[0]!.card!.brand).toBe('mastercard');
  });

  test('the page works as plain forms: declined, then paid', async () => {
    const session = await newSession();
    const page = await (await fetch(session.url!)).text();
    expect(page).toContain('2 × Pro');
    expect(page).not.toContain('<script');
    const declined = await post(session.url!, { number: '4000000000000002' });
    expect(await declined.text()).toContain('Your card was declined');
    const paid = await post(session.url!, { number: '4242424242424242' });
    expect(paid.status).toBe(303);
    expect(paid.headers.get('location')).toContain(session.id);
    expect((await fetch(session.url!)).status).toBe(404);
  });

  test('a coupon takes its part off the first invoice', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 25, duration: 'once' });
    const code = await stripe.promotionCodes.create({
      promotion: { type: 'coupon', coupon: coupon.id },
      code: 'SPRING',
    });
    const session = await newSession({ discounts: [{ promotion_code: code.id }] });
    expect(session.amount_total).toBe(1500);
    await act(session.id, 'paid');
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['invoice'] });
    expect(done.invoice).toMatchObject({ subtotal: 2000, total: 1500, amount_paid: 1500 });
    expect((await stripe.promotionCodes.retrieve(code.id)).times_redeemed).toBe(1);
  });
});

describe('the portal', () => {
  test('a new card becomes the default, pays the open invoice, and the flow returns', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const portal = (flow_data?: Stripe.BillingPortal.SessionCreateParams.FlowData) =>
      stripe.billingPortal.sessions.create({
        customer: customer.id,
        return_url: 'http://127.0.0.1:9/account',
        ...(flow_data === undefined ? {} : { flow_data }),
      });
    const session = await portal();
    await post(session.url, { number: '4000000000000341' });
    await stand.moveTo(made.items.data[0]!.current_period_end + 2 * hour);
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('past_due');
    const [open] = (await stripe.invoices.list({ subscription: made.id, status: 'open' })).data;
    expect(await (await post(session.url, { pay: open!.id })).text()).toContain(
      'Your card was declined',
    );

    const flow = await portal({
      type: 'payment_method_update',
      after_completion: { type: 'redirect', redirect: { return_url: 'http://127.0.0.1:9/back' } },
    });
    const changed = await post(flow.url, { number: '4242424242424242' });
    expect(changed.headers.get('location')).toBe('http://127.0.0.1:9/back');
    const now = (await stripe.customers.retrieve(customer.id, {
      expand: ['invoice_settings.default_payment_method'],
    })) as Stripe.Customer;
    expect((now.invoice_settings.default_payment_method as Stripe.PaymentMethod).card!.last4).toBe(
      '4242',
    );
    await post(session.url, { pay: open!.id });
    expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('active');
  });

  test('cancelling and keeping; a wrong secret shows nothing', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const session = await stripe.billingPortal.sessions.create({ customer: customer.id });
    await post(session.url, { cancel: made.id });
    const ending = await stripe.subscriptions.retrieve(made.id);
    expect(ending.cancel_at_period_end).toBe(false);
    expect(ending.cancel_at).toBe(ending.items.data[0]!.current_period_end);
    await post(session.url, { keep: made.id });
    expect((await stripe.subscriptions.retrieve(made.id)).cancel_at).toBeNull();
    expect((await fetch(`${session.url}x`)).status).toBe(404);
  });
});

test('the hosted invoice page lets one pay', async () => {
  const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
  const price = await monthly(stripe, 1000);
  const made = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    expand: ['latest_invoice'],
  });
  const { hosted_invoice_url: url } = made.latest_invoice as Stripe.Invoice;
  expect(await (await fetch(url!)).text()).toContain('open');
  const asked = await post(url!, { number: '4000000000003220' });
  await post(asked.headers.get('location')!, { outcome: 'pass' });
  expect((await stripe.subscriptions.retrieve(made.id)).status).toBe('active');
});
