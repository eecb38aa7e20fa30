// Plans over HTTP, with Product and Price at the sandbox.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest({ sandbox: true });
});
afterAll(() => http.close());

describe('plans', () => {
  test('201: a free plan has the defaults of the contract and no ids at Stripe', async () => {
    const { status, body } = await http.operator('POST', '/plans', { key: 'free', name: 'Free' });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      id: expect.stringMatching(/^plan_/),
      key: 'free',
      name: 'Free',
      description: null,
      version: 1,
      public: true,
      archived: false,
      price: null,
      trial_days: 0,
      features: [],
      stripe_product_id: null,
      stripe_price_id: null,
    });
    expect(body.ladder).toEqual([
      { after_hours: 0, access: 'full' },
      { after_hours: 72, access: 'warn' },
      { after_hours: 168, access: 'read_only' },
      { after_hours: 336, access: 'deny' },
      { after_hours: 720, access: 'cancel' },
    ]);
  });

  test('201: a paid plan is answered once its Product and Price exist at Stripe', async () => {
    const { status, body } = await http.operator('POST', '/plans', {
      key: 'pro',
      name: 'Pro',
      price: { amount: 4900, currency: 'usd', interval: 'month' },
      features: [{ feature: 'reports', limits: [{ window: 'month', max: 5 }] }],
    });
    expect(status).toBe(201);
    expect(body.features[0].limits[0]).toEqual({
      window: 'month',
      max: 5,
      on_exceed: 'payment',
      overage: null,
    });
    const price = await http.ctx.stripe.prices.retrieve(body.stripe_price_id);
    expect(price).toMatchObject({
      unit_amount: 4900,
      currency: 'usd',
      product: body.stripe_product_id,
      metadata: { tollgate_plan: 'pro', tollgate_plan_version: '1' },
    });
    const product = await http.ctx.stripe.products.retrieve(body.stripe_product_id);
    expect(product).toMatchObject({ name: 'Pro', metadata: { tollgate_plan: 'pro' } });
  });
});
