// A payment that stays late: one notice per step, at its instant, whatever runs twice; the end of the ladder ends the
// subscription; a new payment method is tried at once; what is paid is asked for no more.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const hourMs = 3_600_000;
let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

/** A customer of Pro whose card fails from now on, three hours after the renewal failed. */
async function debtor() {
  const customer = await billing.customer('pm_card_visa');
  const { body } = await customer.call('POST', '/subscriptions', { plan: 'pro' });
  await billing.setCard(customer.id, 'pm_card_chargeCustomerFail');
  const path = `/subscriptions/${body.id}`;
  const read = async () => (await customer.call('GET', path)).body;
  const renewal = Date.parse(body.current_period_end);
  return { ...customer, id: customer.id, subscriptionId: body.id as string, read, renewal };
}
type Debtor = Awaited<ReturnType<typeof debtor>>;

async function fallBehind() {
  const customer = await debtor();
  await billing.moveTo(new Date(customer.renewal + 3 * hourMs));
  const { status, past_due_since } = await customer.read();
  expect(status).toBe('past_due');
  return { ...customer, since: Date.parse(past_due_since) };
}

/** What this customer was told, in order, the welcome of renewals left out. */
async function told({ id }: { id: string }): Promise<string[]> {
  const rows = await billing.ctx.db.notice.findMany({
    where: { customer_id: id, kind: { not: 'renewal_upcoming' } },
    orderBy: { id: 'asc' },
  });
  return rows.map(({ kind }) => kind);
}
const attempts = ({ id }: Debtor) =>
  billing.ctx.db.paymentAttempt.findMany({
    where: { invoice: { customer_id: id } },
    orderBy: { id: 'asc' },
  });
const atStripe = async ({ subscriptionId }: Debtor) => {
  const row = await billing.ctx.db.subscription.findUniqueOrThrow({
    where: { id: subscriptionId },
  });
  return billing.stripe.subscriptions.retrieve(row.stripe_subscription_id!);
};

describe('a late payment', () => {
  test('is told once per step, at its instant, and ends with the subscription', async () => {
    const customer = await fallBehind();
    const { since } = customer;
    const seen = ['payment_failed'];
    expect(await told(customer)).toEqual(seen);
    const steps = [
      [72, 'payment_past_due'],
      [168, 'access_read_only'],
      [336, 'access_denied'],
      [720, 'subscription_canceled_unpaid'],
    ] as const;
    for (const [hours, kind] of steps) {
      await billing.moveTo(new Date(since + hours * hourMs - 60_000));
      expect(await told(customer)).toEqual(seen);
      await billing.moveTo(new Date(since + hours * hourMs));
      await billing.runJobs();
      seen.push(kind);
      expect(await told(customer)).toEqual(seen);
    }
    expect(await customer.read()).toMatchObject({ status: 'canceled', past_due_since: null });
    expect((await atStripe(customer)).status).toBe('canceled');
    const debts = await billing.ctx.db.dunning.findMany({ where: { customer_id: customer.id } });
    expect(debts.map(({ outcome }) => outcome)).toEqual(['canceled']);
  });

  test('that nobody looked at for days is told once, as it stands now', async () => {
    const customer = await debtor();
    await billing.moveTo(new Date(customer.renewal + 200 * hourMs));
    expect(await told(customer)).toEqual(['access_read_only']);
    await billing.setCard(customer.id, 'pm_card_visa');
    await billing.delivered();
    await billing.runJobs();
    expect(await told(customer)).toEqual(['access_read_only', 'payment_recovered']);
  });

  test('that waits for the payer says so at once', async () => {
    const customer = await billing.customer('pm_card_visa');
    const { body } = await customer.call('POST', '/subscriptions', { plan: 'pro' });
    await billing.setCard(customer.id, 'pm_card_threeDSecure2Required');
    await billing.moveTo(new Date(Date.parse(body.current_period_end) + 3 * hourMs));
    expect(await told(customer)).toEqual(['payment_action_required']);
  });

  test('says at once that another card is needed where no retry can help', async () => {
    const customer = await debtor();
    // The bank's word, put into the answer: no test card of Stripe's can be saved and is lost at renewal.
    const now = new Date(customer.renewal + 3 * hourMs).toISOString();
    await billing.control('POST', '/_sandbox/clock', { now });
    await billing.delivered();
    const [invoice] = await openInvoices(customer);
    const last_payment_error = {
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'lost_card',
    };
    const payment_intent = {
      object: 'payment_intent',
      status: 'requires_payment_method',
      last_payment_error,
    };
    const payments = {
      object: 'list',
      data: [{ payment: { type: 'payment_intent', payment_intent } }],
    };
    const match = `GET /v1/invoices/${invoice!.id}`;
    await billing.control('PUT', '/_sandbox/faults', {
      api: [{ match, body: { ...invoice, payments } }],
    });
    await billing.moveTo(new Date(customer.renewal + 4 * hourMs));
    await billing.control('PUT', '/_sandbox/faults', {});
    expect(await told(customer)).toEqual(['payment_method_needed']);
  });
});

