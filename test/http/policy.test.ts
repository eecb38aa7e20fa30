// What is ours to choose where Stripe leaves it open: each policy by its default and by every other choice, as a
// setting, seen at the check.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());
beforeEach(() => choose({ pause_policy: 'deny', refund_policy: 'keep', dispute_policy: 'keep' }));

const choose = async (change: object) =>
  expect((await billing.operator('PATCH', '/settings', change)).status).toBe(200);

async function subscribed() {
  const { id, call } = await billing.customer('pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
  const { body: customer } = await billing.operator('GET', `/customers/${id}`);
  return {
    id,
    call,
    path: `/subscriptions/${body.id}`,
    stripeId: body.stripe_subscription_id as string,
    stripeCustomer: customer.stripe_customer_id as string,
    read: async () => (await call('GET', `/subscriptions/${body.id}`)).body,
    /** What the check says. */
    access: async () => {
      const answer = await fetch(`${billing.url}/entitlements/check`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-gateway-token': billing.test.tokens.gateway,
        },
        body: JSON.stringify({ customer_id: id, method: 'GET', path: '/anything' }),
      });
      const { status, code } = (await answer.json()) as any;
      return code ? `${status} ${code}` : String(status);
    },
  };
}

/** Until every event has been dealt with. */
async function settled() {
  await billing.delivered();
  await billing.runJobs();
}

async function chargeOf(stripeCustomer: string) {
  const { data } = await billing.stripe.charges.list({ customer: stripeCustomer, limit: 1 });
  return data[0]!;
}

test('the defaults are those of the table in the docs', async () => {
  const { body } = await billing.operator('GET', '/settings');
  expect(body).toMatchObject({
    pause_policy: 'deny', refund_policy: 'keep', dispute_policy: 'keep', duplicate_policy: 'report', open_invoice_policy: 'keep',
    default_ladder: [
      { after_hours: 0, access: 'full' }, { after_hours: 72, access: 'warn' }, { after_hours: 168, access: 'read_only' },
      { after_hours: 336, access: 'deny' }, { after_hours: 720, access: 'cancel' },
    ],
  }); // prettier-ignore
});

test('grace: a plan that names no ladder gets that of the settings', async () => {
  const ladder = [{ after_hours: 1, access: 'deny' }];
  const before = (await billing.operator('GET', '/settings')).body.default_ladder;
  await choose({ default_ladder: ladder });
  const made = await billing.operator('POST', '/plans', { key: 'strict', name: 'Strict' });
  expect(made.body.ladder).toEqual(ladder);
  await choose({ default_ladder: before });
  const wrong = await billing.operator('PATCH', '/settings', { default_ladder: [] });
  expect(wrong.status).toBe(422);
});

test('pause: denies by default, serves where that is chosen, at once in both directions', async () => {
  const { call, path, access } = await subscribed();
  await call('PUT', `${path}/pause`, {});
  expect(await access()).toBe('402 subscription_paused');
  await choose({ pause_policy: 'serve' });
  expect(await access()).toBe('200');
  await choose({ pause_policy: 'deny' });
  expect(await access()).toBe('402 subscription_paused');
});

describe('a full refund of the current period', () => {
  test('changes nothing by default, and denies until the period is over where that is chosen', async () => {
    const { access, stripeCustomer, read } = await subscribed();
    await billing.stripe.refunds.create({ charge: (await chargeOf(stripeCustomer)).id });
    await settled();
    expect(await access()).toBe('200');
    await choose({ refund_policy: 'deny' });
    expect(await access()).toBe('402 payment_past_due');
    expect((await read()).status).toBe('active');
  });

  test('in part changes nothing', async () => {
    const { access, stripeCustomer } = await subscribed();
    const charge = await chargeOf(stripeCustomer);
    await billing.stripe.refunds.create({ charge: charge.id, amount: charge.amount - 1 });
    await settled();
    await choose({ refund_policy: 'deny' });
    expect(await access()).toBe('200');
    await billing.stripe.refunds.create({ charge: charge.id });
    await settled();
    expect(await access()).toBe('402 payment_past_due');
  });

  test('ends the subscription where that is chosen', async () => {
    await choose({ refund_policy: 'cancel' });
    const { id, access, stripeCustomer, stripeId, read } = await subscribed();
    await billing.stripe.refunds.create({ charge: (await chargeOf(stripeCustomer)).id });
    await settled();
    expect((await read()).status).toBe('canceled');
    expect((await billing.stripe.subscriptions.retrieve(stripeId)).status).toBe('canceled');
    expect(await access()).toBe('402 subscription_canceled');
    const where = { actor: 'policy:refund', customer_id: id };
    expect(await billing.ctx.db.auditEntry.count({ where })).toBe(1);
  });
});

