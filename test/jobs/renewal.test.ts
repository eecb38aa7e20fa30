// Months pass: renewals, a card that fails, paying what is owed, ends that were scheduled. With both clocks.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

async function subscribed(plan: string) {
  const { id: customerId, call } = await billing.customer('pm_card_visa');
  const made = await call('POST', '/subscriptions', { plan });
  expect(made.status).toBe(201);
  const path = `/subscriptions/${made.body.id}`;
  const read = async () => (await call('GET', path)).body;
  return { customerId, call, path, body: made.body, read };
}
const instantOf = (text: string) => new Date(text);
const after = (text: string, ms: number) => new Date(Date.parse(text) + ms);

describe('time passes', () => {
  test('a renewal moves the period and makes a paid invoice', async () => {
    const { call, body, read } = await subscribed('pro');
    await billing.moveTo(after(body.current_period_end, 3 * hourMs));
    const renewed = await read();
    expect(renewed).toMatchObject({
      status: 'active',
      plan: 'pro',
      current_period_start: body.current_period_end,
    });
    const { data } = (await call('GET', '/invoices')).body;
    expect(data.map(({ status }: any) => status)).toEqual(['paid', 'paid']);
    expect([data[0].period_start, data[0].period_end]).toEqual([
      renewed.current_period_start,
      renewed.current_period_end,
    ]);
  });

  test('a failing card makes it past due since the invoice was finalised; paying opens it in the same call', async () => {
    const { customerId, call, body, read } = await subscribed('pro');
    await billing.setCard(customerId, 'pm_card_chargeCustomerFail');
    await billing.moveTo(after(body.current_period_end, 2 * hourMs));
    const late = await read();
    expect(late.status).toBe('past_due');
    const [open] = (await call('GET', '/invoices')).body.data;
    expect(open).toMatchObject({ status: 'open', amount_due: 4_900 });
    const row = await billing.ctx.db.invoice.findUniqueOrThrow({ where: { id: open.id } });
    expect(late.past_due_since).toBe(row.finalized_at!.toISOString());

    await billing.moveTo(after(body.current_period_end, 6 * dayMs));
    expect(await read()).toMatchObject({ status: 'past_due', past_due_since: late.past_due_since });
    const refused = await call('POST', `/invoices/${open.id}/payment`, {});
    expect([refused.status, refused.body.code, refused.body.invoice_id]).toEqual([
      402,
      'payment_failed',
      open.id,
    ]);

    await billing.setCard(customerId, 'pm_card_visa');
    const [one, two] = await Promise.all(
      [1, 2].map(() => call('POST', `/invoices/${open.id}/payment`, {})),
    );
    expect([one!.status, two!.status]).toEqual([200, 200]);
    expect(one!.body).toMatchObject({ status: 'paid', amount_paid: 4_900 });
    expect(await read()).toMatchObject({ status: 'active', past_due_since: null });
    const again = await call('POST', `/invoices/${open.id}/payment`, {});
    expect([again.status, again.body]).toEqual([200, one!.body]);
  });

  test('an older card on the subscription does not stand in the way of the one put in last', async () => {
    const { customerId, call, body, read } = await subscribed('pro');
    const { body: customer } = await billing.operator('GET', `/customers/${customerId}`);
    const old = await billing.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
      customer: customer.stripe_customer_id,
    });
    await billing.stripe.subscriptions.update(body.stripe_subscription_id, {
      default_payment_method: old.id,
    });
    await billing.moveTo(after(body.current_period_end, 2 * hourMs));
    expect((await read()).status).toBe('past_due');
    const [open] = (await call('GET', '/invoices')).body.data;
    const paid = await call('POST', `/invoices/${open.id}/payment`, {});
    expect([paid.status, paid.body.status]).toEqual([200, 'paid']);
    expect((await read()).status).toBe('active');
  });

  test('from paid to free: what was paid for is used up, then free begins that instant', async () => {
    const { call, path, body, read } = await subscribed('pro');
    const changed = await call('PATCH', path, { plan: 'free' });
    expect(changed.body).toMatchObject({
      plan: 'pro', status: 'active', cancel_at: body.current_period_end,
      pending_change: { plan: 'free', quantity: 1, effective_at: body.current_period_end, reason: 'scheduled' },
    }); // prettier-ignore
    await billing.moveTo(after(body.current_period_end, hourMs));
    expect(await read()).toMatchObject({ status: 'canceled', pending_change: null });
    const { data } = (await call('GET', '/subscriptions')).body;
    const free = data.find(({ plan }: any) => plan === 'free');
    expect(free).toMatchObject({
      status: 'active',
      stripe_subscription_id: null,
      current_period_start: body.current_period_end,
    });
    expect(data).toHaveLength(2);
    await billing.runJobs();
    expect((await call('GET', '/subscriptions')).body.data).toHaveLength(2);
  });

  test('from paid to free, taken back, nothing follows', async () => {
    const { call, path, read } = await subscribed('pro');
    await call('PATCH', path, { plan: 'free' });
    expect((await call('DELETE', `${path}/cancellation`)).status).toBe(204);
    expect(await read()).toMatchObject({ plan: 'pro', cancel_at: null, pending_change: null });
  });

  test('a scheduled downgrade happens at the end of the period', async () => {
    const { call, path, body, read } = await subscribed('scale');
    await call('PATCH', path, { plan: 'pro', effective: 'period_end' });
    await billing.moveTo(after(body.current_period_end, 3 * hourMs));
    expect(await read()).toMatchObject({ plan: 'pro', status: 'active', pending_change: null });
  });

  test('a trial ends in the first payment', async () => {
    const { call, body, read } = await subscribed('trial');
    await billing.moveTo(after(body.trial_end, 3 * hourMs));
    expect(await read()).toMatchObject({ status: 'active' });
    const { data } = (await call('GET', '/invoices')).body;
    expect(data.map(({ amount_paid }: any) => amount_paid)).toEqual([4_900, 0]);
  });

  test('a free subscription ends on its date', async () => {
    const { id, call } = await billing.customer();
    const { body } = await call('POST', '/subscriptions', { plan: 'free' });
    await call('PUT', `/subscriptions/${body.id}/cancellation`, { effective: 'period_end' });
    await billing.moveTo(after(body.current_period_end, hourMs));
    expect((await call('GET', `/subscriptions/${body.id}`)).body.status).toBe('canceled');
    const row = await billing.ctx.db.subscription.findUniqueOrThrow({ where: { id: body.id } });
    expect([row.customer_id, row.status, row.ended_at]).toEqual([
      id,
      'canceled',
      instantOf(body.current_period_end),
    ]);
  });

  test('a page that nobody paid on is over after a day, whatever events were lost', async () => {
    const { call } = await billing.customer();
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    await billing.moveTo(new Date(billing.ctx.now().getTime() + 25 * hourMs));
    await billing.control('PUT', '/_sandbox/faults', {});
    const read = await call('GET', `/subscriptions/${free.body.id}`);
    expect(read.body).toMatchObject({
      plan: 'free',
      status: 'active',
      pending_change: null,
      checkout_url: null,
    });
  });

  test('a renewal is noticed although every event was dropped', async () => {
    const { body, read } = await subscribed('pro');
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    await billing.moveTo(after(body.current_period_end, 3 * hourMs));
    await billing.control('PUT', '/_sandbox/faults', {});
    expect((await read()).current_period_start).toBe(body.current_period_end);
  });

  test('each job run twice is run once', async () => {
    await billing.runJobs();
    const before = await billing.ctx.db.auditEntry.count();
    await billing.runJobs();
    expect(await billing.ctx.db.auditEntry.count()).toBe(before);
  });
});
