// Linking a customer to one that Stripe has already: it must be there, and it belongs to one customer only.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest({ sandbox: true });
});
afterAll(() => http.close());

const atStripe = async () => (await http.ctx.stripe.customers.create({ name: 'There before' })).id;

describe('stripe_customer_id', () => {
  test('201 and 200: is taken by POST and by PATCH, and what it has at Stripe will be read', async () => {
    const [first, second] = [await atStripe(), await atStripe()];
    const made = await http.operator('POST', '/customers', {
      external_id: 'a',
      stripe_customer_id: first,
    });
    expect([made.status, made.body.stripe_customer_id]).toEqual([201, first]);
    const { body } = await http.operator('POST', '/customers', { external_id: 'b' });
    const patched = await http.operator('PATCH', `/customers/${body.id}`, {
      stripe_customer_id: second,
    });
    expect([patched.status, patched.body.stripe_customer_id]).toEqual([200, second]);
    const due = await http.ctx.db.stripeObject.findMany({ where: { kind: 'customer' } });
    expect(due.map(({ id }) => id).sort()).toEqual([first, second].sort());
  });

  test('422: Stripe does not know it, or has deleted it', async () => {
    const gone = await atStripe();
    await http.ctx.stripe.customers.del(gone);
    for (const stripe_customer_id of ['cus_doesnotexist', gone]) {
      const answer = await http.operator('POST', '/customers', {
        external_id: 'c',
        stripe_customer_id,
      });
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/stripe_customer_id']);
    }
  });

  test('409: it is another customer’s, also when two ask at once', async () => {
    const stripe_customer_id = await atStripe();
    const answers = await Promise.all(
      ['d', 'e', 'f'].map((external_id) =>
        http.operator('POST', '/customers', { external_id, stripe_customer_id }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const refused = answers.find(({ status }) => status === 409)!;
    expect(refused.body.code).toBe('stripe_customer_conflict');
  });

  test('409: a customer keeps the one it has', async () => {
    const { body } = await http.operator('POST', '/customers', {
      external_id: 'g',
      stripe_customer_id: await atStripe(),
    });
    const change = { stripe_customer_id: await atStripe() };
    const answer = await http.operator('PATCH', `/customers/${body.id}`, change);
    expect([answer.status, answer.body.code]).toEqual([409, 'stripe_customer_conflict']);
  });
});

describe('DELETE /customers/{id}', () => {
  test('204: ends what it had at Stripe as well', async () => {
    await http.operator('POST', '/plans', {
      key: 'pro',
      name: 'Pro',
      price: { amount: 900, currency: 'usd', interval: 'month' },
    });
    const { id } = await http.customer('paying');
    const stripe = await http.ctx.stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    await http.operator('PATCH', `/customers/${id}`, { stripe_customer_id: stripe.id });
    const bought = await http.operator('POST', '/subscriptions', { customer_id: id, plan: 'pro' });
    expect([bought.status, bought.body.status]).toEqual([201, 'active']);
    expect((await http.operator('DELETE', `/customers/${id}`)).status).toBe(204);
    const { status } = await http.ctx.stripe.subscriptions.retrieve(
      bought.body.stripe_subscription_id,
    );
    expect(status).toBe('canceled');
    const row = await http.ctx.db.subscription.findUniqueOrThrow({ where: { id: bought.body.id } });
    expect(row.status).toBe('canceled');
  });
});