describe('a dispute', () => {
  async function disputed() {
    const { id, call } = await billing.customer();
    await billing.setCard(id, 'pm_card_createDispute' as never);
    const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
    await settled();
    const made = await billing.operator('GET', `/customers/${id}`);
    const stripeCustomer = made.body.stripe_customer_id as string;
    const charge = await chargeOf(stripeCustomer);
    const { data } = await billing.stripe.disputes.list({ charge: charge.id });
    const access = async () => {
      const { body: entitled } = await call('GET', `/customers/${id}/entitlements`);
      return entitled.code ?? entitled.access;
    };
    return { access, charge, dispute: data[0]!, status: body.status as string };
  }

  test('changes nothing by default but raises an alarm, and denies while it is open where that is chosen', async () => {
    const { access, charge, dispute } = await disputed();
    const row = await billing.ctx.db.stripeObject.findUniqueOrThrow({ where: { id: charge.id } });
    expect(row).toMatchObject({ kind: 'charge', alarm: 'disputed' });
    expect(await access()).toBe('full');
    await choose({ dispute_policy: 'deny' });
    expect(await access()).toBe('payment_past_due');
    await billing.stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text: 'winning_evidence' },
      submit: true,
    });
    await settled();
    expect(await access()).toBe('full');
  });

  test('that is lost is a refund', async () => {
    const { access, dispute } = await disputed();
    await billing.stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text: 'losing_evidence' },
      submit: true,
    });
    await settled();
    await choose({ dispute_policy: 'deny' });
    expect(await access()).toBe('full');
    await choose({ refund_policy: 'deny' });
    expect(await access()).toBe('payment_past_due');
  });
});

test('duplicates are reported by default; where that is chosen, all but the oldest are ended', async () => {
  const { stripeCustomer, stripeId, call } = await subscribed();
  const { body: plan } = await billing.operator('GET', '/plans/scale');
  const second = await billing.stripe.subscriptions.create({
    customer: stripeCustomer,
    items: [{ price: plan.stripe_price_id }],
  });
  await settled();
  const statuses = async () =>
    (await call('GET', '/subscriptions')).body.data
      .map((row: any) => `${row.stripe_subscription_id} ${row.status}`)
      .toSorted();
  expect(await statuses()).toEqual([`${stripeId} active`, `${second.id} active`].toSorted());
  await choose({ duplicate_policy: 'cancel_newer' });
  await settled();
  expect(await statuses()).toEqual([`${stripeId} active`, `${second.id} canceled`].toSorted());
  await choose({ duplicate_policy: 'report' });
});

test('what is owed for a subscription that is over stays owed by default, and is voided where that is chosen', async () => {
  const { id, call, path, read } = await subscribed();
  const { current_period_end: end } = await read();
  await billing.setCard(id, 'pm_card_chargeCustomerFail');
  await billing.moveTo(new Date(Date.parse(end) + 3 * 3_600_000));
  expect((await read()).status).toBe('past_due');
  await call('PUT', `${path}/cancellation`, { effective: 'now' });
  await settled();
  const newest = async () => (await call('GET', '/invoices')).body.data[0].status;
  expect([(await read()).status, await newest()]).toEqual(['canceled', 'open']);
  await choose({ open_invoice_policy: 'void' });
  await settled();
  expect(await newest()).toBe('void');
  await choose({ open_invoice_policy: 'keep' });
});

test('422: a choice that is none', async () => {
  for (const name of ['pause_policy', 'refund_policy', 'dispute_policy', 'duplicate_policy', 'open_invoice_policy']) {
    expect((await billing.operator('PATCH', '/settings', { [name]: 'maybe' })).status).toBe(422);
  } // prettier-ignore
});
