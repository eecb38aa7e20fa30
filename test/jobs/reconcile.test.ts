// Comparing with Stripe: what was missed is found and mended, a dry run writes nothing but its report, what Stripe
// does not say changes nothing, and a run that was cut short is taken up where it stood.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { reconcile } from '../../jobs/reconcile.ts';
import { processStripeEvent } from '../../jobs/process-stripe-event.ts';
import { catchUp } from '../../src/actions/reconciliation/reconciliation.ts';
import type { Context } from '../../src/context.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { openStripeProxy } from '../support/stripe-proxy.ts';

let billing: Billing;

/** A comparison is of all there is: each part of the tests has a Tollgate of its own, so that this stays little. */
function withBilling(): void {
  beforeAll(async () => {
    billing = await startBilling({ worker: false });
  });
  afterAll(() => billing.close());
  beforeEach(async () => {
    await faults({});
    await run();
  });
}

const faults = (given: object) => billing.control('PUT', '/_sandbox/faults', given);
const drop = () => faults({ webhooks: { mode: 'drop' } });

/** A whole comparison: asked for over HTTP, done by the job. */
async function run(body: object = {}) {
  const asked = await billing.operator('POST', '/reconciliations', body);
  expect([asked.status, asked.body.status]).toEqual([202, 'running']);
  return untilOver(asked.body.id);
}

async function untilOver(id: string, ctx: Context = billing.ctx) {
  for (let slice = 0; slice < 20; slice += 1) {
    await reconcile(ctx);
    const { body } = await billing.operator('GET', `/reconciliations/${id}`);
    if (body.status !== 'running') return body;
  }
  throw new Error('the comparison does not end');
}

