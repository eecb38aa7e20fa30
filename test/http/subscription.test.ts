// Changing, pausing and ending subscriptions over HTTP, with the sandbox on the other side.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

async function subscribed(plan: string, card: 'pm_card_visa' | null = 'pm_card_visa') {
  const { id: customerId, call } = await billing.customer(card ?? undefined);
  const { body } = await call('POST', '/subscriptions', { plan });
  const path = `/subscriptions/${body.id}`;
  const read = async () => (await call('GET', path)).body;
  const stripeId = body.stripe_subscription_id as string;
  return { customerId, call, path, body, read, stripeId };
}

describe('a change', () => {
  test('upward is paid for at once and holds at once', async () => {
    const { call, path, stripeId } = await subscribed('pro');
    const changed = await call('PATCH', path, { plan: 'scale' });
    expect([changed.status, changed.body.plan, changed.body.pending_change]).toEqual([
      200,
      'scale',
      null,
    ]);
    const invoices = await call('GET', '/invoices');
    expect(invoices.body.data.map(({ status, total }: any) => [status, total > 0])).toEqual([
      ['paid', true],
      ['paid', true],
    ]);
    const again = await call('PATCH', path, { plan: 'scale' });
    expect([again.status, again.body]).toEqual([200, changed.body]);
    expect((await call('GET', '/invoices')).body.data).toHaveLength(2);
    expect((await billing.stripe.subscriptions.retrieve(stripeId)).items.data).toHaveLength(1);
  });

  test('that cannot be paid changes nothing until its invoice is paid', async () => {
    const { customerId, call, path, read } = await subscribed('pro');
    await billing.setCard(customerId, 'pm_card_chargeCustomerFail');
    const refused = await call('PATCH', path, { plan: 'scale' });
    expect([refused.status, refused.body.code]).toEqual([402, 'payment_failed']);
    expect(refused.body.invoice_id).toMatch(/^inv_/);
    expect(await read()).toMatchObject({
      plan: 'pro',
      status: 'active',
      pending_change: { plan: 'scale', reason: 'payment_failed' },
    });
    await billing.setCard(customerId, 'pm_card_visa');
    const paid = await call('POST', `/invoices/${refused.body.invoice_id}/payment`, {});
    expect([paid.status, paid.body.status]).toEqual([200, 'paid']);
    expect(await read()).toMatchObject({ plan: 'scale', pending_change: null });
  });

  test('of the quantity alone keeps the plan', async () => {
    const { call, path } = await subscribed('pro');
    const changed = await call('PATCH', path, { quantity: 3 });
    expect(changed.body).toMatchObject({ plan: 'pro', quantity: 3 });
  });

  test('at the end of the period waits for it, and can be taken back', async () => {
    const { call, path, body, read } = await subscribed('scale');
    const changed = await call('PATCH', path, { plan: 'pro', effective: 'period_end' });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      plan: 'scale', pending_change: { plan: 'pro', quantity: 1, reason: 'scheduled', effective_at: body.current_period_end },
    }); // prettier-ignore
    const back = await call('PATCH', path, { plan: 'scale' });
    expect([back.status, back.body.plan, back.body.pending_change]).toEqual([200, 'scale', null]);
    expect(await read()).toEqual(back.body);
  });

  test('between free plans happens at once and without Stripe', async () => {
    const { call, path, body } = await subscribed('free', null);
    const changed = await call('PATCH', path, { plan: 'hobby' });
    expect(changed.body).toMatchObject({
      id: body.id,
      plan: 'hobby',
      status: 'active',
      stripe_subscription_id: null,
    });
  });

  test('from free to paid is a purchase', async () => {
    const { customerId, call, path, body } = await subscribed('free', null);
    await billing.setCard(customerId, 'pm_card_visa');
    const changed = await call('PATCH', path, { plan: 'pro' });
    expect(changed.body).toMatchObject({ id: body.id, plan: 'pro', status: 'active' });
  });

  test('of a subscription that is over is refused', async () => {
    const { call, path } = await subscribed('free', null);
    await call('PUT', `${path}/cancellation`, { effective: 'now' });
    const refused = await call('PATCH', path, { plan: 'hobby' });
    expect([refused.status, refused.body.code]).toEqual([409, 'invalid_state']);
  });
});

