// The sandbox's controls: its clock, faults, deliveries, reset; and state that survives a restart.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  clientOf,
  customerWith,
  day,
  errorOf,
  monthly,
  openStand,
  until,
  type Stand,
} from './stand.ts';
import { createSandbox } from '../../src/sandbox/sandbox.ts';

let stand: Stand;
afterEach(() => stand.close());

describe('the clock', () => {
  test('only moves forward, answers 202 and speaks RFC 3339', async () => {
    stand = await openStand();
    const now = await stand.now();
    const answer = await stand.control('POST', '/clock', {
      now: new Date((now + day) * 1000).toISOString(),
    });
    expect(answer).toMatchObject({ status: 202, body: { status: 'advancing' } });
    await until(async () => (await stand.control('GET', '/clock')).body.status === 'ready');
    expect((await stand.now()) - now).toBeGreaterThanOrEqual(day);
    expect((await stand.control('POST', '/clock', { now })).status).toBe(400);
    expect((await stand.control('POST', '/clock', { now: 'tomorrow' })).status).toBe(400);
    expect((await stand.control('POST', '/clock', { now: now + 2 * day, more: 1 })).status).toBe(
      400,
    );
  });

  test('a year passes in one move: twelve renewals, each paid, each announced and delivered', async () => {
    stand = await openStand();
    const { stripe } = stand;
    const customer = await customerWith(stripe, 'pm_card_visa');
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    await stand.move(366 * day);
    const invoices = await stripe.invoices.list({
      subscription: made.id,
      status: 'paid',
      limit: 100,
    });
    expect(invoices.data).toHaveLength(13);
    await stand.delivered();
    const paid = stand.receiver.events.filter((event) => event.type === 'invoice.paid');
    expect(paid).toHaveLength(13);
    expect(stand.receiver.problems).toEqual([]);
  });

  test('a test clock moves its own customers alone', async () => {
    stand = await openStand();
    const { stripe } = stand;
    const frozen = (await stand.now()) - 100 * day;
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: frozen });
    const customer = await stripe.customers.create({
      test_clock: clock.id,
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const price = await monthly(stripe, 1000);
    const made = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
    });
    expect(made.created).toBe(frozen);
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: frozen + 32 * day });
    await until(
      async () => (await stripe.testHelpers.testClocks.retrieve(clock.id)).status === 'ready',
    );
    expect(
      (await stripe.invoices.list({ subscription: made.id, status: 'paid' })).data,
    ).toHaveLength(2);
    expect((await stripe.subscriptions.list()).data).toEqual([]);
    const far = stripe.testHelpers.testClocks.advance(clock.id, {
      frozen_time: frozen + 300 * day,
    });
    expect(await errorOf(far)).toMatchObject({ statusCode: 400 });
  });
});

