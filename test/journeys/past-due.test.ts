// A card that fails at renewal, down the ladder by the clock, and back by the links of the 402: the whole way a
// customer goes, through gateway, REST, webhooks, jobs and the sandbox.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiAnswer } from '../support/api.ts';
import { createApi } from '../support/api.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const hour = 3_600_000;
let billing: Billing;
let key: string;
let subscriptionId: string;
let customerId: string;
let renewal: Date;

beforeAll(async () => {
  billing = await startBilling();
  const { operator } = billing;
  await operator('PATCH', '/plans/pro', {
    features: [
      {
        feature: 'calls',
        limits: [{ window: 'billing_period', max: 5, on_exceed: 'payment' }],
      },
    ],
  });
  await operator('POST', '/route-policies', {
    method: 'GET',
    path: '/calls',
    access: 'feature',
    feature: 'calls',
  });
  await operator('POST', '/route-policies', {
    method: 'GET',
    path: '/read',
    access: 'subscription',
    read_only: true,
  });
  await operator('POST', '/route-policies', {
    method: 'POST',
    path: '/write',
    access: 'subscription',
  });
  const customer = await billing.customer('pm_card_visa');
  customerId = customer.id;
  const bought = await customer.call('POST', '/subscriptions', { plan: 'pro' });
  subscriptionId = bought.body.id;
  renewal = new Date(bought.body.current_period_end);
  key = (await customer.call('POST', '/keys', { name: 'journey' })).body.key;
});
afterAll(() => billing.close());

function ask(call: string): Promise<ApiAnswer> {
  const [method, uri] = call.split(' ') as [string, string];
  return createApi(billing.url)('GET', '/entitlements', {
    headers: {
      'x-gateway-token': billing.test.tokens.gateway,
      'x-forwarded-method': method,
      'x-forwarded-uri': uri,
      'x-api-key': key,
    },
  });
}
const access = async (call: string) => {
  const { status, headers, body } = await ask(call);
  return status === 200 ? headers.get('x-entitlement-access') : body.code;
};

describe('a late payment', () => {
  test('at first changes nothing, and the new period brings new units', async () => {
    for (let call = 0; call < 5; call += 1) expect((await ask('GET /calls')).status).toBe(200);
    expect(await access('GET /calls')).toBe('quota_exhausted');
    await billing.setCard(customerId, 'pm_card_chargeCustomerFail');
    await billing.moveTo(new Date(renewal.getTime() + 3 * hour));
    const { body } = await billing.operator('GET', `/subscriptions/${subscriptionId}`);
    expect(body).toMatchObject({ status: 'past_due', plan: 'pro' });
    const since = Date.parse(body.past_due_since);
    expect(since).toBeGreaterThanOrEqual(renewal.getTime());
    expect(since).toBeLessThan(renewal.getTime() + 2 * hour);
    expect(await access('GET /calls')).toBe('full');
    expect(await access('POST /write')).toBe('full');
  });

  test('goes down the ladder by the clock, from when the invoice was finalised', async () => {
    const { body } = await billing.operator('GET', `/subscriptions/${subscriptionId}`);
    const since = Date.parse(body.past_due_since);
    // The check reads the clock: a minute's margin covers what passes between the move and the question.
    await billing.moveTo(new Date(since + 72 * hour - 60_000));
    expect(await access('POST /write')).toBe('full');
    await billing.moveTo(new Date(since + 72 * hour));
    expect(await access('POST /write')).toBe('warn');
    await billing.moveTo(new Date(since + 168 * hour));
    expect([await access('GET /read'), await access('POST /write')]).toEqual([
      'read_only',
      'payment_past_due',
    ]);
    await billing.moveTo(new Date(since + 336 * hour));
    expect([await access('GET /read'), await access('POST /write')]).toEqual([
      'payment_past_due',
      'payment_past_due',
    ]);
    const again = await billing.operator('GET', `/subscriptions/${subscriptionId}`);
    expect(again.body.past_due_since).toBe(body.past_due_since);
  });
});

describe('the links of the 402', () => {
  const follow = (href: string, init: RequestInit = {}) =>
    fetch(href.replace(billing.test.config.publicUrl, billing.url), {
      redirect: 'manual',
      ...init,
    });

  test('show on GET and change nothing', async () => {
    const { body } = await ask('POST /write');
    const pay = body.actions.find(({ id }: { id: string }) => id === 'pay_invoice');
    const page = await follow(pay.href);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('49.00 USD');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await access('POST /write')).toBe('payment_past_due');
  });

  test('tell a decline on POST, and lead to the page where the card is changed', async () => {
    const { body } = await ask('POST /write');
    const [update, pay] = body.actions;
    const declined = await follow(pay.href, { method: 'POST' });
    expect(declined.status).toBe(402);
    expect(await declined.text()).toContain('Update the payment method');
    const redirected = await follow(update.href, { method: 'POST' });
    expect(redirected.status).toBe(303);
    expect(redirected.headers.get('location')).toContain(billing.sandbox.url);
  });

  test('pay on POST, and access is back in that very answer', async () => {
    const { body } = await ask('POST /write');
    await billing.setCard(customerId, 'pm_card_visa');
    const pay = body.actions.find(({ id }: { id: string }) => id === 'pay_invoice');
    const paid = await follow(pay.href, { method: 'POST' });
    expect(paid.status).toBe(200);
    expect(await access('POST /write')).toBe('full');
    const { body: after } = await billing.operator('GET', `/subscriptions/${subscriptionId}`);
    expect(after).toMatchObject({ status: 'active', past_due_since: null });
  });

  test('are worth nothing when changed, cut or made up', async () => {
    for (const token of ['x', 'A'.repeat(80), '..%2f..', 'A'.repeat(2000)]) {
      expect((await fetch(`${billing.url}/a/${token}`)).status).toBe(404);
    }
    expect((await fetch(`${billing.url}/a/${'A'.repeat(80)}`, { method: 'DELETE' })).status).toBe(
      405,
    );
  });
});

describe('subscribe and upgrade links', () => {
  test('let a stranger choose a plan and lead to the checkout', async () => {
    const stranger = await billing.customer();
    const its = (await stranger.call('POST', '/keys', { name: 'new' })).body.key;
    const denied = await createApi(billing.url)('GET', '/entitlements/features/calls', {
      headers: { 'x-gateway-token': billing.test.tokens.gateway, 'x-api-key': its },
    });
    expect([denied.status, denied.body.code]).toEqual([402, 'no_subscription']);
    const { href } = denied.body.actions[0];
    const at = href.replace(billing.test.config.publicUrl, billing.url);
    const page = await (await fetch(at)).text();
    for (const name of ['Free', 'Pro', 'Scale']) expect(page).toContain(name);
    const chosen = await fetch(at, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'plan=pro',
    });
    expect(chosen.status).toBe(303);
    expect(chosen.headers.get('location')).toContain(billing.sandbox.url);
    const wrong = await fetch(at, {
      method: 'POST',
      body: new URLSearchParams({ plan: 'nothing' }),
    });
    expect(wrong.status).toBe(422);
  });
});