async function subscribed() {
  const { id: customerId, call } = await billing.customer('pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
  await billing.delivered();
  await processStripeEvent(billing.ctx);
  const read = async () => (await call('GET', `/subscriptions/${body.id}`)).body;
  const { body: customer } = await billing.operator('GET', `/customers/${customerId}`);
  return {
    customerId,
    call,
    read,
    stripeId: body.stripe_subscription_id as string,
    stripeCustomer: customer.stripe_customer_id as string,
  };
}

const pro = async () => {
  const { body } = await billing.operator('GET', '/plans/pro');
  return body.stripe_price_id as string;
};

/** Everything that a comparison could have written, but for its own rows. */
async function everything() {
  const { db } = billing.ctx;
  const rows = await Promise.all([
    db.subscription.findMany({ orderBy: { id: 'asc' } }),
    db.invoice.findMany({ orderBy: { id: 'asc' } }),
    db.customer.findMany({ orderBy: { id: 'asc' } }),
    db.stripeEvent.findMany({ orderBy: { id: 'asc' } }),
    db.stripeObject.findMany({ orderBy: { id: 'asc' } }),
    db.auditEntry.findMany({
      where: { action: { not: 'reconciliation.create' } },
      orderBy: { id: 'asc' },
    }),
  ]);
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}

describe('what was missed', () => {
  withBilling();

  test('a subscription that ended at Stripe while no event came is ended, and the report says so', async () => {
    const { stripeId, read } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    await billing.delivered();
    expect((await read()).status).toBe('active');
    const report = await run();
    expect(report).toMatchObject({ status: 'done', dry_run: false, unchecked: 0, error: null });
    expect(report.checked).toBeGreaterThan(0);
    expect(report.differences).toContainEqual({
      object: stripeId, field: 'status', ours: 'active', stripes: 'canceled', done: 'repaired', why: 'missed_event',
    }); // prettier-ignore
    expect((await read()).status).toBe('canceled');
    expect((await run()).differences).toEqual([]);
  });

  test('a subscription made at Stripe, and one that was changed there, are taken over', async () => {
    const one = await subscribed();
    const other = await billing.customer('pm_card_visa');
    const { body } = await billing.operator('GET', `/customers/${other.id}`);
    await drop();
    await billing.stripe.subscriptions.update(one.stripeId, { cancel_at_period_end: true });
    const made = await billing.stripe.subscriptions.create({
      customer: body.stripe_customer_id,
      items: [{ price: await pro() }],
    });
    const report = await run();
    expect(report.status).toBe('done');
    expect((await one.read()).cancel_at).not.toBeNull();
    const { body: list } = await other.call('GET', '/subscriptions');
    expect(list.data[0]).toMatchObject({
      plan: 'pro',
      status: 'active',
      stripe_subscription_id: made.id,
    });
    expect(report.differences).toContainEqual(
      expect.objectContaining({
        object: made.id,
        field: 'status',
        ours: null,
        stripes: 'active',
        done: 'repaired',
      }),
    );
    expect(report.differences.map(({ object }: any) => object)).toContain(one.stripeId);
  });

  test('is found although Stripe tells of it in no event any more', async () => {
    const { stripeId, read } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    await faults({ api: [{ match: 'GET /v1/events', body: emptyList('/v1/events') }] });
    expect((await run()).status).toBe('done');
    expect((await read()).status).toBe('canceled');
  });

  test('is mended at start from the event list alone, and each event is then known', async () => {
    const { stripeId, read } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    await catchUp(billing.ctx);
    const row = await billing.ctx.db.reconciliation.findFirstOrThrow({ orderBy: { id: 'desc' } });
    expect(row.scope).toBe('events');
    const report = await untilOver(row.id);
    expect(report).toMatchObject({ status: 'done', scope: 'events' });
    expect((await read()).status).toBe('canceled');
    const known = await billing.ctx.db.stripeEvent.findMany({ where: { object_id: stripeId } });
    expect(known.map(({ type }) => type)).toContain('customer.subscription.deleted');
    expect(known.every(({ processed_at }) => processed_at !== null)).toBe(true);
  });

  test('is found by asking per customer where Stripe’s list leaves it out: under a test clock', async () => {
    const { stripe } = billing;
    const clock = await stripe.testHelpers.testClocks.create({
      frozen_time: Math.floor(Date.now() / 1000),
    });
    const customer = await stripe.customers.create({ test_clock: clock.id });
    const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const { id, call } = await billing.customer();
    await billing.operator('PATCH', `/customers/${id}`, { stripe_customer_id: customer.id });
    await processStripeEvent(billing.ctx);
    await drop();
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: await pro() }],
      default_payment_method: method.id,
    });
    const listed = await stripe.subscriptions.list({ status: 'all', limit: 100 });
    expect(listed.data.map((one) => one.id)).not.toContain(made.id);
    await faults({
      webhooks: { mode: 'drop' },
      api: [{ match: 'GET /v1/events', body: emptyList('/v1/events') }],
    });
    await run();
    const { body } = await call('GET', '/subscriptions');
    expect(body.data[0]).toMatchObject({ status: 'active', stripe_subscription_id: made.id });
  });

  test('at start, after more than Stripe’s event list holds, everything is compared', async () => {
    await subscribed();
    const { ctx } = billing;
    const month = 30 * 86_400_000;
    await catchUp({ ...ctx, now: () => new Date(ctx.now().getTime() + month) });
    const row = await ctx.db.reconciliation.findFirstOrThrow({ orderBy: { id: 'desc' } });
    expect([row.status, row.scope]).toEqual(['running', 'all']);
    expect((await untilOver(row.id)).status).toBe('done');
  });

  test('a dry run reports the same and writes nothing else', async () => {
    const { stripeId, read } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    const before = await everything();
    const dry = await run({ dry_run: true });
    expect(await everything()).toBe(before);
    expect((await read()).status).toBe('active');
    const real = await run();
    const undone = (rows: any[]) =>
      rows
        .filter(({ field }) => field !== 'ended_at' && field !== 'canceled_at')
        .map(({ done: _done, ...row }) => JSON.stringify(row))
        .toSorted();
    expect(undone(dry.differences)).toEqual(undone(real.differences));
    expect(dry.differences.every(({ done }: any) => done === 'nothing')).toBe(true);
    expect((await read()).status).toBe('canceled');
  });
});

