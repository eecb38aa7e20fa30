// Plans over HTTP, with Product and Price at the sandbox.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

const day = { window: 'day', max: 1 };

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest({ sandbox: true });
});
afterAll(() => http.close());

describe('POST /plans', () => {
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

  test('409: the key is taken', async () => {
    const { status, body } = await http.operator('POST', '/plans', { key: 'free', name: 'Other' });
    expect([status, body.code]).toEqual([409, 'plan_exists']);
  });

  test.each([
    ['an amount of 0', { price: price(0) }, '/price/amount'],
    ['an amount with a fraction', { price: price(10.5) }, '/price/amount'],
    ['nine digits', { price: price(100_000_000) }, '/price/amount'],
    ['an upper-case currency', { price: price(100, 'USD') }, '/price/currency'],
    ['a currency that is none', { price: price(100, 'zzz') }, '/price/currency'],
    ['dinars that do not end in 0', { price: price(1005, 'kwd') }, '/price/amount'],
    ['a feature twice', { features: [{ feature: 'a' }, { feature: 'a' }] }, '/features'],
    ['a window twice', { features: [{ feature: 'a', limits: [day, day] }] }, '/features/0/limits'],
    ['a limit below zero', { features: [{ feature: 'a', limits: [{ ...day, max: -1 }] }] }, '/features/0/limits/0/max'],
    ['a limit beyond 2^53', { features: [{ feature: 'a', limits: [{ ...day, max: 2 ** 53 }] }] }, '/features/0/limits/0/max'],
    ['a ladder that goes back', { ladder: [{ after_hours: 5, access: 'warn' }, { after_hours: 5, access: 'deny' }] }, '/ladder'],
    ['a trial of three years', { trial_days: 1096 }, '/trial_days'],
    ['an id of its own choosing', { stripe_price_id: 'price_1' }, '/stripe_price_id'],
  ])('422: %s', async (_name, part, pointer) => {
    const { status, body } = await http.operator('POST', '/plans', { key: 'bad', name: 'Bad', ...part });
    expect(status).toBe(422);
    expect(body.errors.map((error: any) => error.pointer)).toEqual([pointer]);
  }); // prettier-ignore

  test('503: while Stripe is away nobody sees the plan; the next try finishes it with one Product', async () => {
    const plan = { key: 'late', name: 'Late', price: price(700) };
    await fail([{ match: 'POST /v1/prices', status: 500 }]);
    const refused = await http.operator('POST', '/plans', plan);
    expect([refused.status, refused.body.code]).toEqual([503, 'stripe_unavailable']);
    expect((await http.operator('GET', '/plans/late')).status).toBe(404);
    expect((await http.operator('PATCH', '/plans/late', { name: 'x' })).status).toBe(404);
    const listed = await http.operator('GET', '/plans?limit=100');
    expect(listed.body.data.map((one: any) => one.key)).not.toContain('late');
    const half = await http.ctx.db.plan.findUniqueOrThrow({ where: { key: 'late' } });

    await fail([]);
    const finished = await http.operator('POST', '/plans', plan);
    expect(finished.status).toBe(201);
    expect(finished.body.stripe_product_id).toBe(half.stripe_product_id);
    expect(await pricesOf(half.stripe_product_id!)).toHaveLength(1);
  }, 60_000);

  test('a lost answer of Stripe makes no second Price', async () => {
    await fail([{ match: 'POST /v1/prices', reset: 'after', times: 1 }]);
    const { status, body } = await http.operator('POST', '/plans', {
      key: 'lost',
      name: 'L',
      price: price(1),
    });
    expect(status).toBe(201);
    expect(await pricesOf(body.stripe_product_id)).toHaveLength(1);
  });

  test('a draft that was left behind gives way to another content', async () => {
    await fail([{ match: 'POST /v1/products', status: 500 }]);
    await http.operator('POST', '/plans', { key: 'draft', name: 'Before', price: price(5) });
    await fail([]);
    const { status, body } = await http.operator('POST', '/plans', { key: 'draft', name: 'After' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'After', version: 1, price: null, stripe_price_id: null });
  }, 60_000);

  test('of many that race for one key, one makes the plan', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        http.operator('POST', '/plans', { key: 'race', name: `R${n % 2}`, price: price(9) }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
  });
});

