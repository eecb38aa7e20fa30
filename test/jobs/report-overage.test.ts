// Overage onto invoices: used through the check, billed by the sandbox, with both clocks. The jobs run when a test
// says so; no worker runs beside it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { runJob } from '../../jobs/run.ts';
import { createContext } from '../../src/context.ts';
import { windowAt } from '../../src/domain/window.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { moveSandboxClock } from '../support/stripe.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

let billing: Billing;
const soft = (max: number, price: string, window = 'billing_period') => ({
  window,
  max,
  on_exceed: 'payment',
  overage: { unit_amount_decimal: price },
});
const price = (amount: number, interval = 'month') => ({ amount, currency: 'usd', interval });

beforeAll(async () => {
  billing = await startBilling({ worker: false });
  const calls = (max: number, unit: string) => [{ feature: 'calls', limits: [soft(max, unit)] }];
  const plans = [
    { key: 'metered', name: 'Metered', price: price(1_000), features: calls(100, '1.5') },
    { key: 'bigger', name: 'Bigger', price: price(5_000), features: calls(1_000, '0.5') },
    { key: 'hard', name: 'Hard', price: price(500), features: [{ feature: 'calls', limits: [{ window: 'billing_period', max: 50 }] }] },
    { key: 'daily', name: 'Daily', price: price(1_000), features: [{ feature: 'calls', limits: [soft(10, '100', 'day')] }] },
    { key: 'monthly', name: 'Monthly', price: price(1_000), features: [{ feature: 'calls', limits: [soft(10, '100', 'month')] }] },
    { key: 'annual', name: 'Annual', price: price(10_000, 'year'), features: calls(100, '1.5') },
    { key: 'tried', name: 'Tried', price: price(1_000), trial_days: 14, features: calls(100, '1.5') },
  ]; // prettier-ignore
  for (const plan of plans) {
    const made = await billing.operator('POST', '/plans', plan);
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  }
});
afterAll(() => billing.close());
afterEach(() => billing.control('PUT', '/_sandbox/faults', {}));

const at = (instant: string | Date, ms: number) => new Date(new Date(instant).getTime() + ms);
const report = () => runJob(billing.ctx, 'report-overage');

/** Both clocks, and what the passing of time makes due here. */
async function moveTo(to: Date) {
  await moveSandboxClock(billing.sandbox, to);
  const { now } = await billing.control('GET', '/_sandbox/clock');
  // The sandbox's clock goes on while it delivers: what begins there now must not lie ahead of us.
  await setClock(Date.parse(now) + 1_000);
  for (const job of ['process-stripe-event', 'renew-subscriptions', 'report-overage'])
    await runJob(billing.ctx, job);
}

/** Whoever leaves a plan in the second in which it was metered has an event and an item of one and the same second. */
async function toSecondOfMetering({ stripeId }: Subscribed) {
  const { data } = await billing.stripe.subscriptionItems.list({ subscription: stripeId });
  const created = Math.max(...data.map((item) => item.created));
  await setClock(created * 1_000 + 50);
}

async function setClock(at: number) {
  await billing.ctx.pool.query('UPDATE clock SET offset_ms = $1', [at - Date.now()]);
  await billing.ctx.clock.refresh();
}

async function subscribed(plan: string) {
  const { id, call } = await billing.customer('pm_card_visa');
  const made = await call('POST', '/subscriptions', { plan });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  let records = 0;
  return {
    id,
    call,
    path: `/subscriptions/${made.body.id}`,
    subscription: made.body.id as string,
    stripeId: made.body.stripe_subscription_id as string,
    end: made.body.current_period_end as string,
    /** Told usage, which no limit denies; `when` in the past counts in the windows of its time. */
    async use(units: number, when?: Date) {
      records += 1;
      const answer = await billing.operator('POST', '/usage', {
        customer_id: id,
        feature: 'calls',
        units,
        id: `use-${records}`,
        ...(when ? { at: when.toISOString() } : {}),
      });
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
    },
    /** Stripe's invoices, newest first, as `status total` and the lines that are overage. */
    async invoices() {
      const { data } = await billing.stripe.invoices.list({ customer: await stripeCustomer(id) });
      return data.map((invoice) => ({
        status: invoice.status,
        total: invoice.total,
        overage: invoice.lines.data
          .filter((line) => line.description?.includes('beyond') && line.quantity)
          .map((line) => [line.quantity, line.amount]),
      }));
    },
    charges: () =>
      billing.ctx.db.overageCharge.findMany({ where: { customer_id: id }, orderBy: { id: 'asc' } }),
  };
}

async function stripeCustomer(id: string): Promise<string> {
  return (await billing.operator('GET', `/customers/${id}`)).body.stripe_customer_id;
}

type Subscribed = Awaited<ReturnType<typeof subscribed>>;

const paid = (total: number, overage: number[][] = []) => ({ status: 'paid', total, overage });

