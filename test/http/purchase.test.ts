// Buying over HTTP, with the sandbox on the other side: at once, on a page, refused, and many at a time.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

const atStripe = async (customerId: string) => {
  const { body } = await billing.operator('GET', `/customers/${customerId}`);
  if (!body.stripe_customer_id) return [];
  return (
    await billing.stripe.subscriptions.list({ customer: body.stripe_customer_id, status: 'all' })
  ).data;
};

describe('201', () => {
  test('a free plan lives with us alone and has monthly periods', async () => {
    const { id, call } = await billing.customer();
    const made = await call('POST', '/subscriptions', { plan: 'free' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      customer_id: id,
      plan: 'free',
      plan_version: 1,
      status: 'active',
      quantity: 1,
      stripe_subscription_id: null,
      pending_change: null,
      checkout_url: null,
    });
    expect(Date.parse(made.body.current_period_end)).toBeGreaterThan(
      Date.parse(made.body.current_period_start),
    );
    expect(await atStripe(id)).toEqual([]);
    const read = await call('GET', `/subscriptions/${made.body.id}`);
    expect(read.body).toEqual(made.body);
  });

  test('with a good card the paid plan is active when the call answers', async () => {
    const { id, call } = await billing.customer('pm_card_visa');
    const made = await call('POST', '/subscriptions', { plan: 'pro', quantity: 2 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      plan: 'pro',
      status: 'active',
      quantity: 2,
      pending_change: null,
      checkout_url: null,
    });
    const [subscription] = await atStripe(id);
    expect(subscription!.id).toBe(made.body.stripe_subscription_id);
    const invoices = await call('GET', '/invoices');
    expect(invoices.body.data).toHaveLength(1);
    expect(invoices.body.data[0]).toMatchObject({
      status: 'paid',
      total: 9_800,
      amount_paid: 9_800,
      currency: 'usd',
    });
  });

  test('from free to paid keeps the id of the subscription', async () => {
    const { call } = await billing.customer('pm_card_visa');
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    const paid = await call('POST', '/subscriptions', { plan: 'pro' });
    expect(paid.status).toBe(201);
    expect(paid.body).toMatchObject({ id: free.body.id, plan: 'pro', status: 'active' });
  });

  test('a trial begins with a card on file and is given once', async () => {
    const { call } = await billing.customer('pm_card_visa');
    const first = await call('POST', '/subscriptions', { plan: 'trial' });
    expect(first.body).toMatchObject({ plan: 'trial', status: 'trialing' });
    expect(first.body.trial_end).not.toBeNull();
    await call('PUT', `/subscriptions/${first.body.id}/cancellation`, { effective: 'now' });
    const second = await call('POST', '/subscriptions', { plan: 'trial' });
    expect(second.body).toMatchObject({ status: 'active', trial_end: null });
  });

  test('without a card the old plan serves while a page waits for the payer', async () => {
    const { id, call } = await billing.customer();
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    const waiting = await call('POST', '/subscriptions', {
      plan: 'pro',
      success_url: 'https://example.com/welcome',
    });
    expect(waiting.status).toBe(201);
    expect(waiting.body).toMatchObject({
      id: free.body.id, plan: 'free', status: 'active', pending_change: { plan: 'pro', quantity: 1, effective_at: null, reason: 'checkout' },
    }); // prettier-ignore
    expect(waiting.body.checkout_url).toMatch(/^http/);
    expect(await atStripe(id)).toEqual([]);
  });

  test('what is paid on the page is open when the browser comes back', async () => {
    const { call } = await billing.customer();
    const waiting = await call('POST', '/subscriptions', {
      plan: 'pro',
      success_url: 'https://example.com/welcome',
    });
    expect(waiting.body).toMatchObject({ status: 'incomplete', plan: 'pro' });
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'hold' } });
    const { session, redirect } = await payOn(waiting.body.checkout_url, 'paid');
    expect(redirect).toContain('/checkout/return?session_id=');
    const back = await fetch(redirect, { redirect: 'manual' });
    expect([back.status, back.headers.get('location')]).toEqual([
      303,
      'https://example.com/welcome',
    ]);
    const read = await call('GET', `/subscriptions/${waiting.body.id}`);
    expect(read.body).toMatchObject({
      status: 'active',
      plan: 'pro',
      pending_change: null,
      checkout_url: null,
    });
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'normal' } });
    await billing.delivered();
    expect(session).toMatch(/^cs_/);
  });

  test('return page and webhooks that race make one row, and one subscription at Stripe', async () => {
    const { id, call } = await billing.customer();
    const waiting = await call('POST', '/subscriptions', { plan: 'pro' });
    const { redirect } = await payOn(waiting.body.checkout_url, 'paid');
    // The webhooks are on their way while four browsers come back.
    const [browsers] = await Promise.all([
      Promise.all([1, 2, 3, 4].map(() => fetch(redirect, { redirect: 'manual' }))),
      billing.delivered(),
    ]);
    const answers = browsers.map(async (answer) => [answer.status, await answer.text()]);
    expect(await Promise.all(answers)).toEqual(browsers.map(() => [303, '']));
    await billing.runJobs();
    const { body } = await call('GET', '/subscriptions');
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({ id: waiting.body.id, status: 'active', plan: 'pro' });
    expect(await atStripe(id)).toHaveLength(1);
    expect(await billing.ctx.db.invoice.count({ where: { customer_id: id } })).toBe(1);
    const created = { customer_id: id, action: 'subscription.sync' };
    const rows = await billing.ctx.db.auditEntry.findMany({ where: created });
    expect(rows.filter(({ after }: any) => after?.status === 'active')).toHaveLength(1);
  });

  test('asking again expires the older page', async () => {
    const { call } = await billing.customer();
    const first = await call('POST', '/subscriptions', { plan: 'pro' });
    const second = await call('POST', '/subscriptions', { plan: 'scale' });
    expect(second.status).toBe(201);
    expect(second.body.checkout_url).not.toBe(first.body.checkout_url);
    const older = await billing.stripe.checkout.sessions.retrieve(
      sessionOf(first.body.checkout_url),
    );
    expect(older.status).toBe('expired');
    expect(second.body.pending_change).toMatchObject({ plan: 'scale', reason: 'checkout' });
  });

  test('a page that ran out changes nothing', async () => {
    const { call } = await billing.customer();
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    const waiting = await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.stripe.checkout.sessions.expire(sessionOf(waiting.body.checkout_url));
    await billing.delivered();
    await billing.runJobs();
    const read = await call('GET', `/subscriptions/${free.body.id}`);
    expect(read.body).toMatchObject({
      plan: 'free',
      status: 'active',
      pending_change: null,
      checkout_url: null,
    });
  });

  test('where the bank asks for an action, the old plan serves and the page is named', async () => {
    const { call } = await billing.customer('pm_card_threeDSecure2Required');
    await call('POST', '/subscriptions', { plan: 'free' });
    const waiting = await call('POST', '/subscriptions', { plan: 'pro' });
    expect(waiting.status).toBe(201);
    expect(waiting.body).toMatchObject({
      plan: 'free',
      status: 'active',
      pending_change: { plan: 'pro', reason: 'checkout' },
    });
    expect(waiting.body.checkout_url).toMatch(/^http/);
  });

  test('once the bank was satisfied, the plan is bought under the same id', async () => {
    const { id, call } = await billing.customer('pm_card_threeDSecure2Required');
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    await call('POST', '/subscriptions', { plan: 'pro' });
    const [made] = await atStripe(id);
    await billing.setCard(id, 'pm_card_visa');
    await billing.stripe.invoices.pay(made!.latest_invoice as string);
    await billing.delivered();
    await billing.runJobs();
    const read = await call('GET', `/subscriptions/${free.body.id}`);
    expect(read.body).toMatchObject({
      plan: 'pro',
      status: 'active',
      pending_change: null,
      checkout_url: null,
    });
  });

  test('asking again while the bank waits takes the older attempt back', async () => {
    const { id, call } = await billing.customer('pm_card_threeDSecure2Required');
    await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.setCard(id, 'pm_card_visa');
    const second = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([second.status, second.body.status]).toEqual([201, 'active']);
    const statuses = (await atStripe(id)).map(({ status }) => status).toSorted();
    expect(statuses).toEqual(['active', 'incomplete_expired']);
  });
});