describe('PATCH /plans/{key}', () => {
  test('200: other content is a new version with a Price of its own; the old version stays', async () => {
    const made = await http.operator('POST', '/plans', {
      key: 'grow',
      name: 'Grow',
      price: price(100),
    });
    const { status, body } = await http.operator('PATCH', '/plans/grow', {
      name: 'Grown',
      price: price(200),
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ version: 2, name: 'Grown', price: price(200) });
    expect(body.stripe_product_id).toBe(made.body.stripe_product_id);
    expect(body.stripe_price_id).not.toBe(made.body.stripe_price_id);
    const product = await http.ctx.stripe.products.retrieve(body.stripe_product_id);
    expect(product.name).toBe('Grown');
    const newPrice = await http.ctx.stripe.prices.retrieve(body.stripe_price_id);
    expect(newPrice.metadata).toEqual({ tollgate_plan: 'grow', tollgate_plan_version: '2' });
    const versions = await http.ctx.db.planVersion.findMany({ where: { plan_id: body.id } });
    expect(versions.map(({ stripe_price_id }) => stripe_price_id).sort()).toEqual(
      [made.body.stripe_price_id, body.stripe_price_id].sort(),
    );
  });

  test('200: nothing new makes no version; public and archived are the plan’s own', async () => {
    await http.operator('POST', '/plans', {
      key: 'same',
      name: 'Same',
      features: [{ feature: 'a' }],
    });
    const again = await http.operator('PATCH', '/plans/same', {
      name: 'Same',
      features: [{ feature: 'a' }],
    });
    expect([again.status, again.body.version]).toEqual([200, 1]);
    const hidden = await http.operator('PATCH', '/plans/same', { public: false, archived: true });
    expect(hidden.body).toMatchObject({ version: 1, public: false, archived: true });
  });

  test('200: from free to paid and back', async () => {
    await http.operator('POST', '/plans', { key: 'flip', name: 'Flip' });
    const paid = await http.operator('PATCH', '/plans/flip', { price: price(300) });
    expect(paid.body.stripe_price_id).toMatch(/^price_/);
    const free = await http.operator('PATCH', '/plans/flip', { price: null });
    expect(free.body).toMatchObject({ version: 3, stripe_price_id: null, stripe_product_id: null });
  });

  test('changes that race are all applied, one version each', async () => {
    await http.operator('POST', '/plans', { key: 'busy', name: 'Busy' });
    const answers = await Promise.all([
      http.operator('PATCH', '/plans/busy', { name: 'Busier' }),
      http.operator('PATCH', '/plans/busy', { description: 'Much to do' }),
      http.operator('PATCH', '/plans/busy', { trial_days: 7 }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { body } = await http.operator('GET', '/plans/busy');
    expect(body).toMatchObject({
      version: 4,
      name: 'Busier',
      description: 'Much to do',
      trial_days: 7,
    });
  });

  test('404: an unknown plan; 422: another key', async () => {
    expect((await http.operator('PATCH', '/plans/nowhere', { name: 'x' })).status).toBe(404);
    expect((await http.operator('PATCH', '/plans/free', { key: 'other' })).status).toBe(422);
  });
});

describe('GET /plans', () => {
  test('shows anybody what is offered, without ids at Stripe; operators see all', async () => {
    await http.operator('POST', '/plans', { key: 'secret', name: 'S', public: false });
    const anyone = await http.anyone('GET', '/plans?limit=100');
    const keys = anyone.body.data.map((plan: any) => plan.key);
    expect(keys).toContain('pro');
    expect(keys).not.toContain('secret');
    expect(keys).not.toContain('same');
    expect(JSON.stringify(anyone.body)).not.toMatch(/stripe_|prod_/);
    const all = await http.operator('GET', '/plans?limit=100');
    expect(all.body.data.map((plan: any) => plan.key)).toEqual(
      expect.arrayContaining(['secret', 'same']),
    );
  });

  test('404: a private plan is not there for those who are not on it', async () => {
    expect((await http.anyone('GET', '/plans/secret')).status).toBe(404);
    const { id, call } = await http.customer('on-secret');
    expect((await call('GET', '/plans/secret')).status).toBe(404);
    await http.operator('POST', '/subscriptions', { customer_id: id, plan: 'secret' });
    expect((await call('GET', '/plans/secret')).status).toBe(200);
  });
});

function price(amount: number, currency = 'usd') {
  return { amount, currency, interval: 'month' };
}

async function fail(api: unknown[]): Promise<void> {
  const { url, secretKey } = http.test.sandbox!;
  const answer = await fetch(`${url}/_sandbox/faults`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ api }),
  });
  expect(answer.status).toBe(200);
}

async function pricesOf(product: string) {
  return (await http.ctx.stripe.prices.list({ product, limit: 100 })).data;
}