describe('deliveries', () => {
  test('a failing endpoint is tried again until it answers 2xx', async () => {
    stand = await openStand();
    stand.receiver.status = 500;
    await stand.stripe.products.create({ name: 'P' });
    await until(
      async () => (await stand.control('GET', '/deliveries')).body.data[0]?.attempts === 1,
    );
    const { body } = await stand.control('GET', '/deliveries');
    expect(body).toMatchObject({
      outstanding: 1,
      data: [{ type: 'product.created', status: 'pending', last_status: 500 }],
    });
    stand.receiver.status = 200;
    await stand.delivered();
    expect((await stand.control('GET', '/deliveries')).body.data[0]).toMatchObject({
      status: 'delivered',
      attempts: 2,
      last_status: 200,
    });
  });

  test('what was for an endpoint that is gone is given up', async () => {
    stand = await openStand();
    stand.receiver.status = 500;
    await stand.stripe.products.create({ name: 'P' });
    const [endpoint] = (await stand.stripe.webhookEndpoints.list()).data;
    await stand.stripe.webhookEndpoints.del(endpoint!.id);
    await stand.delivered();
    expect((await stand.control('GET', '/deliveries?limit=1')).body.data).toMatchObject([
      { status: 'failed' },
    ]);
  });

  test('hold keeps them, leaving releases them in order; one can be sent meanwhile', async () => {
    stand = await openStand();
    await stand.control('PUT', '/faults', { webhooks: { mode: 'hold' } });
    for (const name of ['a', 'b', 'c']) await stand.stripe.products.create({ name });
    const { body } = await stand.control('GET', '/deliveries');
    expect(body.outstanding).toBe(3);
    expect(stand.receiver.events).toEqual([]);
    await stand.control('POST', `/deliveries/${body.data[1].event_id}`);
    const names = () =>
      stand.receiver.events.map((event) => (event.data.object as { name: string }).name);
    expect(names()).toEqual(['b']);
    await stand.control('PUT', '/faults', {});
    await stand.delivered();
    expect(names().sort()).toEqual(['a', 'b', 'c']);
  });

  test('drop loses them but not the events; duplicate sends copies', async () => {
    stand = await openStand();
    await stand.control('PUT', '/faults', { webhooks: { mode: 'drop' } });
    await stand.stripe.products.create({ name: 'dropped' });
    expect((await stand.control('GET', '/deliveries')).body).toMatchObject({
      outstanding: 0,
      data: [{ status: 'dropped' }],
    });
    expect((await stand.stripe.events.list()).data).toHaveLength(1);
    await stand.control('PUT', '/faults', {
      webhooks: { duplicate: 2, shuffle: true, delay_ms: 5 },
    });
    await stand.stripe.products.create({ name: 'thrice' });
    await stand.delivered();
    expect(stand.receiver.events).toHaveLength(3);
    expect(new Set(stand.receiver.events.map((event) => event.id)).size).toBe(1);
  });

  test('faults of the API: a status, a broken answer, a lost connection before and after the deed', async () => {
    stand = await openStand();
    const { stripe } = stand;
    const put = (api: object[]) => stand.control('PUT', '/faults', { api });
    await put([{ match: 'GET /v1/products/*', status: 503, times: 1 }]);
    const { id } = await stripe.products.create({ name: 'P' });
    expect(await errorOf(stripe.products.retrieve(id))).toMatchObject({
      statusCode: 503,
      type: 'StripeAPIError',
    });
    expect((await stripe.products.retrieve(id)).id).toBe(id);
    expect((await stand.control('GET', '/faults')).body.api[0].times).toBe(0);
    await put([{ match: 'POST /v1/products', reset: 'after', times: 1 }]);
    const again = await stripe.products.create(
      { name: 'Q' },
      { idempotencyKey: 'q', maxNetworkRetries: 1 },
    );
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect((await stripe.products.list()).data).toHaveLength(2);
    await put([{ match: 'GET /v1/account', body: { object: 'nonsense' } }]);
    const unjudged = clientOf(stand.sandbox.url, stand.sandbox.secretKey);
    expect(await unjudged.accounts.retrieveCurrent()).toMatchObject({ object: 'nonsense' });
    expect((await put([{ match: 'GET /x' }])).status).toBe(400);
  });
});

test('reset forgets all but the key and the endpoints', async () => {
  stand = await openStand();
  await stand.stripe.products.create({ name: 'P' });
  await stand.control('POST', '/reset');
  expect((await stand.stripe.products.list()).data).toEqual([]);
  expect((await stand.stripe.events.list()).data).toEqual([]);
  expect((await stand.stripe.webhookEndpoints.list()).data).toHaveLength(1);
});

test('state, clock, timers and waiting deliveries survive a restart', async () => {
  stand = await openStand();
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  const first = await createSandbox({ dataDir: folder });
  const stripe = clientOf(first.url, first.secretKey);
  const customer = await customerWith(stripe, 'pm_card_visa');
  const price = await monthly(stripe, 1000);
  const made = await stripe.subscriptions.create(
    { customer: customer.id, items: [{ price: price.id }] },
    { idempotencyKey: 'kept' },
  );
  const headers = {
    authorization: `Bearer ${first.secretKey}`,
    'content-type': 'application/json',
  };
  const target = made.items.data[0]!.current_period_end - day;
  await fetch(`${first.url}/_sandbox/clock`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ now: target }),
  });
  await first.close();

  const second = await createSandbox({ dataDir: folder });
  expect(second.secretKey).toBe(first.secretKey);
  const again = clientOf(second.url, second.secretKey);
  const replay = await again.subscriptions.create(
    { customer: customer.id, items: [{ price: price.id }] },
    { idempotencyKey: 'kept' },
  );
  expect(replay.id).toBe(made.id);
  const clock = () =>
    fetch(`${second.url}/_sandbox/clock`, { headers }).then(
      (answer) => answer.json() as Promise<any>,
    );
  await until(async () => (await clock()).status === 'ready');
  expect(Date.parse((await clock()).now) / 1000).toBeGreaterThanOrEqual(target);
  await fetch(`${second.url}/_sandbox/clock`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ now: target + 2 * day }),
  });
  await until(async () => (await clock()).status === 'ready');
  expect((await again.invoices.list({ subscription: made.id, status: 'paid' })).data).toHaveLength(
    2,
  );
  await second.close();
  rmSync(folder, { recursive: true });
});
