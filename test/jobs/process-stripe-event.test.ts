// Stripe is re-read, not believed: whatever arrives in whatever order, the latest look counts, each effect
// happens once, and what cannot be settled does not stop the rest.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { processStripeEvent } from '../../jobs/process-stripe-event.ts';
import { syncNow } from '../../src/actions/stripe/object.ts';
import { changeSubscription } from '../../src/actions/subscription/change.ts';
import { want } from '../../src/actions/stripe/want.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { openGate } from '../support/gate.ts';
import { openStripeProxy } from '../support/stripe-proxy.ts';
import { until } from '../support/until.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

async function subscribed() {
  const { id: customerId, call } = await billing.customer('pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
  await billing.delivered();
  await processStripeEvent(billing.ctx);
  const stripeId = body.stripe_subscription_id as string;
  const read = async () => (await call('GET', `/subscriptions/${body.id}`)).body;
  return { customerId, call, id: body.id as string, stripeId, read };
}

const objectRow = (id: string) => billing.ctx.db.stripeObject.findUniqueOrThrow({ where: { id } });
const wantSubscription = (id: string) => want(billing.ctx.db, { kind: 'subscription', id });
const audits = (objectId: string) =>
  billing.ctx.db.auditEntry.count({ where: { object_id: objectId } });

describe('a look', () => {
  test('while a plan is being left for a free one does not take the free one back', async () => {
    const { id, stripeId, read } = await subscribed();
    const proxy = await openStripeProxy(billing.sandbox, {
      async before({ method, path }) {
        const isTheEnd = method === 'POST' && path.startsWith(`/v1/subscriptions/${stripeId}`);
        if (isTheEnd) await syncNow(billing.ctx, 'subscription', stripeId);
        return undefined;
      },
    });
    const ctx = { ...billing.ctx, stripe: proxy.stripe };
    const operator = { kind: 'operator', id: 'test' } as const;
    await changeSubscription(ctx, operator, { id, change: { plan: 'free' } });
    await proxy.close();
    expect((await read()).pending_change).toMatchObject({ plan: 'free', reason: 'scheduled' });
  });

  test('that began before a plan was left for a free one, and ends after it, does not take it back', async () => {
    const { id, stripeId, read } = await subscribed();
    const gate = await openGate(billing.sandbox, `/v1/subscriptions/${stripeId}`);
    await wantSubscription(stripeId);
    const slow = processStripeEvent({ ...billing.ctx, stripe: gate.stripe });
    await gate.untilHeld();
    const { wanted } = await objectRow(stripeId);
    const operator = { kind: 'operator', id: 'test' } as const;
    const change = changeSubscription(billing.ctx, operator, { id, change: { plan: 'free' } });
    // Stripe has been told, and the look that is to follow waits for this one.
    await until('another look is wanted', async () => (await objectRow(stripeId)).wanted > wanted);
    gate.release();
    await Promise.all([slow, change]);
    await gate.close();
    expect((await read()).pending_change).toMatchObject({ plan: 'free', reason: 'scheduled' });
  });

  test('takes a free plan back that Stripe was never told of', async () => {
    const { id, stripeId, read } = await subscribed();
    const proxy = await openStripeProxy(billing.sandbox, {
      before: ({ method, path }) =>
        method === 'POST' && path.startsWith(`/v1/subscriptions/${stripeId}`) ? 'cut' : undefined,
    });
    const ctx = { ...billing.ctx, stripe: proxy.stripe };
    const operator = { kind: 'operator', id: 'test' } as const;
    const change = changeSubscription(ctx, operator, { id, change: { plan: 'free' } });
    await expect(change).rejects.toMatchObject({ code: 'stripe_unavailable' });
    await proxy.close();
    await processStripeEvent(billing.ctx);
    expect(await read()).toMatchObject({ plan: 'pro', pending_change: null, cancel_at: null });
  });

  test('whose lease ran out while Stripe took its time does not overwrite a later one', async () => {
    const { stripeId, read } = await subscribed();
    const gate = await openGate(billing.sandbox, `/v1/subscriptions/${stripeId}`);
    await wantSubscription(stripeId);
    const slow = processStripeEvent({ ...billing.ctx, stripe: gate.stripe });
    await gate.untilHeld();
    await billing.stripe.subscriptions.cancel(stripeId);
    await billing.ctx.pool.query(
      `UPDATE stripe_object SET lease_until = now() - interval '1 s' WHERE id = $1`,
      [stripeId],
    );
    await syncNow(billing.ctx, 'subscription', stripeId);
    expect((await read()).status).toBe('canceled');
    gate.release();
    await slow;
    expect((await read()).status).toBe('canceled');
    await gate.close();
  });

  test('with a lower ticket than the one written is not written, but followed by another', async () => {
    const { id, stripeId, read } = await subscribed();
    const gate = await openGate(billing.sandbox, `/v1/subscriptions/${stripeId}`);
    await billing.stripe.subscriptions.update(stripeId, { cancel_at_period_end: true });
    // A webhook that is just being stored holds the row, and a sweep passes over what is held.
    await billing.delivered();
    await wantSubscription(stripeId);
    const before = await audits(id);
    const slow = processStripeEvent({ ...billing.ctx, stripe: gate.stripe });
    await gate.untilHeld();
    await billing.stripe.subscriptions.update(stripeId, { cancel_at_period_end: false });
    await billing.ctx.pool.query(
      `UPDATE stripe_object SET ticket = nextval('stripe_ticket') WHERE id = $1`,
      [stripeId],
    );
    gate.release();
    await slow;
    expect((await read()).cancel_at).toBeNull();
    expect(await audits(id)).toBe(before);
    await gate.close();
  });

  test('during which an event arrived is followed by another', async () => {
    const { stripeId, read } = await subscribed();
    const gate = await openGate(billing.sandbox, `/v1/subscriptions/${stripeId}`);
    await wantSubscription(stripeId);
    const slow = processStripeEvent({ ...billing.ctx, stripe: gate.stripe });
    await gate.untilHeld();
    await billing.stripe.subscriptions.cancel(stripeId);
    await wantSubscription(stripeId);
    gate.release();
    await slow;
    const { wanted, done } = await objectRow(stripeId);
    expect(done).toBe(wanted);
    expect((await read()).status).toBe('canceled');
    await gate.close();
  });

  test('that finds nothing new writes nothing', async () => {
    const { id, stripeId } = await subscribed();
    const before = await audits(id);
    for (let i = 0; i < 3; i += 1) await syncNow(billing.ctx, 'subscription', stripeId);
    expect(await audits(id)).toBe(before);
  });

  test('is shared by those who ask at once, and each gets the state as of now', async () => {
    const { stripeId, read } = await subscribed();
    await billing.stripe.subscriptions.cancel(stripeId);
    await Promise.all(
      Array.from({ length: 8 }, () => syncNow(billing.ctx, 'subscription', stripeId)),
    );
    expect((await read()).status).toBe('canceled');
    const { wanted, done, lease_token } = await objectRow(stripeId);
    expect([done, lease_token]).toEqual([wanted, null]);
  });
});

describe('an object', () => {
  test('that Stripe does not know changes nothing and raises an alarm', async () => {
    const { stripeId, read } = await subscribed();
    const missing = {
      match: `GET /v1/subscriptions/${stripeId}`,
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'gone' } },
    };
    await billing.control('PUT', '/_sandbox/faults', { api: [missing] });
    await syncNow(billing.ctx, 'subscription', stripeId);
    await billing.control('PUT', '/_sandbox/faults', {});
    expect((await objectRow(stripeId)).alarm).toBe('missing_at_stripe');
    expect((await read()).status).toBe('active');
    await syncNow(billing.ctx, 'subscription', stripeId);
    expect((await objectRow(stripeId)).alarm).toBeNull();
  });

  test('that is gone, and of which Stripe said so by event, is over', async () => {
    const { stripeId, read } = await subscribed();
    const missing = {
      match: `GET /v1/subscriptions/${stripeId}`,
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'gone' } },
    };
    await billing.control('PUT', '/_sandbox/faults', { api: [missing] });
    await want(billing.ctx.db, { kind: 'subscription', id: stripeId, deleted: true });
    await processStripeEvent(billing.ctx);
    await billing.control('PUT', '/_sandbox/faults', {});
    expect((await read()).status).toBe('canceled');
  });

  test('that cannot be fetched backs off and does not stop the rest', async () => {
    const sick = await subscribed();
    const sound = await subscribed();
    await billing.control('PUT', '/_sandbox/faults', {
      webhooks: { mode: 'normal' },
      api: [{ match: `GET /v1/subscriptions/${sick.stripeId}`, status: 500 }],
    });
    await billing.stripe.subscriptions.cancel(sick.stripeId);
    await billing.stripe.subscriptions.cancel(sound.stripeId);
    await billing.delivered();
    const first = await processStripeEvent(billing.ctx);
    expect(first.failed).toBe(1);
    expect((await sound.read()).status).toBe('canceled');
    const row = await objectRow(sick.stripeId);
    expect(row.attempts).toBe(1);
    expect(row.next_attempt_at!.getTime()).toBeGreaterThan(Date.now());
    expect(row.last_error).not.toBeNull();
    expect((await processStripeEvent(billing.ctx)).failed).toBe(0);
    await billing.control('PUT', '/_sandbox/faults', {});
    await billing.ctx.pool.query('UPDATE stripe_object SET next_attempt_at = now() WHERE id = $1', [
      sick.stripeId,
    ]);
    await processStripeEvent(billing.ctx);
    expect((await sick.read()).status).toBe('canceled');
    expect(await objectRow(sick.stripeId)).toMatchObject({ attempts: 0, last_error: null });
  }, 120_000);

  test('left by a process that died is taken over once its lease is over', async () => {
    const { stripeId } = await subscribed();
    await wantSubscription(stripeId);
    const lease = (until: string) =>
      billing.ctx.pool.query(
        `UPDATE stripe_object SET lease_token = 'dead', lease_until = now() + $2::interval WHERE id = $1`,
        [stripeId, until],
      );
    await lease('10 s');
    expect(await processStripeEvent(billing.ctx)).toMatchObject({ settled: 0, failed: 0 });
    await lease('-1 s');
    expect(await processStripeEvent(billing.ctx)).toMatchObject({ settled: 1, failed: 0 });
  });
});

