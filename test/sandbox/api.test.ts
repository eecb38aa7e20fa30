// What every endpoint shares: credentials, errors, idempotency, paging, expansion and forms.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { clientOf, customerWith, errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

const raw = (method: string, path: string, body = '', headers: Record<string, string> = {}) =>
  fetch(`${stand.sandbox.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${stand.sandbox.secretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    ...(method === 'GET' ? {} : { body }),
  });

describe('errors', () => {
  test('a wrong or missing key is a 401', async () => {
    const error = await errorOf(clientOf(stand.sandbox.url, 'sk_test_wrong').customers.list());
    expect(error).toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 });
    expect((await fetch(`${stand.sandbox.url}/v1/customers`)).status).toBe(401);
    expect((await fetch(`${stand.sandbox.url}/_sandbox/clock`)).status).toBe(401);
  });

  test.each([
    ['an unknown parameter', 'POST', '/v1/customers', 'nope=1', 'parameter_unknown', 'nope'],
    [
      'an unknown nested parameter',
      'POST',
      '/v1/customers',
      'invoice_settings[nope]=1',
      'parameter_unknown',
      'invoice_settings[nope]',
    ],
    ['a missing parameter', 'POST', '/v1/products', '', 'parameter_missing', 'name'],
    ['no integer', 'POST', '/v1/customers', 'balance=1.5', 'parameter_invalid_integer', 'balance'],
    [
      'an empty one that cannot be unset',
      'POST',
      '/v1/products',
      'name=',
      'parameter_invalid_empty',
      'name',
    ],
    ['a limit out of range', 'GET', '/v1/customers?limit=101', '', undefined, 'limit'],
    [
      'an id inside that names nothing',
      'POST',
      '/v1/prices',
      'currency=usd&unit_amount=1&product=prod_x',
      'resource_missing',
      'product',
    ],
  ])('%s is a 400 that names it', async (_name, method, path, body, code, param) => {
    const answer = await raw(method, path, body);
    const { error } = (await answer.json()) as any;
    expect(answer.status).toBe(400);
    expect(error).toMatchObject({
      type: 'invalid_request_error',
      param,
      request_log_url: expect.any(String),
    });
    expect(error.code).toBe(code);
  });

  test('an object that is not there is a 404, a deleted customer still answers', async () => {
    expect(await errorOf(stripe.customers.retrieve('cus_x'))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      param: 'id',
    });
    const { id } = await stripe.customers.create();
    expect(await stripe.customers.del(id)).toMatchObject({ id, object: 'customer', deleted: true });
    expect(await stripe.customers.retrieve(id)).toMatchObject({ id, deleted: true });
    expect(await errorOf(stripe.customers.update(id, { name: 'x' }))).toMatchObject({
      statusCode: 404,
    });
  });

  test('an endpoint the sandbox does not have is an error the SDK knows, and is listed', async () => {
    expect(await errorOf(stripe.payouts.list())).toMatchObject({
      type: 'StripeInvalidRequestError',
      statusCode: 404,
    });
    const { body } = await stand.control('GET', '/unknown');
    expect(body.data).toContainEqual({ method: 'GET', path: '/v1/payouts', count: 1 });
  });

  test.each([
    '{"a":1}',
    'a[=1',
    'a=1&a[b]=2',
    '__proto__[x]=1',
    'metadata[constructor]=1&x=%',
    `${'a[b]'.repeat(30)}=1`,
  ])('a body like %s never brings it down', async (body) => {
    expect((await raw('POST', '/v1/customers', body)).status).toBeLessThan(500);
    expect(({} as any).x).toBeUndefined();
  });

  test('a JSON body and a body too large are refused', async () => {
    expect(
      (await raw('POST', '/v1/customers', '{}', { 'content-type': 'application/json' })).status,
    ).toBe(400);
    expect((await raw('POST', '/v1/customers', `name=${'x'.repeat(1_100_000)}`)).status).toBe(413);
  });
});

describe('idempotency keys', () => {
  test('the same request is answered the same and done once', async () => {
    const first = await stripe.customers.create({ name: 'once' }, { idempotencyKey: 'k1' });
    const second = await stripe.customers.create({ name: 'once' }, { idempotencyKey: 'k1' });
    expect(second.id).toBe(first.id);
    expect(first.lastResponse.headers['idempotent-replayed']).toBeUndefined();
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
  });

  test('other parameters under the same key are refused', async () => {
    await stripe.customers.create({ name: 'one' }, { idempotencyKey: 'k2' });
    const error = await errorOf(stripe.customers.create({ name: 'two' }, { idempotencyKey: 'k2' }));
    expect(error).toMatchObject({ type: 'StripeIdempotencyError', statusCode: 400 });
  });

  test('a decline is replayed, and charged once', async () => {
    const customer = await customerWith(stripe, 'pm_card_chargeCustomerFail');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const pay = () =>
      errorOf(stripe.invoices.pay(made.latest_invoice as string, {}, { idempotencyKey: 'k3' }));
    const first = await pay();
    const second = await pay();
    expect(second).toMatchObject({
      code: 'card_declined',
      headers: { 'idempotent-replayed': 'true' },
    });
    expect(second.raw.payment_intent.id).toBe(first.raw.payment_intent.id);
    expect((await stripe.invoices.retrieve(made.latest_invoice as string)).attempt_count).toBe(2);
  });

  test('a refused parameter is not kept', async () => {
    await errorOf(stripe.customers.create({ nope: 1 } as any, { idempotencyKey: 'k4' }));
    expect((await stripe.customers.create({ name: 'fine' }, { idempotencyKey: 'k4' })).name).toBe(
      'fine',
    );
  });

  test('while one is in flight the other gets 409', async () => {
    await stand.control('PUT', '/faults', {
      api: [{ match: 'POST /v1/products', hang_ms: 1500, times: 1 }],
    });
    const slow = stripe.products.create({ name: 'slow' }, { idempotencyKey: 'k5' });
    await stand.control('GET', '/clock');
    const error = await errorOf(stripe.products.create({ name: 'slow' }, { idempotencyKey: 'k5' }));
    expect(error).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect((await slow).name).toBe('slow');
  });
});

describe('lists', () => {
  test('pages both ways, newest first', async () => {
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1)
      made.unshift((await stripe.customers.create({ email: 'page@example.com' })).id);
    const list = (more: object) =>
      stripe.customers.list({ email: 'page@example.com', limit: 2, ...more });
    const first = await list({});
    expect(first.data.map((row) => row.id)).toEqual(made.slice(0, 2));
    expect(first.has_more).toBe(true);
    const second = await list({ starting_after: made[1] });
    expect(second.data.map((row) => row.id)).toEqual(made.slice(2, 4));
    const back = await list({ ending_before: made[4] });
    expect(back.data.map((row) => row.id)).toEqual(made.slice(2, 4));
    const all = await stripe.customers
      .list({ email: 'page@example.com', limit: 2 })
      .autoPagingToArray({ limit: 100 });
    expect(all.map((row) => row.id)).toEqual(made);
    expect(await errorOf(list({ starting_after: 'cus_x' }))).toMatchObject({
      code: 'resource_missing',
      param: 'starting_after',
    });
  });

  test('prices are found by lookup key and product', async () => {
    const price = await stripe.prices.create({
      currency: 'jpy',
      unit_amount: 500,
      recurring: { interval: 'year' },
      product_data: { name: 'P' },
      lookup_key: 'yearly',
    });
    expect(
      (await stripe.prices.list({ lookup_keys: ['yearly'] })).data.map((row) => row.id),
    ).toEqual([price.id]);
    expect((await stripe.prices.list({ product: price.product as string })).data).toHaveLength(1);
    expect(String(price.unit_amount_decimal)).toBe('500');
  });
});

describe('expand', () => {
  test('goes four levels deep, through lists, and refuses the fifth and what is no reference', async () => {
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const { id } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    const deep = await stripe.subscriptions.list({
      customer: customer.id,
      expand: [
        'data.customer',
        'data.latest_invoice.customer.invoice_settings',
        'data.items.data.price.product',
      ].filter((path) => !path.endsWith('settings')),
    });
    const [row] = deep.data;
    expect((row!.customer as Stripe.Customer).email).toBe('ada@example.com');
    expect((row!.items.data[0]!.price.product as Stripe.Product).name).toBe('Pro');
    const refused = await errorOf(stripe.subscriptions.retrieve(id, { expand: ['status'] }));
    expect(refused).toMatchObject({ statusCode: 400, param: 'expand' });
    const tooDeep = await errorOf(stripe.subscriptions.retrieve(id, { expand: ['a.b.c.d.e'] }));
    expect(tooDeep.message).toContain('more than 4 levels');
  });
});
