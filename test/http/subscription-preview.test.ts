// What a change would cost, before it is made; and that asking changes nothing.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

describe('a preview', () => {
  test('of an upgrade now names the proration and what each period costs after', async () => {
    const { call } = await billing.customer('pm_card_visa');
    const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
    const path = `/subscriptions/${body.id}`;
    const shown = await call('POST', `${path}/preview`, { plan: 'scale' });
    expect(shown.status).toBe(200);
    expect(shown.body).toMatchObject({ currency: 'usd', renewal_amount: 19_900 });
    expect(shown.body.lines.map(({ proration }: any) => proration)).toEqual([true, true]);
    const sum = shown.body.lines.reduce(
      (total: number, { amount }: { amount: number }) => total + amount,
      0,
    );
    expect(shown.body.amount_due).toBe(sum);
    expect((await call('GET', path)).body).toEqual(body);
    const { proration_at } = shown.body;
    await call('PATCH', path, { plan: 'scale', proration_at });
    const [invoice] = (await call('GET', '/invoices')).body.data;
    expect(invoice.total).toBe(shown.body.amount_due);
  });

  test.each([
    ['at the period’s end', 'scale', { plan: 'pro', effective: 'period_end' }, 4_900],
    ['down to free', 'pro', { plan: 'free' }, 0],
  ])('of a change %s has nothing due now', async (_what, from, change, renewal) => {
    const { call } = await billing.customer('pm_card_visa');
    const { body } = await call('POST', '/subscriptions', { plan: from });
    const shown = await call('POST', `/subscriptions/${body.id}/preview`, change);
    expect(shown.body).toEqual({
      amount_due: 0,
      currency: 'usd',
      lines: [],
      proration_at: null,
      effective_at: body.current_period_end,
      renewal_amount: renewal,
    });
  });

  test('up from free shows the first invoice, with or without a customer at Stripe', async () => {
    for (const card of [undefined, 'pm_card_visa'] as const) {
      const { call } = await billing.customer(card);
      const { body } = await call('POST', '/subscriptions', { plan: 'free' });
      const shown = await call('POST', `/subscriptions/${body.id}/preview`, {
        plan: 'pro',
        quantity: 2,
      });
      expect([shown.status, shown.body.amount_due, shown.body.renewal_amount]).toEqual([
        200, 9_800, 9_800,
      ]);
    }
  });
});