describe('one period of many customers', () => {
  const of = {} as Record<string, Subscribed>;
  const ends = () => Object.values(of).map(({ end }) => end).toSorted().at(-1)!; // prettier-ignore

  beforeAll(async () => {
    const plans = {
      seen: 'metered', capped: 'metered', smaller: 'bigger', left: 'metered', ended: 'metered', ending: 'metered', days: 'daily',
      month: 'monthly', unseen: 'metered', entered: 'hard', tried: 'tried', moderate: 'metered', granted: 'metered', shortened: 'metered',
    }; // prettier-ignore
    const subscribing = Object.entries(plans).map(async ([name, plan]) => {
      of[name] = await subscribed(plan);
    });
    await Promise.all(subscribing);
    await billing.operator('PATCH', `/customers/${of['capped']!.id}`, { spend_cap: 60 });
    await billing.delivered();
  });

  beforeAll(async () => {
    await of['seen']!.use(110);
    await of['capped']!.use(5_000);
    await of['smaller']!.use(1_200);
    await of['left']!.use(150);
    await of['entered']!.use(300);
    await of['entered']!.call('PATCH', of['entered']!.path, { plan: 'metered', effective: 'now' });
    await of['entered']!.use(10);
    await of['ended']!.use(140);
    await of['ending']!.use(160);
    await of['days']!.use(15);
    await of['tried']!.use(150);
    await of['moderate']!.use(100);
    const override = (name: string, body: object) =>
      billing.operator('PUT', `/customers/${of[name]!.id}/overrides/calls`, body);
    await override('granted', {
      extra: 50,
      expires_at: at(of['granted']!.end, -dayMs),
      reason: 'x',
    });
    await of['granted']!.use(170);
    await override('shortened', { limit: 60, reason: 'x' });
    await of['shortened']!.use(70);
    await report();
    await of['smaller']!.call('PATCH', of['smaller']!.path, {
      plan: 'metered',
      effective: 'period_end',
    });
    await toSecondOfMetering(of['left']!);
    await of['left']!.call('PATCH', of['left']!.path, { plan: 'hard', effective: 'now' });
    await of['ended']!.call('PUT', `${of['ended']!.path}/cancellation`, { effective: 'now' });
    await of['ending']!.call('PUT', `${of['ending']!.path}/cancellation`, {
      effective: 'period_end',
    });
    await moveTo(at(ends(), -5 * dayMs));
    await of['days']!.use(9);
    await of['days']!.use(12, at(billing.ctx.now(), -dayMs + hourMs));
    await of['seen']!.use(11);
    await of['unseen']!.use(130);
    await of['month']!.use(12);
    await moveTo(at(ends(), 10 * minuteMs));
  });

  test('a passed limit makes the subscription metered, and no other', async () => {
    const kinds = async ({ stripeId }: Subscribed) => {
      const { data } = await billing.stripe.subscriptionItems.list({ subscription: stripeId });
      return data.map((item) => item.price.recurring?.usage_type);
    };
    expect(await kinds(of['seen']!)).toEqual(['licensed', 'metered']);
    expect(await kinds(of['moderate']!)).toEqual(['licensed']);
  });

  test('goes to the meter once the period is over, while its invoice is a draft', async () => {
    expect(await of['seen']!.charges()).toMatchObject([
      { state: 'due', way: 'meter', units: 21n, billed_units: 21n },
    ]);
  });

  test('usage told late comes onto the same invoice while that is a draft', async () => {
    await of['seen']!.use(4, at(of['seen']!.end, -hourMs));
    await report();
    expect(await of['seen']!.charges()).toMatchObject([
      { units: 21n },
      { units: 4n, way: 'meter' },
    ]);
  });

  test('two hours later the invoices are paid, and say what is on them', async () => {
    await moveTo(at(ends(), 3 * hourMs));
    // 25 × 1.5 = 37.5, rounded once by Stripe.
    expect(await of['seen']!.invoices()).toEqual([paid(1_038, [[25, 38]]), paid(1_000)]);
    expect(await of['moderate']!.invoices()).toEqual([paid(1_000), paid(1_000)]);
    expect((await of['seen']!.charges()).map(({ state }) => state)).toEqual(['done', 'done']);
  });

  test('a spend cap bounds the bill to the last unit', async () => {
    expect(await of['capped']!.invoices()).toEqual([paid(1_060, [[40, 60]]), paid(1_000)]);
    expect(await of['capped']!.charges()).toMatchObject([
      { units: 4_900n, billed_units: 40n, reason: 'spend_cap', state: 'done' },
    ]);
  });

  test('what an override grants for a part of the period is granted for all of it; a smaller limit counts too', async () => {
    expect(await of['granted']!.invoices()).toEqual([paid(1_030, [[20, 30]]), paid(1_000)]);
    expect(await of['shortened']!.invoices()).toEqual([paid(1_015, [[10, 15]]), paid(1_000)]);
  });

  test('a smaller plan from the next period on leaves the overage of the old one at its price', async () => {
    expect(await of['smaller']!.invoices()).toEqual([paid(1_100, [[200, 100]]), paid(5_000)]);
  });

  test('a plan left in the middle of the period leaves its overage on the invoice that ends the period', async () => {
    const [renewal, ...earlier] = await of['left']!.invoices();
    expect(renewal).toMatchObject({ status: 'paid', total: 575, overage: [[50, 75]] });
    expect(earlier.flatMap(({ overage }) => overage)).toEqual([]);
  });

  test('a plan that is entered in the middle charges what is used under it', async () => {
    expect((await of['entered']!.invoices())[0]).toEqual(paid(1_015, [[10, 15]]));
  });

  test('a subscription that was ended at once, or ran out, is sent a last bill that is collected', async () => {
    expect(await of['ended']!.invoices()).toEqual([paid(60, [[40, 60]]), paid(1_000)]);
    const [bill] = await of['ending']!.invoices();
    expect(bill).toMatchObject({ total: 90, overage: [[60, 90]] });
    await moveTo(at(ends(), 5 * hourMs));
    expect(await of['ending']!.invoices()).toEqual([paid(90, [[60, 90]]), paid(1_000)]);
  });

  test('the days of a period are one line', async () => {
    expect(await of['days']!.invoices()).toEqual([paid(1_700, [[7, 700]]), paid(1_000)]);
  });

  test('what a month holds when the period ends is on its invoice; the rest of the month follows', async () => {
    expect(await of['month']!.invoices()).toEqual([paid(1_200, [[2, 200]]), paid(1_000)]);
  });

  test('who was not metered in time is charged on the draft itself', async () => {
    expect(await of['unseen']!.invoices()).toEqual([paid(1_045, [[30, 45]]), paid(1_000)]);
    expect(await of['unseen']!.charges()).toMatchObject([{ state: 'done', way: 'item' }]);
  });

  test('usage of a trial is not charged, and that is written down', async () => {
    expect(await of['tried']!.charges()).toMatchObject([
      { state: 'waived', reason: 'trial', units: 50n, billed_units: 0n },
    ]);
    const invoices = await of['tried']!.invoices();
    expect(invoices.flatMap(({ overage }) => overage)).toEqual([]);
  });

  test('usage told after the invoice has closed waits for the next one', async () => {
    await of['moderate']!.use(20, at(of['moderate']!.end, -hourMs));
    await report();
    expect(await of['moderate']!.charges()).toMatchObject([
      { state: 'done', way: 'item', units: 20n },
    ]);
    expect(await of['moderate']!.invoices()).toHaveLength(2);
  });

  test('run again, by two workers at once, nothing is added', async () => {
    const before = await billing.ctx.db.overageCharge.findMany({ orderBy: { id: 'asc' } });
    const other = await createContext(billing.test.config, 'worker');
    await Promise.all([report(), runJob(other, 'report-overage'), report()]);
    await other.close();
    expect(await billing.ctx.db.overageCharge.findMany({ orderBy: { id: 'asc' } })).toEqual(before);
  });

  test('a month later the rest is paid, once, and items of plans that were left are gone', async () => {
    await moveTo(at(ends(), 32 * dayMs));
    const newest = async (who: Subscribed) => (await who.invoices())[0];
    expect(await newest(of['moderate']!)).toEqual(paid(1_030, [[20, 30]]));
    expect(await newest(of['seen']!)).toEqual(paid(1_000));
    expect(await newest(of['left']!)).toEqual(paid(500));
    const { data } = await billing.stripe.subscriptionItems.list({
      subscription: of['left']!.stripeId,
    });
    expect(data).toHaveLength(1);
    expect(await of['ended']!.invoices()).toHaveLength(2);
  });
});

test('what SQL takes for the end of a window is never late, and no more than three hours early', async () => {
  const zones = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Australia/Lord_Howe', 'America/Sao_Paulo']; // prettier-ignore
  const any = { start: 0, end: 0 };
  const windows = zones.flatMap((zone) =>
    (['minute', 'hour', 'day', 'month'] as const).flatMap((kind) =>
      Array.from({ length: 60 }, (_, i) =>
        windowAt(kind, Date.UTC(2026, 0, 1) + i * 9.37 * dayMs, zone, any),
      ).map(({ start, end }) => ({ kind, start, end })),
    ),
  );
  const { rows } = await billing.ctx.pool.query<{ early: number }>(
    `SELECT w.over - ms(window_ends_about(w.kind, to_timestamp(w.start / 1000.0), NULL)) AS early
     FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS w (kind, start, over)`,
    [
      windows.map(({ kind }) => kind),
      windows.map(({ start }) => start),
      windows.map(({ end }) => end),
    ],
  );
  expect(rows).toHaveLength(windows.length);
  expect(Math.min(...rows.map(({ early }) => early))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...rows.map(({ early }) => early))).toBeLessThanOrEqual(3 * hourMs);
});
