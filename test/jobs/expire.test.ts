// What is thrown away, and what is not; and purchases whose process died between Stripe's answer and our commit.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expireEvents } from '../../jobs/expire-events.ts';
import { expireIdempotency } from '../../jobs/expire-idempotency.ts';
import { expireIncomplete } from '../../jobs/expire-incomplete.ts';
import { expireSessions } from '../../jobs/expire-sessions.ts';
import { expireUsage } from '../../jobs/expire-usage.ts';
import { newId } from '../../src/adapters/id.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

describe('expire-sessions and expire-idempotency', () => {
  test('throw away what is over, keep what is not, and again do nothing', async () => {
    const { id } = await billing.customer();
    const { db } = billing.ctx;
    const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000);
    const record = (name: string, created_at: Date) => ({
      id: Buffer.from(name), request_hash: Buffer.from('x'), lease_token: 'x', lease_until: created_at, created_at,
    }); // prettier-ignore
    await db.idempotencyRecord.createMany({
      data: [record('old', ago(25)), record('young', ago(23))],
    });
    const session = (name: string, expires_at: Date) => ({
      id: newId('ses'), customer_id: id, hash: Buffer.from(name), expires_at, created_at: ago(30),
    }); // prettier-ignore
    await db.customerSession.createMany({
      data: [session('over', ago(1)), session('valid', ago(-1))],
    });

    const run = async () => ({
      ...(await expireIdempotency(billing.ctx)),
      ...(await expireSessions(billing.ctx)),
    });
    expect(await run()).toEqual({ idempotency_record: 1, customer_session: 1, failed: 0 });
    expect(await db.idempotencyRecord.count({ where: { id: Buffer.from('young') } })).toBe(1);
    expect(await db.customerSession.count({ where: { hash: Buffer.from('valid') } })).toBe(1);
    expect(await run()).toEqual({ idempotency_record: 0, customer_session: 0, failed: 0 });
  });
});

describe('expire-events and expire-usage', () => {
  test('keep things for as long as the settings say, and no day longer', async () => {
    const { id } = await billing.customer();
    const { pool } = billing.ctx;
    const eventOf = (days: number) =>
      pool.query(
        `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at, processed_at)
         SELECT 'evt_' || $1::int, 'x', '', '{}', t, t, t FROM (SELECT now() - make_interval(days => $1) AS t) past`,
        [days],
      );
    for (const days of [29, 31, 399, 401]) await eventOf(days);
    await pool.query(
      `INSERT INTO stripe_event (id, type, object_id, payload, created_at, received_at)
       SELECT 'evt_unheard', 'x', 'sub_x', '{}', t, t FROM (SELECT now() - interval '500 days' AS t) past`,
    );
    await pool.query(
      `INSERT INTO usage_counter (customer_id, feature, "window", window_start, used)
       SELECT $1, 'calls', kind, date_trunc('day', now()) - days * interval '1 day', 1
       FROM (VALUES ('hour', 1), ('hour', 5), ('month', 5), ('month', 420), ('billing_period', 900)) v (kind, days)`,
      [id],
    );
    await pool.query('UPDATE overage_progress SET accounted_until = now()');
    const kept = async () => {
      const events = await pool.query(
        `SELECT id FROM stripe_event WHERE id ~ '^evt_(\\d+|unheard)$' ORDER BY id`,
      );
      const counters = await pool.query(
        `SELECT "window", (now()::date - window_start::date) AS days FROM usage_counter WHERE customer_id = $1 ORDER BY 1, 2`,
        [id],
      );
      return [
        events.rows.map((row) => row.id),
        counters.rows.map((row) => `${row.window} ${row.days}`),
      ];
    };
    await expireEvents(billing.ctx);
    await expireUsage(billing.ctx);
    expect(await kept()).toEqual([
      ['evt_29', 'evt_31', 'evt_399', 'evt_unheard'],
      ['hour 1', 'month 5', 'month 420'],
    ]);
    const shorter = { event_retention_days: 30, usage_retention_days: 410 };
    expect((await billing.operator('PATCH', '/settings', shorter)).status).toBe(200);
    await expireEvents(billing.ctx);
    await expireUsage(billing.ctx);
    expect(await kept()).toEqual([
      ['evt_29', 'evt_unheard'],
      ['hour 1', 'month 5'],
    ]);
    const tooShort = await billing.operator('PATCH', '/settings', { usage_retention_days: 300 });
    expect(tooShort.status).toBe(422);
  });
});

