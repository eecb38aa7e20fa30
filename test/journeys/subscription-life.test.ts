// The lives of subscriptions, changed through our REST and directly at Stripe: each ends in the access the contract
// names. With both clocks; access is what GET …/entitlements says, which decides as the check does.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const dayMs = 86_400_000;
let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());
beforeEach(() => billing.control('PUT', '/_sandbox/settings', { after_retries: 'past_due' }));

/** Whoever a test made is gone after it: nobody goes on renewing while the next one moves time. */
const present: string[] = [];
afterEach(async () => {
  for (const id of present.splice(0)) await billing.operator('DELETE', `/customers/${id}`);
});

async function someone(card?: string) {
  const { id, call } = await billing.customer();
  present.push(id);
  if (card) await billing.setCard(id, card as never);
  else await billing.operator('POST', '/payment-method-sessions', { customer_id: id });
  const record = async () => (await billing.operator('GET', `/customers/${id}`)).body;
  const latest = async () => (await call('GET', '/subscriptions')).body.data[0];
  return {
    id,
    call,
    record,
    latest,
    stripeCustomer: (await record()).stripe_customer_id as string,
    access: async () => {
      const { body } = await call('GET', `/customers/${id}/entitlements`);
      return (body.code ?? body.access) as string;
    },
  };
}

const later = (days: number) =>
  billing.moveTo(new Date(billing.ctx.now().getTime() + days * dayMs));
async function settled() {
  await billing.delivered();
  await billing.runJobs();
}
async function priceOf(plan: string) {
  return (await billing.operator('GET', `/plans/${plan}`)).body.stripe_price_id as string;
}
async function made(customer: string, more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const items = [{ price: await priceOf('pro') }];
  const subscription = await billing.stripe.subscriptions.create({ customer, items, ...more });
  await settled();
  return subscription;
}

describe('a delayed method', () => {
  test('opens nothing while it is under way, and everything once it is through', async () => {
    const { call, access, latest } = await someone('pm_sepaDebit_processing');
    const bought = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([bought.status, await access()]).toEqual([201, 'payment_incomplete']);
    await later(4);
    expect([(await latest()).status, await access()]).toEqual(['active', 'full']);
  });

  test('that fails in the end leaves nothing that lives', async () => {
    const { call, access, stripeCustomer } = await someone('pm_sepaDebit_failed');
    await call('POST', '/subscriptions', { plan: 'pro' });
    await later(4);
    expect(await access()).toBe('no_subscription');
    const { data } = await billing.stripe.subscriptions.list({ customer: stripeCustomer, status: 'all' }); // prettier-ignore
    expect(data.map(({ status }) => status)).toEqual(['incomplete_expired']);
  });
});