describe('a subscription made at Stripe', () => {
  async function linked() {
    const customer = await billing.customer('pm_card_visa');
    const { body } = await billing.operator('GET', `/customers/${customer.id}`);
    return { ...customer, stripeCustomer: body.stripe_customer_id as string };
  }
  const priceOf = async (plan: string) =>
    (await billing.operator('GET', `/plans/${plan}`)).body.stripe_price_id as string;

  test('becomes ours by its price, wherever the plan stands among its items', async () => {
    const { call, stripeCustomer } = await linked();
    const product = await billing.stripe.products.create({ name: 'Extra' });
    const extra = await billing.stripe.prices.create({
      product: product.id,
      unit_amount: 100,
      currency: 'usd',
      recurring: { interval: 'month' },
    });
    await billing.stripe.subscriptions.create({
      customer: stripeCustomer,
      items: [
        { price: extra.id, quantity: 7 },
        { price: await priceOf('scale'), quantity: 2 },
      ],
    });
    await billing.delivered();
    await processStripeEvent(billing.ctx);
    const { body } = await call('GET', '/subscriptions');
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ plan: 'scale', quantity: 2, status: 'active' });
  });

  test('takes over the free one', async () => {
    const { call, stripeCustomer } = await linked();
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    await billing.stripe.subscriptions.create({
      customer: stripeCustomer,
      items: [{ price: await priceOf('pro') }],
    });
    await billing.delivered();
    await processStripeEvent(billing.ctx);
    const { body } = await call('GET', '/subscriptions');
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ id: free.body.id, plan: 'pro', status: 'active' });
  });

  test('at a price no plan owns grants no plan and raises an alarm', async () => {
    const { call, stripeCustomer } = await linked();
    const product = await billing.stripe.products.create({ name: 'Unknown' });
    const price = await billing.stripe.prices.create({
      product: product.id,
      unit_amount: 100,
      currency: 'usd',
      recurring: { interval: 'month' },
    });
    const made = await billing.stripe.subscriptions.create({
      customer: stripeCustomer,
      items: [{ price: price.id }],
    });
    await billing.delivered();
    await processStripeEvent(billing.ctx);
    const { body } = await call('GET', '/subscriptions');
    expect(body.data[0]).toMatchObject({ plan: null, status: 'active' });
    expect((await objectRow(made.id)).alarm).toBe('unknown_price');
  });

  test('of a customer nobody knows raises an alarm and changes nothing', async () => {
    const customer = await billing.stripe.customers.create({});
    await billing.stripe.paymentMethods
      .attach('pm_card_visa', { customer: customer.id })
      .then((method) =>
        billing.stripe.customers.update(customer.id, {
          invoice_settings: { default_payment_method: method.id },
        }),
      );
    const made = await billing.stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: await priceOf('pro') }],
    });
    await billing.delivered();
    await processStripeEvent(billing.ctx);
    expect((await objectRow(made.id)).alarm).toBe('unknown_customer');
    expect(
      await billing.ctx.db.subscription.count({ where: { stripe_subscription_id: made.id } }),
    ).toBe(0);
  });

  test('beside a live one is kept apart and reported', async () => {
    const { call, stripeCustomer } = await linked();
    await call('POST', '/subscriptions', { plan: 'pro' });
    const second = await billing.stripe.subscriptions.create({
      customer: stripeCustomer,
      items: [{ price: await priceOf('scale') }],
    });
    await billing.delivered();
    await processStripeEvent(billing.ctx);
    expect((await call('GET', '/subscriptions')).body.data).toHaveLength(2);
    expect((await objectRow(second.id)).alarm).toBe('duplicate_subscription');
  });
});

test('run twice is run once', async () => {
  await subscribed();
  await billing.delivered();
  await processStripeEvent(billing.ctx);
  const before = await billing.ctx.db.auditEntry.count();
  expect(await processStripeEvent(billing.ctx)).toMatchObject({ settled: 0, failed: 0 });
  expect(await billing.ctx.db.auditEntry.count()).toBe(before);
  expect(await billing.ctx.db.stripeEvent.count({ where: { processed_at: null } })).toBe(0);
});