describe('402', () => {
  test('a declined card leaves nothing that lives, and the free plan serves', async () => {
    const { id, call } = await billing.customer('pm_card_chargeCustomerFail');
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    const refused = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([refused.status, refused.body.code]).toEqual([402, 'payment_failed']);
    expect(refused.body.invoice_id).toMatch(/^inv_/);
    const read = await call('GET', `/subscriptions/${free.body.id}`);
    expect(read.body).toMatchObject({
      plan: 'free',
      status: 'active',
      pending_change: null,
      checkout_url: null,
    });
    expect((await atStripe(id)).map(({ status }) => status)).toEqual(['incomplete_expired']);
  });

  test('after a decline, a good card buys', async () => {
    const { id, call } = await billing.customer('pm_card_chargeCustomerFail');
    const refused = await call('POST', '/subscriptions', { plan: 'pro' });
    expect(refused.status).toBe(402);
    await billing.setCard(id, 'pm_card_visa');
    const made = await call('POST', '/subscriptions', { plan: 'pro' });
    expect(made.status).toBe(201);
    expect(made.body.status).toBe('active');
  });
});

describe('409', () => {
  test('a second paid subscription is refused', async () => {
    const { call } = await billing.customer('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'pro' });
    const second = await call('POST', '/subscriptions', { plan: 'scale' });
    expect([second.status, second.body.code]).toEqual([409, 'subscription_exists']);
    const free = await call('POST', '/subscriptions', { plan: 'free' });
    expect([free.status, free.body.code]).toEqual([409, 'subscription_exists']);
  });

  test('of eight that buy at once exactly one does, at Stripe too', async () => {
    const { id, call } = await billing.customer('pm_card_visa');
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => call('POST', '/subscriptions', { plan: 'pro' })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      201,
      ...Array<number>(7).fill(409),
    ]);
    for (const { status, body } of answers)
      if (status === 409) expect(body.code).toBe('subscription_exists');
    expect(await atStripe(id)).toHaveLength(1);
  });

  test('eight that need a customer at Stripe make exactly one', async () => {
    const { id } = await billing.customer();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        billing.operator('POST', '/payment-method-sessions', { customer_id: id }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(8).fill(201));
    const customers = await billing.stripe.customers.list({ limit: 100 });
    expect(
      customers.data.filter(({ metadata }) => metadata['tollgate_customer'] === id),
    ).toHaveLength(1);
  });
});

function sessionOf(url: string): string {
  return /cs_[0-9A-Za-z_]+/.exec(url)![0];
}

async function payOn(url: string, outcome: string) {
  const session = sessionOf(url);
  const { redirect_url } = await billing.control('POST', `/_sandbox/checkout/${session}`, {
    outcome,
  });
  return { session, redirect: redirect_url as string };
}