describe('what we cannot mend is reported', () => {
  withBilling();

  test('a subscription that Stripe does not know is left as it is', async () => {
    const { stripeId, read } = await subscribed();
    await faults({
      api: [
        {
          match: `GET /v1/subscriptions/${stripeId}`,
          status: 404,
          body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: '' } },
        },
      ],
    });
    const report = await run();
    expect(report.differences).toEqual([
      { object: stripeId, field: 'status', ours: 'active', stripes: null, done: 'reported', why: 'missing_at_stripe' },
    ]); // prettier-ignore
    expect((await read()).status).toBe('active');
  });

  test('a second live subscription, and one at a price of nobody', async () => {
    const { stripeId, stripeCustomer } = await subscribed();
    const { stripe } = billing;
    const product = await stripe.products.create({ name: 'Of nobody' });
    const price = await stripe.prices.create({
      product: product.id,
      unit_amount: 100,
      currency: 'usd',
      recurring: { interval: 'month' },
    });
    await drop();
    const of = (id: string) =>
      stripe.subscriptions.create({ customer: stripeCustomer, items: [{ price: id }] });
    const second = await of(await pro());
    const strange = await of(price.id);
    const { differences } = await run();
    expect(differences).toContainEqual({
      object: second.id, field: 'id', ours: expect.arrayContaining([stripeId]), stripes: second.id, done: 'reported', why: 'duplicate_subscription',
    }); // prettier-ignore
    expect(differences).toContainEqual({
      object: strange.id, field: 'price', ours: null, stripes: [price.id], done: 'reported', why: 'unknown_price',
    }); // prettier-ignore
    for (const { id } of [second, strange]) await stripe.subscriptions.cancel(id);
  });

  test('shows in the metrics beside what was mended', async () => {
    const { stripeId } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    await run();
    const text = await (await fetch(`${billing.url}/metrics`)).text();
    expect(text).toMatch(/tollgate_drift_found_total\{why="missing_at_stripe"\} [1-9]/);
    expect(text).toMatch(/tollgate_drift_repaired_total\{why="missed_event"\} [1-9]/);
    expect(text).toMatch(/tollgate_drift_repaired_total\{why="missing_at_stripe"\} 0/);
  });
});

describe('what Stripe does not say', () => {
  withBilling();

  test('an empty list takes nothing from anybody', async () => {
    const { read } = await subscribed();
    const before = await read();
    await faults({
      api: [
        { match: 'GET /v1/subscriptions', body: emptyList('/v1/subscriptions') },
        { match: 'GET /v1/events', body: emptyList('/v1/events') },
      ],
    });
    expect(await run()).toMatchObject({ status: 'done', differences: [] });
    expect(await read()).toEqual(before);
  });

  test.each([
    ['no subscription at all', {}],
    ['half of one', { object: 'subscription', status: 'canceled' }],
    ['somebody else’s', { id: 'sub_other', object: 'subscription', status: 'canceled' }],
  ])('an answer that holds %s changes nothing and makes the run partial', async (_what, body) => {
    const { stripeId, read } = await subscribed();
    const before = await read();
    await faults({ api: [{ match: `GET /v1/subscriptions/${stripeId}`, body }] });
    const report = await run();
    expect(report).toMatchObject({ status: 'partial', unchecked: 1, differences: [] });
    expect(await read()).toEqual(before);
  });

  test('a list of invoices that lacks the latest one changes nothing', async () => {
    const { read } = await subscribed();
    const before = await read();
    await faults({ api: [{ match: 'GET /v1/invoices', body: emptyList('/v1/invoices') }] });
    const report = await run();
    expect(report.differences).toEqual([]);
    expect(['partial', 'failed']).toContain(report.status);
    expect(await read()).toEqual(before);
  });

  test('half way, silence ends the run as partial, with what was mended until then', async () => {
    const first = await subscribed();
    const second = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(first.stripeId);
    await billing.stripe.subscriptions.cancel(second.stripeId);
    await faults({
      webhooks: { mode: 'drop' },
      api: [
        { match: 'GET /v1/events', body: emptyList('/v1/events') },
        { match: `GET /v1/customers/${second.stripeCustomer}`, status: 500 },
        { match: 'GET /v1/prices/*', status: 500 },
      ],
    });
    const report = await run();
    expect(report.status).toBe('partial');
    expect((await first.read()).status).toBe('canceled');
    expect((await second.read()).status).toBe('active');
    await drop();
    expect((await run()).status).toBe('done');
    expect((await second.read()).status).toBe('canceled');
  });

  test('silence from the first call on is a failed run', async () => {
    const { read } = await subscribed();
    await faults({ api: [{ match: 'GET /v1/events', status: 500 }] });
    expect(await run()).toMatchObject({ status: 'failed', checked: 0, differences: [] });
    expect((await read()).status).toBe('active');
  });
});

