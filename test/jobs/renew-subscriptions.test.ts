// What happens around the end of a period: it is announced once, with what it will cost and whether the card lasts;
// and what Stripe does not know renews here, period by period.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const dayMs = 86_400_000;
let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

const notices = (customerId: string) =>
  billing.ctx.db.notice.findMany({ where: { customer_id: customerId }, orderBy: { id: 'asc' } });
const before = (instant: string, days: number) => new Date(Date.parse(instant) - days * dayMs);

async function subscribed(plan: string, body: object = {}) {
  const customer = await billing.customer('pm_card_visa');
  const made = await customer.call('POST', '/subscriptions', { plan, ...body });
  expect(made.status).toBe(201);
  await billing.delivered();
  await billing.runJobs();
  return { ...customer, subscription: made.body };
}

describe('a renewal', () => {
  test('is announced once, seven days before, with its amount', async () => {
    const { id, subscription } = await subscribed('pro', { quantity: 3 });
    const end = subscription.current_period_end;
    await billing.moveTo(new Date(before(end, 7).getTime() - 60_000));
    expect(await notices(id)).toEqual([]);
    await billing.moveTo(before(end, 7));
    await billing.runJobs();
    await billing.moveTo(before(end, 3));
    const told = await notices(id);
    expect(told.map(({ kind, data }) => [kind, data])).toEqual([
      [
        'renewal_upcoming',
        {
          plan: 'Pro',
          amount: { amount: 14_700, currency: 'usd' },
          renews_at: end,
          card_expires_at: null,
        },
      ],
    ]);
  });

  test('says that the card will have expired by then', async () => {
    const { id, subscription } = await subscribed('pro');
    const end = new Date(subscription.current_period_end);
    const { stripe_customer_id: customer } = (await billing.operator('GET', `/customers/${id}`))
      .body;
    const { data } = await billing.stripe.paymentMethods.list({ customer });
    // The last month it is good for is the one before the renewal's.
    const last = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - 1));
    const card = { exp_month: last.getUTCMonth() + 1, exp_year: last.getUTCFullYear() };
    await billing.stripe.paymentMethods.update(data[0]!.id, { card });
    await billing.delivered();
    await billing.moveTo(before(end.toISOString(), 5));
    const [told] = await notices(id);
    expect(told!.data).toMatchObject({
      card_expires_at: new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth())).toISOString(),
    });
  });

  test('of a trial is announced as its end; one that was canceled or is switched off is not announced', async () => {
    const trial = await subscribed('trial');
    const canceled = await subscribed('trial');
    await canceled.call('PUT', `/subscriptions/${canceled.subscription.id}/cancellation`, {});
    await billing.moveTo(before(trial.subscription.trial_end, 2));
    expect((await notices(trial.id)).map(({ kind }) => kind)).toEqual(['trial_ending']);
    expect(await notices(canceled.id)).toEqual([]);
    await billing.operator('PATCH', '/settings', { renewal_notice_days: 0 });
    const silent = await subscribed('trial');
    await billing.moveTo(before(silent.subscription.trial_end, 1));
    expect(await notices(silent.id)).toEqual([]);
    await billing.operator('PATCH', '/settings', { renewal_notice_days: 7 });
  });

  test('is announced once Stripe can be asked again; until then operators see it', async () => {
    const { id, subscription } = await subscribed('pro');
    const api = [{ match: 'POST /v1/invoices/create_preview', status: 500 }];
    await billing.control('PUT', '/_sandbox/faults', { api });
    await billing.moveTo(before(subscription.current_period_end, 6));
    const { body } = await billing.operator('GET', '/jobs/failures');
    const failed = body.data.filter(({ kind }: any) => kind === 'renewal_notice');
    expect(failed.length).toBeGreaterThan(0);
    expect(await notices(id)).toEqual([]);
    await billing.control('PUT', '/_sandbox/faults', {});
    for (const failure of failed) {
      await billing.operator('POST', `/jobs/failures/${failure.id}/retry`, {});
    }
    await billing.runJobs();
    expect((await notices(id)).map(({ kind }) => kind)).toEqual(['renewal_upcoming']);
  });
});

describe('what Stripe does not know', () => {
  test('renews period by period, also where no worker ran for three of them', async () => {
    const customer = await billing.customer();
    const made = await customer.call('POST', '/subscriptions', { plan: 'free' });
    await billing.runJobs();
    await billing.runJobs();
    const starts = [made.body.current_period_end];
    for (let month = 1; month < 3; month += 1) {
      const next = new Date(starts.at(-1));
      next.setUTCMonth(next.getUTCMonth() + 1);
      starts.push(next.toISOString());
    }
    await billing.moveTo(new Date(Date.parse(starts[2]) + dayMs));
    await billing.runJobs();
    const renewals = await billing.ctx.db.event.findMany({
      where: { customer_id: customer.id, type: 'subscription.renewed' },
      orderBy: { sequence: 'asc' },
    });
    const told = renewals.map(({ at, data }) => [
      at.toISOString(),
      (data as any).subscription.current_period_start,
    ]);
    expect(told).toEqual(starts.map((start) => [start, start]));
  });

  test('a gift is a paid plan without Stripe: given by operators, renewed here, paid for by choice', async () => {
    const customer = await billing.customer('pm_card_visa');
    const give = { customer_id: customer.id, plan: 'pro', comped: true, quantity: 2 };
    const refused = await customer.call('POST', '/subscriptions', { plan: 'pro', comped: true });
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/comped']);
    const free = await billing.operator('POST', '/subscriptions', { ...give, plan: 'free' });
    expect(free.status).toBe(422);
    const made = await billing.operator('POST', '/subscriptions', give);
    expect(made.body).toMatchObject({
      plan: 'pro', status: 'active', comped: true, quantity: 2, stripe_subscription_id: null,
    }); // prettier-ignore
    expect((await billing.operator('POST', '/subscriptions', give)).status).toBe(409);
    const end = new Date(made.body.current_period_end);
    await billing.runJobs();
    await billing.moveTo(new Date(end.getTime() + dayMs));
    const renewed = (await customer.call('GET', `/subscriptions/${made.body.id}`)).body;
    expect(renewed).toMatchObject({ plan: 'pro', status: 'active', comped: true });
    expect(renewed.current_period_start).toBe(end.toISOString());
    const { body } = await customer.call('GET', `/customers/${customer.id}/entitlements`);
    expect(body).toMatchObject({ plan: 'pro', access: 'full' });
    const paid = await customer.call('PATCH', `/subscriptions/${made.body.id}`, { plan: 'pro' });
    expect(paid.body).toMatchObject({
      id: made.body.id,
      plan: 'pro',
      status: 'active',
      comped: false,
    });
    expect(paid.body.stripe_subscription_id).toMatch(/^sub_/);
  });
});