describe('a purchase whose process died', () => {
  /** As the process left it: the intent saved, its lease over. */
  async function left(options: { card: boolean }) {
    const { id, call } = await billing.customer(options.card ? 'pm_card_visa' : undefined);
    await billing.operator('POST', '/payment-method-sessions', { customer_id: id });
    const customer = await billing.ctx.db.customer.findUniqueOrThrow({ where: { id } });
    const version = await billing.ctx.db.planVersion.findFirstOrThrow({
      where: { plan: { key: 'pro' } },
    });
    const now = billing.ctx.now();
    const row = await billing.ctx.db.subscription.create({
      data: {
        id: newId('sub'),
        customer_id: id,
        plan_version_id: version.id,
        status: 'incomplete',
        started_at: now,
        created_at: now,
      },
    });
    const purchase = await billing.ctx.db.purchase.create({
      data: {
        id: newId('pur'), customer_id: id, subscription_id: row.id, plan_version_id: version.id, quantity: 1,
        state: 'open', created_at: now, lease_until: new Date(Date.now() - 1_000),
      },
    }); // prettier-ignore
    const metadata = { tollgate_subscription: row.id, tollgate_purchase: purchase.id };
    const state = async () =>
      (await billing.ctx.db.purchase.findUniqueOrThrow({ where: { id: purchase.id } })).state;
    return {
      call,
      id,
      price: version.stripe_price_id!,
      stripeCustomer: customer.stripe_customer_id!,
      metadata,
      state,
      path: `/subscriptions/${row.id}`,
    };
  }

  async function buyAtStripe(of: {
    price: string;
    stripeCustomer: string;
    metadata: Record<string, string>;
  }) {
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    const made = await billing.stripe.subscriptions.create({
      customer: of.stripeCustomer,
      items: [{ price: of.price }],
      metadata: of.metadata,
    });
    await billing.control('PUT', '/_sandbox/faults', {});
    return made;
  }

  test('after Stripe sold it is adopted by the sweep, once', async () => {
    const purchase = await left({ card: true });
    const made = await buyAtStripe(purchase);
    expect(await expireIncomplete(billing.ctx)).toMatchObject({ adopted: 1 });
    expect(await purchase.state()).toBe('done');
    expect((await purchase.call('GET', purchase.path)).body).toMatchObject({
      status: 'active',
      plan: 'pro',
      stripe_subscription_id: made.id,
    });
    expect(await expireIncomplete(billing.ctx)).toMatchObject({ adopted: 0 });
  });

  test('after Stripe sold it is adopted by the next attempt, which does not buy again', async () => {
    const purchase = await left({ card: true });
    const made = await buyAtStripe(purchase);
    const retried = await purchase.call('POST', '/subscriptions', { plan: 'pro' });
    expect(retried.status).toBe(201);
    expect(retried.body).toMatchObject({ status: 'active', stripe_subscription_id: made.id });
    const { data } = await billing.stripe.subscriptions.list({
      customer: purchase.stripeCustomer,
      status: 'all',
    });
    expect(data).toHaveLength(1);
  });

  test('before Stripe was asked is given up, and the next attempt buys', async () => {
    const purchase = await left({ card: true });
    expect(await expireIncomplete(billing.ctx)).toMatchObject({ adopted: 1 });
    expect(await purchase.state()).toBe('abandoned');
    expect((await purchase.call('GET', purchase.path)).body.status).toBe('incomplete_expired');
    expect((await purchase.call('POST', '/subscriptions', { plan: 'pro' })).status).toBe(201);
  });

  test('with a page open has that page closed', async () => {
    const purchase = await left({ card: false });
    const session = await billing.stripe.checkout.sessions.create({
      mode: 'subscription', customer: purchase.stripeCustomer, line_items: [{ price: purchase.price, quantity: 1 }],
      success_url: 'https://example.com', metadata: purchase.metadata, subscription_data: { metadata: purchase.metadata },
    }); // prettier-ignore
    await expireIncomplete(billing.ctx);
    expect((await billing.stripe.checkout.sessions.retrieve(session.id)).status).toBe('expired');
    expect(await purchase.state()).toBe('abandoned');
  });

  test('a connection that breaks after Stripe sold comes to one subscription', async () => {
    const { id, call } = await billing.customer('pm_card_visa');
    await billing.control('PUT', '/_sandbox/faults', {
      api: [{ match: 'POST /v1/subscriptions', reset: 'after', times: 10 }],
    });
    const first = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([first.status, first.body.code]).toEqual([503, 'stripe_unavailable']);
    await billing.control('PUT', '/_sandbox/faults', {});
    const second = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([201, 409]).toContain(second.status);
    const { body } = await billing.operator('GET', `/customers/${id}`);
    const { data } = await billing.stripe.subscriptions.list({
      customer: body.stripe_customer_id,
      status: 'all',
    });
    expect(data).toHaveLength(1);
    const list = await call('GET', '/subscriptions');
    expect(list.body.data).toHaveLength(1);
    expect(list.body.data[0]).toMatchObject({
      status: 'active',
      stripe_subscription_id: data[0]!.id,
    });
  });
});
