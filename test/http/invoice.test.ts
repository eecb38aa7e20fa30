// Reading and paying invoices over HTTP, and the page on which a card is changed.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

async function billed() {
  const { id, call } = await billing.customer('pm_card_visa');
  const made = await call('POST', '/subscriptions', { plan: 'pro' });
  const [invoice] = (await call('GET', '/invoices')).body.data;
  return { id, call, subscription: made.body, invoice };
}

describe('200', () => {
  test('an invoice has the fields of the contract, in minor units', async () => {
    const { call, subscription, invoice } = await billed();
    expect(invoice).toMatchObject({
      status: 'paid', currency: 'usd', total: 4_900, amount_due: 4_900, amount_paid: 4_900, next_payment_attempt: null,
      period_start: subscription.current_period_start, period_end: subscription.current_period_end,
    }); // prettier-ignore
    expect(invoice.number).toEqual(expect.any(String));
    expect(invoice.hosted_invoice_url).toMatch(/^http/);
    expect((await call('GET', `/invoices/${invoice.id}`)).body).toEqual(invoice);
  });

  test('paying what is paid is the same answer', async () => {
    const { call, invoice } = await billed();
    const paid = await call('POST', `/invoices/${invoice.id}/payment`, {});
    expect([paid.status, paid.body]).toEqual([200, invoice]);
  });

  test('an operator sees all, or one customer’s', async () => {
    const { id } = await billed();
    const mine = await billing.operator('GET', `/invoices?customer_id=${id}`);
    expect(mine.body.data.map(({ customer_id }: any) => customer_id)).toEqual([id]);
    expect((await billing.operator('GET', '/invoices?limit=1')).body.next_cursor).toEqual(
      expect.any(String),
    );
  });
});

describe('201', () => {
  test('a page to change the card opens at Stripe, and the customer there is made when first needed', async () => {
    const { id, call } = await billing.customer();
    const session = await call('POST', '/payment-method-sessions', {
      return_url: 'https://example.com/account',
    });
    expect(session.status).toBe(201);
    expect(session.body.url).toMatch(/^http/);
    expect((await billing.operator('GET', `/customers/${id}`)).body.stripe_customer_id).toMatch(
      /^cus_/,
    );
  });
});

describe('404, 409 and 422', () => {
  test("somebody else's invoice is not there", async () => {
    const { invoice } = await billed();
    const other = await billing.customer();
    expect((await other.call('GET', `/invoices/${invoice.id}`)).status).toBe(404);
    expect((await other.call('POST', `/invoices/${invoice.id}/payment`, {})).status).toBe(404);
  });

  test('an invoice that is void cannot be paid', async () => {
    const { id, call } = await billing.customer('pm_card_chargeCustomerFail');
    const refused = await call('POST', '/subscriptions', { plan: 'pro' });
    const paid = await call('POST', `/invoices/${refused.body.invoice_id}/payment`, {});
    expect([id.startsWith('cus_'), paid.status, paid.body.code]).toEqual([
      true,
      409,
      'invalid_state',
    ]);
  });

  test('an address that is no web address', async () => {
    const { call } = await billing.customer();
    for (const return_url of ['javascript:alert(1)', 'nowhere', '/relative']) {
      expect((await call('POST', '/payment-method-sessions', { return_url })).status).toBe(422);
    }
  });
});

describe('503', () => {
  test('Stripe out of reach is said so, in bounded time, without its words', async () => {
    const { call } = await billing.customer('pm_card_visa');
    await billing.control('PUT', '/_sandbox/faults', {
      api: [
        {
          match: 'GET /v1/customers/*',
          status: 500,
          body: { error: { type: 'api_error', message: 'secret inner words' } },
        },
      ],
    });
    const answer = await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.control('PUT', '/_sandbox/faults', {});
    expect([answer.status, answer.body.code]).toEqual([503, 'stripe_unavailable']);
    expect(JSON.stringify(answer.body)).not.toContain('inner words');
    expect((await call('POST', '/subscriptions', { plan: 'pro' })).status).toBe(201);
  });
});