async function openInvoices({ subscriptionId }: Debtor) {
  const row = await billing.ctx.db.subscription.findUniqueOrThrow({
    where: { id: subscriptionId },
  });
  const subscription = row.stripe_subscription_id!;
  return (await billing.stripe.invoices.list({ subscription, status: 'open' })).data;
}

describe('a new payment method', () => {
  test('is tried at once, opens access, and is tried once', async () => {
    const customer = await fallBehind();
    await billing.setCard(customer.id, 'pm_card_visa');
    await billing.delivered();
    await billing.runJobs();
    expect(await customer.read()).toMatchObject({ status: 'active', past_due_since: null });
    expect((await attempts(customer)).map(({ reason, state }) => [reason, state])).toEqual([
      ['new_payment_method', 'paid'],
    ]);
    await billing.runJobs();
    expect(await told(customer)).toEqual(['payment_failed', 'payment_recovered']);
    expect(await attempts(customer)).toHaveLength(1);
  });

  test('of the subscription alone is tried at once as well', async () => {
    const customer = await fallBehind();
    const { stripe_subscription_id: id } = await billing.ctx.db.subscription.findUniqueOrThrow({
      where: { id: customer.subscriptionId },
    });
    const { customer: stripeCustomer } = await billing.stripe.subscriptions.retrieve(id!);
    const method = await billing.stripe.paymentMethods.attach('pm_card_visa', {
      customer: stripeCustomer as string,
    });
    await billing.stripe.subscriptions.update(id!, { default_payment_method: method.id });
    await billing.delivered();
    await billing.runJobs();
    expect(await customer.read()).toMatchObject({ status: 'active', past_due_since: null });
    expect(await attempts(customer)).toMatchObject([
      { reason: 'new_payment_method', state: 'paid', payment_method: method.id },
    ]);
  });

  test('that fails as well is remembered, and the next one is tried', async () => {
    const customer = await fallBehind();
    await billing.setCard(customer.id, 'pm_card_chargeCustomerFail');
    await billing.delivered();
    await billing.runJobs();
    expect(
      (await attempts(customer)).map(({ state, decline_code }) => [state, decline_code]),
    ).toEqual([['declined', 'generic_decline']]);
    expect(await customer.read()).toMatchObject({ status: 'past_due' });
    await billing.setCard(customer.id, 'pm_card_visa');
    await billing.delivered();
    await billing.runJobs();
    expect(await customer.read()).toMatchObject({ status: 'active' });
  });

  test('of a customer who owes nothing is not charged', async () => {
    const customer = await billing.customer('pm_card_visa');
    await customer.call('POST', '/subscriptions', { plan: 'pro' });
    await billing.setCard(customer.id, 'pm_card_visa');
    await billing.delivered();
    await billing.runJobs();
    expect(
      await billing.ctx.db.paymentAttempt.count({
        where: { invoice: { customer_id: customer.id } },
      }),
    ).toBe(0);
  });
});

describe('retries of our own', () => {
  test('follow the hours in the settings, each once, and only where the settings say so', async () => {
    await billing.operator('PATCH', '/settings', {
      payment_retries: 'tollgate',
      payment_retry_hours: [24, 48],
    });
    try {
      await billing.control('PUT', '/_sandbox/settings', { retries: { count: 0, days: 14 } });
      const customer = await fallBehind();
      expect(await attempts(customer)).toEqual([]);
      await billing.moveTo(new Date(customer.since + 24 * hourMs));
      await billing.runJobs();
      expect((await attempts(customer)).map(({ key, state }) => [key, state])).toEqual([
        ['24', 'declined'],
      ]);
      await billing.moveTo(new Date(customer.since + 60 * hourMs));
      await billing.runJobs();
      expect((await attempts(customer)).map(({ key, state }) => [key, state])).toEqual([
        ['24', 'declined'],
        ['48', 'declined'],
      ]);
    } finally {
      await billing.operator('PATCH', '/settings', { payment_retries: 'stripe' });
      await billing.control('PUT', '/_sandbox/settings', { retries: { count: 8, days: 14 } });
    }
  });
});