describe('a cancellation', () => {
  test.each(['pro', 'free'])('at the end of the period is undone by DELETE (%s)', async (plan) => {
    const { call, path, body, read } = await subscribed(plan);
    const canceled = await call('PUT', `${path}/cancellation`, { effective: 'period_end' });
    expect([canceled.status, canceled.body.cancel_at]).toEqual([200, body.current_period_end]);
    expect((await call('PUT', `${path}/cancellation`, { effective: 'period_end' })).body).toEqual(
      canceled.body,
    );
    expect((await call('DELETE', `${path}/cancellation`)).status).toBe(204);
    expect((await call('DELETE', `${path}/cancellation`)).status).toBe(204);
    expect(await read()).toMatchObject({ status: 'active', cancel_at: null });
  });

  test.each(['pro', 'free'])('now ends it, and again is the same (%s)', async (plan) => {
    const { call, path } = await subscribed(plan);
    const ended = await call('PUT', `${path}/cancellation`, { effective: 'now' });
    expect([ended.status, ended.body.status]).toEqual([200, 'canceled']);
    expect((await call('PUT', `${path}/cancellation`, { effective: 'now' })).body).toEqual(
      ended.body,
    );
    const undo = await call('DELETE', `${path}/cancellation`);
    expect([undo.status, undo.body.code]).toEqual([409, 'invalid_state']);
  });

  test.each(['pro', 'free'])(
    'at an instant takes that instant, which must lie ahead (%s)',
    async (plan) => {
      const { call, path } = await subscribed(plan);
      const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 5 * 86_400_000).toISOString();
      expect(
        (await call('PUT', `${path}/cancellation`, { effective: 'at', at })).body.cancel_at,
      ).toBe(at);
      const past = await call('PUT', `${path}/cancellation`, {
        effective: 'at',
        at: '2020-01-01T00:00:00Z',
      });
      expect([past.status, past.body.errors[0].pointer]).toEqual([422, '/at']);
      for (const bad of [
        { effective: 'at' },
        { effective: 'now', at },
        { effective: 'never' },
        { surplus: 1 },
      ]) {
        expect((await call('PUT', `${path}/cancellation`, bad)).status).toBe(422);
      }
      expect((await call('DELETE', `${path}/cancellation`)).status).toBe(204);
    },
  );

  test('a purchase that waits for its page is given up by cancelling', async () => {
    const { call } = await billing.customer();
    const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
    const ended = await call('PUT', `/subscriptions/${body.id}/cancellation`, { effective: 'now' });
    expect(ended.body).toMatchObject({
      status: 'incomplete_expired',
      checkout_url: null,
      pending_change: null,
    });
    expect((await call('POST', '/subscriptions', { plan: 'free' })).status).toBe(201);
  });
});

describe('a pause', () => {
  test.each(['pro', 'free'])('is put and deleted, each any number of times (%s)', async (plan) => {
    const { call, path, stripeId, read } = await subscribed(plan);
    const paused = await call('PUT', `${path}/pause`, {});
    expect(paused.status).toBe(200);
    expect((await call('PUT', `${path}/pause`, {})).body).toEqual(paused.body);
    const held = await billing.ctx.db.subscription.findUniqueOrThrow({
      where: { id: path.split('/')[2]! },
    });
    expect(held.collection_paused).toBe(true);
    if (stripeId) {
      const there = await billing.stripe.subscriptions.retrieve(stripeId);
      expect(there.pause_collection?.behavior).toBe('void');
    }
    expect((await call('DELETE', `${path}/pause`)).status).toBe(204);
    expect((await call('DELETE', `${path}/pause`)).status).toBe(204);
    const free = await billing.ctx.db.subscription.findUniqueOrThrow({
      where: { id: path.split('/')[2]! },
    });
    expect([free.collection_paused, (await read()).status]).toEqual([false, 'active']);
  });
});

describe('404 and 422', () => {
  test('an unknown plan, code or customer is refused', async () => {
    const { call } = await billing.customer();
    const plan = await call('POST', '/subscriptions', { plan: 'nothing' });
    expect([plan.status, plan.body.errors[0].pointer]).toEqual([422, '/plan']);
    const code = await call('POST', '/subscriptions', { plan: 'pro', promotion_code: 'NOPE' });
    expect([code.status, code.body.errors[0].pointer]).toEqual([422, '/promotion_code']);
    const unnamed = await billing.operator('POST', '/subscriptions', { plan: 'free' });
    expect(unnamed.status).toBe(422);
    const other = await billing.customer();
    const foreign = await call('POST', '/subscriptions', { plan: 'free', customer_id: other.id });
    expect(foreign.status).toBe(404);
  });

  test('a plan in another currency than the one the customer pays in', async () => {
    const { call } = await billing.customer('pm_card_visa');
    const made = await call('POST', '/subscriptions', { plan: 'pro' });
    const change = await call('PATCH', `/subscriptions/${made.body.id}`, { plan: 'euro' });
    expect([change.status, change.body.code]).toEqual([422, 'currency_mismatch']);
    await call('PUT', `/subscriptions/${made.body.id}/cancellation`, { effective: 'now' });
    const buy = await call('POST', '/subscriptions', { plan: 'euro' });
    expect([buy.status, buy.body.code]).toEqual([422, 'currency_mismatch']);
  });

  test("somebody else's subscription is not there", async () => {
    const owner = await billing.customer();
    const other = await billing.customer();
    const { body } = await owner.call('POST', '/subscriptions', { plan: 'free' });
    for (const [method, path, input] of [
      ['GET', '', undefined],
      ['PATCH', '', { quantity: 2 }],
      ['PUT', '/cancellation', { effective: 'now' }],
      ['DELETE', '/cancellation', undefined],
      ['PUT', '/pause', {}],
      ['DELETE', '/pause', undefined],
    ] as const) {
      // prettier-ignore
      const answer = await other.call(method, `/subscriptions/${body.id}${path}`, input);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
    expect((await owner.call('GET', `/subscriptions/${body.id}`)).body.status).toBe('active');
  });

  test('a checkout session that is none of ours', async () => {
    const answer = await fetch(`${billing.url}/checkout/return?session_id=cs_test_nothing`, {
      redirect: 'manual',
    });
    expect(answer.status).toBe(404);
  });
});