describe('one run', () => {
  withBilling();

  test('goes on at a time: who asks second gets the first', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => billing.operator('POST', '/reconciliations', {})),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    await Promise.all([reconcile(billing.ctx), reconcile(billing.ctx)]);
    expect((await untilOver(answers[0]!.body.id)).status).toBe('done');
  });

  test('that a killed worker left is taken up where it stood, once its lease is over', async () => {
    const { stripeId, read } = await subscribed();
    await drop();
    await billing.stripe.subscriptions.cancel(stripeId);
    const asked = await billing.operator('POST', '/reconciliations', {});
    const { db } = billing.ctx;
    const where = { id: asked.body.id as string };
    await db.reconciliation.update({
      where,
      data: { step: 'customer', lease_token: 'dead', lease_until: new Date(Date.now() + 60_000) },
    });
    await reconcile(billing.ctx);
    expect((await db.reconciliation.findUniqueOrThrow({ where })).lease_token).toBe('dead');
    expect((await read()).status).toBe('active');
    await db.reconciliation.update({ where, data: { lease_until: new Date(Date.now() - 1) } });
    const calls = await callsOf((ctx) => untilOver(where.id, ctx));
    expect(calls).not.toContain('/v1/events');
    expect((await read()).status).toBe('canceled');
  });

  test('begins by itself a day after the last one', async () => {
    const { ctx } = billing;
    const count = () => ctx.db.reconciliation.count();
    const before = await count();
    await reconcile(ctx);
    expect(await count()).toBe(before);
    const { rows } = await ctx.pool.query<{ at: Date }>(
      `SELECT created_at AS at FROM reconciliation WHERE NOT dry_run AND scope = 'all' ORDER BY id DESC LIMIT 1`,
    );
    const later = (ms: number) => ({ ...ctx, now: () => new Date(rows[0]!.at.getTime() + ms) });
    await reconcile(later(86_399_999));
    expect(await count()).toBe(before);
    await reconcile(later(86_400_000));
    expect(await count()).toBe(before + 1);
  });

  test('keeps to the calls per second it may make', async () => {
    const slow = (ctx: Context) => ({
      ...ctx,
      config: { ...ctx.config, reconcileCallsPerSecond: 50 },
    });
    await billing.operator('POST', '/reconciliations', {});
    const began = Date.now();
    const calls = await callsOf((ctx) => reconcile(slow(ctx)));
    expect(calls.length).toBeGreaterThan(10);
    // The bound, not a time: so many calls cannot have been made in less.
    expect(Date.now() - began).toBeGreaterThanOrEqual(((calls.length - 1) / 50) * 1000 - 50);
  });

  test('is for operators, takes no unknown field, and an unknown one is not there', async () => {
    const { call } = await billing.customer();
    expect((await call('POST', '/reconciliations', {})).status).toBe(403);
    const wrong = await billing.operator('POST', '/reconciliations', { dry: true });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'validation_failed']);
    const unknown = await billing.operator(
      'GET',
      '/reconciliations/rec_00000000000000000000000000',
    );
    expect(unknown.status).toBe(404);
  });
});

function emptyList(url: string) {
  return { object: 'list', url, has_more: false, data: [] };
}

/** The paths that were asked of Stripe meanwhile. */
async function callsOf(work: (ctx: Context) => Promise<unknown>): Promise<string[]> {
  const paths: string[] = [];
  const proxy = await openStripeProxy(billing.sandbox, {
    before: ({ path }) => void paths.push(path.split('?')[0]!),
  });
  await work({ ...billing.ctx, config: { ...billing.ctx.config, stripeApiBase: proxy.url } });
  await proxy.close();
  return paths;
}
