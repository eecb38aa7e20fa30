// The failures one can ask for, sentence by sentence: which call is hit, how often, and what is
// left behind; and what becomes of webhooks that are held, dropped, copied, shuffled or late.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { clientOf, errorOf, openStand, until, type Stand } from './stand.ts';

let stand: Stand;
let unjudged: Stripe;
beforeEach(async () => {
  stand = await openStand();
  unjudged = clientOf(stand.sandbox.url, stand.sandbox.secretKey);
});
afterEach(() => stand.close());

const put = async (faults: object): Promise<void> => {
  expect((await stand.control('PUT', '/faults', faults)).status).toBe(200);
};
const status = async (path: string, method = 'GET'): Promise<number> => {
  const headers = { authorization: `Bearer ${stand.sandbox.secretKey}` };
  return (await fetch(`${stand.sandbox.url}${path}`, { method, headers })).status;
};
const product = (name: string) => stand.stripe.products.create({ name });
const products = async () => (await stand.stripe.products.list({ limit: 100 })).data.length;

describe('faults of the API', () => {
  test('a star is one segment, neither none nor two', async () => {
    await put({ api: [{ match: 'GET /v1/*', status: 418 }] });
    expect(await status('/v1/products')).toBe(418);
    expect(await status('/v1/products/prod_x')).toBe(404);
    await put({ api: [{ match: 'GET /v1/invoices/*/lines', status: 418 }] });
    expect(await status('/v1/invoices/in_x/lines')).toBe(418);
    expect(await status('/v1/invoices/in_x')).toBe(404);
    expect(await status('/v1/invoices')).toBe(200);
  });

  test('the method counts, a star for any', async () => {
    await put({ api: [{ match: 'POST /v1/products', status: 503 }] });
    expect(await status('/v1/products')).toBe(200);
    expect(await status('/v1/products', 'POST')).toBe(503);
    await put({ api: [{ match: '* /v1/products', status: 503 }] });
    expect(await status('/v1/products')).toBe(503);
  });

  test('the first match wins until it is used up', async () => {
    await put({
      api: [
        { match: 'GET /v1/products', status: 500, times: 2 },
        { match: 'GET /v1/*', status: 503, times: 1 },
        { match: 'GET /v1/products', status: 429 },
      ],
    });
    const seen: number[] = [];
    for (let i = 0; i < 5; i += 1) seen.push(await status('/v1/products'));
    expect(seen).toEqual([500, 500, 503, 429, 429]);
    const { body } = await stand.control('GET', '/faults');
    expect(body.api.map((fault: { times?: number }) => fault.times)).toEqual([0, 0, undefined]);
  });

  test('PUT replaces the whole', async () => {
    await put({ webhooks: { mode: 'drop' }, api: [{ match: 'GET /v1/products', status: 500 }] });
    await put({});
    expect((await stand.control('GET', '/faults')).body).toEqual({
      webhooks: { mode: 'normal', duplicate: 0, shuffle: false, delay_ms: 0 },
      api: [],
    });
    expect(await status('/v1/products')).toBe(200);
  });

  test('a status leaves nothing done; the key may be used again', async () => {
    await put({ api: [{ match: 'POST /v1/products', status: 500, times: 1 }] });
    const create = () => stand.stripe.products.create({ name: 'P' }, { idempotencyKey: 'k' });
    expect(await errorOf(create())).toMatchObject({ statusCode: 500, type: 'StripeAPIError' });
    expect(await products()).toBe(0);
    await create();
    expect(await products()).toBe(1);
  });

  test('body replaces the answer of what was done; with a status nothing is done', async () => {
    await put({
      api: [{ match: 'POST /v1/products', body: { id: 'prod_no', object: 'product' } }],
    });
    expect((await unjudged.products.create({ name: 'P' })).id).toBe('prod_no');
    const error = { error: { type: 'card_error', code: 'card_declined', message: 'No.' } };
    await put({ api: [{ match: 'POST /v1/products', status: 402, body: error }] });
    expect(await errorOf(unjudged.products.create({ name: 'Q' }))).toMatchObject({
      type: 'StripeCardError',
      code: 'card_declined',
    });
    expect(await products()).toBe(1);
  });

  test('reset before does nothing, reset after does it', async () => {
    await put({ api: [{ match: 'POST /v1/products', reset: 'before' }] });
    expect(await errorOf(product('P'))).toMatchObject({ type: 'StripeConnectionError' });
    expect(await products()).toBe(0);
    await put({ api: [{ match: 'POST /v1/products', reset: 'after' }] });
    const create = () => stand.stripe.products.create({ name: 'P' }, { idempotencyKey: 'k' });
    expect(await errorOf(create())).toMatchObject({ type: 'StripeConnectionError' });
    await put({});
    expect((await create()).lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(await products()).toBe(1);
  });

  test('hang_ms delays what is then answered as ever', async () => {
    await put({ api: [{ match: 'GET /v1/products', hang_ms: 300 }] });
    const started = performance.now();
    expect(await status('/v1/products')).toBe(200);
    expect(performance.now() - started).toBeGreaterThanOrEqual(295);
  });

  test.each([
    { api: [{ match: 'GET', status: 500 }] },
    { api: [{ match: 'GET /v1/products' }] },
    { api: [{ match: 'GET /v1/products', status: 99 }] },
    { api: [{ match: 'GET /v1/products', status: 500, times: -1 }] },
    { api: [{ match: 'GET /v1/products', reset: 'never' }] },
    { webhooks: { mode: 'loud' } },
    { webhooks: { duplicate: -1 } },
    { nonsense: true },
    [],
  ])('nonsense is a 400 that changes nothing: %j', async (faults) => {
    await put({ api: [{ match: 'GET /v1/customers', status: 500 }] });
    expect((await stand.control('PUT', '/faults', faults)).status).toBe(400);
    expect((await stand.control('GET', '/faults')).body.api).toHaveLength(1);
  });
});

describe('faults of webhooks', () => {
  const names = () =>
    stand.receiver.events.map((event) => (event.data.object as Stripe.Product).name);
  const many = async (count: number): Promise<string[]> => {
    const made = Array.from({ length: count }, (_, i) => `p${i}`);
    for (const name of made) await product(name);
    return made;
  };
  const deliveries = async () => (await stand.control('GET', '/deliveries')).body;

  test('leaving hold releases in the order in which it happened', async () => {
    await put({ webhooks: { mode: 'hold' } });
    const made = await many(40);
    expect(await deliveries()).toMatchObject({ outstanding: 40 });
    expect((await deliveries()).data.every((row: any) => row.status === 'held')).toBe(true);
    await put({});
    await stand.delivered();
    expect(names()).toEqual(made);
  });

  test('hold keeps back what was still waiting', async () => {
    await put({ webhooks: { delay_ms: 60_000 } });
    await product('late');
    await put({ webhooks: { mode: 'hold' } });
    expect((await deliveries()).data[0].status).toBe('held');
    await put({});
    await stand.delivered();
    expect(names()).toEqual(['late']);
  });

  test('from hold to drop they are lost, and stay in the list of events', async () => {
    await put({ webhooks: { mode: 'hold' } });
    await many(3);
    await put({ webhooks: { mode: 'drop' } });
    expect(await deliveries()).toMatchObject({ outstanding: 0 });
    await put({});
    await product('after');
    await stand.delivered();
    expect(names()).toEqual(['after']);
    expect((await stand.stripe.events.list()).data).toHaveLength(4);
  });

  test.each(['normal', 'hold', 'drop'] as const)(
    'one event is sent at once in %s',
    async (mode) => {
      await put({ webhooks: { mode, delay_ms: 600_000 } });
      await product('wanted');
      const [event] = (await stand.stripe.events.list()).data;
      const answer = await stand.control('POST', `/deliveries/${event!.id}`);
      expect(answer.body.data).toMatchObject([{ event_id: event!.id, last_status: 200 }]);
      expect(names()).toEqual(['wanted']);
      await stand.control('POST', `/deliveries/${event!.id}`);
      expect(names()).toEqual(['wanted', 'wanted']);
      expect((await stand.control('POST', '/deliveries/evt_none')).status).toBe(404);
    },
  );

  test('one that fails while all is held is held again', async () => {
    await put({ webhooks: { mode: 'hold' } });
    await product('P');
    const [event] = (await stand.stripe.events.list()).data;
    stand.receiver.status = 500;
    await stand.control('POST', `/deliveries/${event!.id}`);
    expect((await deliveries()).data).toMatchObject([
      { status: 'held', attempts: 1, last_status: 500 },
    ]);
  });

  test('duplicate is how many more, shuffle is another order, each copy the same event', async () => {
    await put({ webhooks: { mode: 'hold', duplicate: 1 } });
    const made = await many(40);
    await put({ webhooks: { shuffle: true } });
    await stand.delivered();
    expect(names().sort()).toEqual([...made, ...made].sort());
    expect(new Set(stand.receiver.events.map((event) => event.id)).size).toBe(40);
    expect(stand.receiver.problems).toEqual([]);
  });

  test('shuffled is not in order', async () => {
    await put({ webhooks: { mode: 'hold' } });
    const made = await many(40);
    await put({ webhooks: { shuffle: true } });
    await stand.delivered();
    expect(names()).not.toEqual(made);
  });

  test('delay_ms is how long it waits', async () => {
    await put({ webhooks: { delay_ms: 400 } });
    const started = performance.now();
    await product('late');
    expect((await deliveries()).outstanding).toBe(1);
    await stand.delivered();
    expect(performance.now() - started).toBeGreaterThanOrEqual(390);
  });

  test('nobody listening: tried, still outstanding, delivered once somebody does', async () => {
    stand.receiver.status = 503;
    await product('P');
    await until(async () => (await deliveries()).data[0].attempts > 0);
    expect(await deliveries()).toMatchObject({ outstanding: 1, data: [{ last_status: 503 }] });
    stand.receiver.status = 204;
    await stand.delivered();
    expect((await deliveries()).data[0].status).toBe('delivered');
  });
});

test('settings are what the contract says until somebody changes them, and reset brings them back', async () => {
  const defaults = { retries: { count: 8, days: 14 }, after_retries: 'past_due' };
  expect((await stand.control('GET', '/settings')).body).toEqual(defaults);
  await stand.control('PUT', '/settings', { after_retries: 'unpaid' });
  expect((await stand.control('GET', '/settings')).body.after_retries).toBe('unpaid');
  for (const wrong of [{ after_retries: 'sue' }, { retries: { count: -1, days: 1 } }, { more: 1 }])
    expect((await stand.control('PUT', '/settings', wrong)).status).toBe(400);
  await put({ webhooks: { mode: 'drop' } });
  await stand.control('POST', '/reset');
  expect((await stand.control('GET', '/settings')).body).toEqual(defaults);
  expect((await stand.control('GET', '/faults')).body.webhooks.mode).toBe('normal');
});