describe('a trial', () => {
  test.each([
    ['create_invoice', 'past_due', 'full'],
    ['pause', 'paused', 'trial_ended'],
    ['cancel', 'canceled', 'trial_ended'],
  ] as const)(
    'without a card, at its end %s: %s, %s',
    async (missing_payment_method, status, code) => {
      const { stripeCustomer, latest, access } = await someone();
      const end_behavior = { missing_payment_method };
      await made(stripeCustomer, { trial_period_days: 3, trial_settings: { end_behavior } });
      expect([(await latest()).status, await access()]).toEqual(['trialing', 'full']);
      await later(4);
      expect([(await latest()).status, await access()]).toEqual([status, code]);
    },
  );

  test('with a card ends in the first payment, and is given once', async () => {
    const { call, latest, access } = await someone('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'trial' });
    await later(15);
    expect([(await latest()).status, await access()]).toEqual(['active', 'full']);
    const { id } = await latest();
    await call('PUT', `/subscriptions/${id}/cancellation`, { effective: 'now' });
    const again = await call('POST', '/subscriptions', { plan: 'trial' });
    expect(again.body).toMatchObject({ status: 'active', trial_end: null });
  });
});

describe('a card that fails to the end', () => {
  test.each([
    ['past_due', 'past_due', 'payment_past_due'],
    ['unpaid', 'unpaid', 'payment_past_due'],
    ['cancel', 'canceled', 'subscription_canceled'],
    ['pause', 'paused', 'subscription_paused'],
  ])('and Stripe is to %s after its retries: %s, %s', async (after_retries, status, code) => {
    const retries = { count: 2, days: 4 };
    await billing.control('PUT', '/_sandbox/settings', { after_retries, retries });
    const { id, call, latest, access } = await someone('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.setCard(id, 'pm_card_chargeCustomerFail');
    await later(31 + 16);
    expect([(await latest()).status, await access()]).toEqual([status, code]);
  });
});

describe('an end that was set', () => {
  test.each([
    ['classic', { cancel_at_period_end: true }, { cancel_at_period_end: false }],
    ['flexible', { cancel_at: 'max_period_end' }, { cancel_at: '' }],
  ] as const)('at Stripe in the %s form shows, and its undoing too', async (type, set, undo) => {
    const { stripeCustomer, latest } = await someone('pm_card_visa');
    const { id } = await made(stripeCustomer, { billing_mode: { type } });
    const before = await latest();
    await billing.stripe.subscriptions.update(id, set);
    await settled();
    expect((await latest()).cancel_at).toBe(before.current_period_end);
    await billing.stripe.subscriptions.update(id, undo);
    await settled();
    expect((await latest()).cancel_at).toBeNull();
  });

  test.each(['classic', 'flexible'] as const)('by us on a %s one is undone by us, and else comes', async (type) => {
    const { stripeCustomer, latest, call, access } = await someone('pm_card_visa');
    await made(stripeCustomer, { billing_mode: { type } });
    const path = `/subscriptions/${(await latest()).id}/cancellation`;
    const at = new Date(billing.ctx.now().getTime() + 5 * dayMs);
    at.setUTCMilliseconds(0);
    for (const body of [{ effective: 'at', at: at.toISOString() }, { effective: 'period_end' }]) {
      expect((await call('PUT', path, body)).status).toBe(200);
      expect((await latest()).cancel_at).not.toBeNull();
      expect((await call('DELETE', path)).status).toBe(204);
      expect((await latest()).cancel_at).toBeNull();
    }
    await call('PUT', path, { effective: 'at', at: at.toISOString() });
    await later(6);
    expect([(await latest()).status, await access()]).toEqual(['canceled', 'subscription_canceled']);
  }); // prettier-ignore
});

describe('money', () => {
  test('of an upgrade and of a quantity is what the preview said, to the cent, later as well', async () => {
    const { call, latest } = await someone('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'pro' });
    await later(11);
    for (const change of [{ plan: 'scale' }, { plan: 'scale', quantity: 3 }]) {
      const path = `/subscriptions/${(await latest()).id}`;
      const preview = await call('POST', `${path}/preview`, change);
      expect(preview.status).toBe(200);
      await billing.moveTo(new Date(billing.ctx.now().getTime() + 30 * 60_000));
      const { proration_at } = preview.body;
      expect((await call('PATCH', path, { ...change, proration_at })).status).toBe(200);
      const [invoice] = (await call('GET', '/invoices')).body.data;
      expect([invoice.status, invoice.total]).toEqual(['paid', preview.body.amount_due]);
    }
    const path = `/subscriptions/${(await latest()).id}`;
    const old = new Date(billing.ctx.now().getTime() - 3_700_000).toISOString();
    const late = await call('PATCH', path, { quantity: 4, proration_at: old });
    expect([late.status, late.body.code]).toEqual([422, 'validation_failed']);
  });

  test('a promotion code and a coupon lower what is paid', async () => {
    const { stripe } = billing;
    const coupon = await stripe.coupons.create({ percent_off: 25, duration: 'once' });
    await stripe.promotionCodes.create({ code: 'QUARTER', promotion: { type: 'coupon', coupon: coupon.id } });
    const { call } = await someone('pm_card_visa');
    const unknown = await call('POST', '/subscriptions', { plan: 'pro', promotion_code: 'NONE' });
    expect(unknown.status).toBe(422);
    const bought = await call('POST', '/subscriptions', { plan: 'pro', promotion_code: 'QUARTER' });
    expect([bought.status, bought.body.status]).toEqual([201, 'active']);
    expect((await call('GET', '/invoices')).body.data[0]).toMatchObject({ total: 3_675, status: 'paid' });
    const other = await someone('pm_card_visa');
    await made(other.stripeCustomer, { discounts: [{ coupon: coupon.id }] });
    expect((await other.call('GET', '/invoices')).body.data[0]).toMatchObject({ total: 3_675 });
    expect(await other.access()).toBe('full');
  }); // prettier-ignore
});

test('a plan among more than ten items, metered ones too, is found and alone is changed', async () => {
  const { stripe } = billing;
  const { stripeCustomer, latest, call } = await someone('pm_card_visa');
  const product = await stripe.products.create({ name: 'Extra' });
  const meter = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'life_calls', default_aggregation: { formula: 'sum' } }); // prettier-ignore
  const extra = (n: number, metered: boolean) =>
    stripe.prices.create({
      product: product.id, currency: 'usd', unit_amount: 100 + n,
      recurring: { interval: 'month', ...(metered ? { usage_type: 'metered', meter: meter.id } : {}) },
    }); // prettier-ignore
  const extras = [];
  for (let n = 0; n < 11; n += 1) extras.push({ price: (await extra(n, n % 5 === 0)).id });
  const items = [...extras, { price: await priceOf('pro') }];
  const { id } = await made(stripeCustomer, { items });
  expect(await latest()).toMatchObject({ plan: 'pro', status: 'active', quantity: 1 });
  const path = `/subscriptions/${(await latest()).id}`;
  expect((await call('PATCH', path, { plan: 'scale', quantity: 2 })).status).toBe(200);
  expect(await latest()).toMatchObject({ plan: 'scale', quantity: 2 });
  const after = await stripe.subscriptionItems.list({ subscription: id, limit: 100 });
  expect(after.data.map(({ price }) => price.id).toSorted()).toEqual(
    [...extras.map(({ price }) => price), await priceOf('scale')].toSorted(),
  );
  expect((await call('PATCH', path, { plan: 'pro', effective: 'period_end' })).status).toBe(200);
  await later(32);
  expect(await latest()).toMatchObject({ plan: 'pro', status: 'active' });
});

describe('a customer at Stripe', () => {
  test('that is deleted there ends what it had, is unlinked, and a purchase makes another', async () => {
    const { id, call, record, access, stripeCustomer } = await someone('pm_card_visa');
    await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.stripe.customers.del(stripeCustomer);
    await settled();
    expect([await access(), (await record()).stripe_customer_id]).toEqual(['subscription_canceled', null]);
    await billing.setCard(id, 'pm_card_visa');
    const again = await call('POST', '/subscriptions', { plan: 'pro' });
    expect([again.status, again.body.status, await access()]).toEqual([201, 'active', 'full']);
    expect((await record()).stripe_customer_id).not.toBe(stripeCustomer);
  }); // prettier-ignore

  test('that was deleted unheard is replaced by the purchase itself', async () => {
    const { call, record, stripeCustomer } = await someone();
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    await billing.stripe.customers.del(stripeCustomer);
    const bought = await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.control('PUT', '/_sandbox/faults', {});
    expect([bought.status, bought.body.checkout_url]).toEqual([201, expect.stringMatching(/^http/)]);
    expect((await record()).stripe_customer_id).not.toBe(stripeCustomer);
  }); // prettier-ignore

  test('hears of a new name and e-mail', async () => {
    const { id, stripeCustomer } = await someone();
    await billing.operator('PATCH', `/customers/${id}`, { email: 'new@example.com', name: 'New' });
    const { email, name } = (await billing.stripe.customers.retrieve(stripeCustomer)) as Stripe.Customer; // prettier-ignore
    expect([email, name]).toEqual(['new@example.com', 'New']);
  });
});
