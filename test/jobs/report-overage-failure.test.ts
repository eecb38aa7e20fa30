// Overage while things go wrong: answers that are lost after Stripe has acted, two workers at once, events that Stripe
// counts too late, charges it refuses, workers that were away. No unit is billed twice, and none is lost in silence.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { runJob } from '../../jobs/run.ts';
import { createContext } from '../../src/context.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { moveSandboxClock } from '../support/stripe.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

let billing: Billing;
const features = (window: string) => [
  {
    feature: 'calls',
    limits: [{ window, max: 100, overage: { unit_amount_decimal: '2' } }],
  },
];

beforeAll(async () => {
  billing = await startBilling({ worker: false });
  const price = (amount: number, interval: string) => ({ amount, currency: 'usd', interval });
  for (const plan of [
    { key: 'metered', name: 'Metered', price: price(1_000, 'month'), features: features('billing_period') },
    { key: 'hourly', name: 'Hourly', price: price(1_000, 'month'), features: features('hour') },
    { key: 'annual', name: 'Annual', price: price(10_000, 'year'), features: features('billing_period') },
  ]) await billing.operator('POST', '/plans', plan); // prettier-ignore
});
afterAll(() => billing.close());
const heal = () => billing.control('PUT', '/_sandbox/faults', {});
afterEach(heal);

const at = (instant: string | Date, ms: number) => new Date(new Date(instant).getTime() + ms);
const report = () => runJob(billing.ctx, 'report-overage');

async function subscribed(plan: string) {
  const { id, call } = await billing.customer('pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan });
  await billing.delivered();
  const { stripe_customer_id: stripeCustomer } = (await billing.operator('GET', `/customers/${id}`))
    .body;
  let records = 0;
  return {
    path: `/subscriptions/${body.id}`,
    call,
    stripeCustomer: stripeCustomer as string,
    stripeId: body.stripe_subscription_id as string,
    end: body.current_period_end as string,
    async use(units: number) {
      records += 1;
      const record = { customer_id: id, feature: 'calls', units, id: `use-${records}` };
      expect((await billing.operator('POST', '/usage', record)).status).toBeLessThan(300);
    },
    /** Newest first: total, and the units of overage on it. */
    async invoices() {
      const { data } = await billing.stripe.invoices.list({ customer: stripeCustomer, limit: 100 });
      return data.map(({ status, total, lines }) => {
        const units = lines.data.filter((line) => line.description?.includes('beyond'));
        return [status, total, units.reduce((sum, line) => sum + (line.quantity ?? 0), 0)];
      });
    },
    charges: () => billing.ctx.db.overageCharge.findMany({ where: { customer_id: id }, orderBy: { id: 'asc' } }),
  }; // prettier-ignore
}

/** Stripe does it, and nobody hears of it: the SDK's own two tries again included. */
const loseAnswers = (match: string, calls = 1) =>
  billing.control('PUT', '/_sandbox/faults', {
    api: [{ match, reset: 'after', times: 3 * calls }],
  });

/** As if the wait after a failure were over. */
async function again() {
  await billing.ctx.pool.query(`UPDATE job_attempt SET next_attempt_at = clock_timestamp()`);
  await report();
}

/** Both clocks and what Stripe tells of it; no overage is reported. */
async function passTo(to: Date) {
  await moveSandboxClock(billing.sandbox, to);
  // The sandbox's clock goes on while it delivers: what begins there now must not lie ahead of us.
  const { now } = await billing.control('GET', '/_sandbox/clock');
  await billing.ctx.pool.query('UPDATE clock SET offset_ms = $1', [
    Date.parse(now) + 1_000 - Date.now(),
  ]);
  await billing.ctx.clock.refresh();
  await runJob(billing.ctx, 'process-stripe-event');
  await runJob(billing.ctx, 'renew-subscriptions');
}

async function failures() {
  const { body } = await billing.operator('GET', '/jobs/failures');
  return body.data.filter(({ kind }: any) => kind.startsWith('overage'));
}

describe('answers that are lost', () => {
  test('while meter, price and item are made: there is one of each', async () => {
    const who = await Promise.all([1, 2, 3].map(() => subscribed('metered')));
    for (const one of who) await one.use(150);
    for (const path of ['billing/meters', 'prices', 'subscription_items']) {
      await loseAnswers(`POST /v1/${path}`, who.length);
      await again();
      expect(await failures()).not.toEqual([]);
    }
    await heal();
    await again();
    expect(await failures()).toEqual([]);
    const meters = (await billing.stripe.billing.meters.list({ limit: 100 })).data;
    expect(meters.map(({ display_name }) => display_name)).toEqual([
      'Metered: calls beyond the limit',
    ]);
    const prices = await billing.stripe.prices.list({ recurring: { meter: meters[0]!.id } });
    expect(prices.data).toHaveLength(1);
    for (const { stripeId } of who) {
      const { data } = await billing.stripe.subscriptionItems.list({ subscription: stripeId });
      expect(data).toHaveLength(2);
    }

    await passTo(at(who[2]!.end, 10 * minuteMs));
    const other = await createContext(billing.test.config, 'worker');
    await loseAnswers('POST /v1/billing/meter_events', who.length);
    await Promise.all([report(), runJob(other, 'report-overage')]);
    expect(await failures()).toHaveLength(who.length);
    await heal();
    await Promise.all([again(), runJob(other, 'report-overage')]);
    await other.close();
    await passTo(at(who[2]!.end, 3 * hourMs));
    await report();
    for (const one of who) {
      expect(await one.invoices()).toEqual([['paid', 1_100, 50], ['paid', 1_000, 0]]);
      expect((await one.charges()).map(({ state, way }) => [state, way])).toEqual([['done', 'meter']]);
    } // prettier-ignore
  });

  test('while the last bill of a subscription is made: there is one, with one line', async () => {
    const one = await subscribed('metered');
    await one.use(130);
    await one.call('PUT', `${one.path}/cancellation`, { effective: 'now' });
    for (const path of ['invoices', 'invoiceitems']) {
      await loseAnswers(`POST /v1/${path}`);
      await again();
      expect(await failures()).toHaveLength(1);
    }
    await heal();
    await again();
    expect(await failures()).toEqual([]);
    await passTo(at(billing.ctx.now(), 2 * hourMs));
    expect(await one.invoices()).toEqual([['paid', 60, 30], ['paid', 1_000, 0]]); // prettier-ignore
  });
});

describe('what Stripe does not bill', () => {
  test('a meter event that is not on the closed invoice becomes an item on the next one', async () => {
    const one = await subscribed('metered');
    await one.use(150);
    await report();
    await passTo(at(one.end, 10 * minuteMs));
    await report();
    const [charge] = await one.charges();
    expect(charge).toMatchObject({ state: 'due', way: 'meter' });
    // As if it had been counted too late.
    await billing.stripe.billing.meterEventAdjustments.create({
      event_name: `tollgate.${charge!.overage_price_id}`,
      type: 'cancel',
      cancel: { identifier: charge!.id },
    });
    await passTo(at(one.end, 3 * hourMs));
    await report();
    expect(await one.charges()).toMatchObject([{ state: 'done', way: 'item' }]);
    expect((await one.invoices())[0]).toEqual(['paid', 1_000, 0]);
    await passTo(at(one.end, 32 * dayMs));
    expect((await one.invoices())[0]).toEqual(['paid', 1_100, 50]);
  });

  test('a charge that is refused stands in nobody’s way, is seen, and goes through once it is tried again', async () => {
    const who = await Promise.all([1, 2, 3].map(() => subscribed('metered')));
    for (const one of who) await one.use(110);
    await passTo(at(who[2]!.end, 10 * minuteMs));
    await billing.control('PUT', '/_sandbox/faults', {
      api: [
        {
          match: 'POST /v1/invoiceitems',
          status: 400,
          body: { error: { type: 'invalid_request_error', message: 'No.' } },
          times: 1,
        },
      ],
    });
    await report();
    const [failed, ...others] = await failures();
    expect(others).toEqual([]);
    expect(failed).toMatchObject({ kind: 'overage_charge', job: 'report-overage', attempts: 1 });
    expect(failed.last_error).toMatch(/No\./);
    const states = async () =>
      (await Promise.all(who.map((one) => one.charges()))).flat().map(({ state }) => state);
    expect((await states()).toSorted()).toEqual(['done', 'done', 'due']);
    const retried = await billing.operator('POST', `/jobs/failures/${failed.id}/retry`, {});
    expect(retried.status).toBeLessThan(300);
    await report();
    expect(await states()).toEqual(['done', 'done', 'done']);
    expect(await failures()).toEqual([]);
  });
});

describe('a worker that was away', () => {
  test('bills on the next invoice, and nothing is thrown away before', async () => {
    const month = await subscribed('metered');
    const hour = await subscribed('hourly');
    await month.use(130);
    await hour.use(120);
    const hours = () => billing.ctx.db.usageCounter.count({ where: { window: 'hour' } });
    await passTo(at(billing.ctx.now(), 20 * dayMs));
    await runJob(billing.ctx, 'expire-usage');
    expect(await hours()).toBe(1);
    await passTo(at(hour.end, 5 * hourMs));
    await report();
    await runJob(billing.ctx, 'expire-usage');
    expect(await hours()).toBe(0);
    expect((await month.invoices())[0]).toEqual(['paid', 1_000, 0]);
    await passTo(at(hour.end, 32 * dayMs));
    expect((await month.invoices())[0]).toEqual(['paid', 1_060, 30]);
    expect((await hour.invoices())[0]).toEqual(['paid', 1_040, 20]);
  });

  test('sends a bill of its own to who would wait a year for the next', async () => {
    const one = await subscribed('metered');
    await one.use(150);
    const changed = await one.call('PATCH', one.path, { plan: 'annual', effective: 'now' });
    expect(changed.status).toBe(200);
    await report();
    await passTo(at(one.end, 10 * minuteMs));
    await report();
    await passTo(at(one.end, 3 * hourMs));
    expect((await one.invoices())[0]).toEqual(['paid', 100, 50]);
  });
});
