// What the webhook takes and refuses: 2xx means that the event is on disk, 4xx that nothing is.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { randomBase62 } from '../../src/adapters/secret.ts';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const stripe = new Stripe('sk_test_unused');
const secrets = [`whsec_${randomBase62(32)}`, `whsec_${randomBase62(32)}`] as const;
let testContext: TestContext;
let server: TestServer;
let events = 0;

beforeAll(async () => {
  testContext = await createTestContext({ env: { STRIPE_WEBHOOK_SECRET: secrets.join(',') } });
  server = await startTestServer(testContext);
});
afterAll(async () => {
  await server.close();
  await testContext.close();
});

type Fields = Record<string, unknown>;

function event(fields: Fields = {}) {
  events += 1;
  return {
    id: `evt_${events}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    type: 'customer.subscription.updated',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    data: { object: { id: `sub_${events}`, object: 'subscription' } },
    ...fields,
  };
}

async function deliver(
  payload: string,
  options: { secret?: string; age?: number; header?: string | null } = {},
) {
  const timestamp = Math.floor(Date.now() / 1000) - (options.age ?? 0);
  const header =
    options.header ??
    stripe.webhooks.generateTestHeaderString({
      payload,
      secret: options.secret ?? secrets[0],
      timestamp,
    });
  const response = await fetch(`${server.url}/webhooks/stripe`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(options.header === null ? {} : { 'stripe-signature': header }),
    },
    body: payload,
  });
  return { status: response.status, body: (await response.json()) as Fields };
}

const stored = (id: string) => testContext.ctx.db.stripeEvent.findUnique({ where: { id } });
const due = (id: string) => testContext.ctx.db.stripeObject.findUnique({ where: { id } });

describe('200', () => {
  test('an event is stored and its root object is due', async () => {
    const sent = event();
    expect((await deliver(JSON.stringify(sent))).status).toBe(200);
    expect(await stored(sent.id)).toMatchObject({
      type: sent.type,
      object_id: sent.data.object.id,
      processed_at: null,
    });
    expect(await due(sent.data.object.id)).toMatchObject({
      kind: 'subscription',
      wanted: 1n,
      done: 0n,
    });
  });

  test('the same event again changes nothing', async () => {
    const sent = event();
    await Promise.all([1, 2, 3].map(() => deliver(JSON.stringify(sent))));
    expect((await deliver(JSON.stringify(sent))).status).toBe(200);
    expect(await due(sent.data.object.id)).toMatchObject({ wanted: 1n });
  });

  test.each([...secrets])('any of the configured secrets will do', async (secret) => {
    expect((await deliver(JSON.stringify(event()), { secret })).status).toBe(200);
  });

  test('a type nobody knows is stored and asks for nothing', async () => {
    const sent = event({ type: 'something.new', data: { object: { id: 'x_1' } } });
    expect((await deliver(JSON.stringify(sent))).status).toBe(200);
    expect(await stored(sent.id)).toMatchObject({ object_id: '' });
    expect(await due('x_1')).toBeNull();
  });

  test('a deletion is remembered for the very object that is gone', async () => {
    await deliver(
      JSON.stringify(
        event({
          type: 'customer.deleted',
          data: { object: { id: 'cus_gone', object: 'customer' } },
        }),
      ),
    );
    await deliver(
      JSON.stringify(
        event({
          type: 'customer.updated',
          data: { object: { id: 'cus_gone', object: 'customer' } },
        }),
      ),
    );
    expect(await due('cus_gone')).toMatchObject({ deleted_seen: true, wanted: 2n });
  });

  test('an event of 900 KB, and one that holds NUL', async () => {
    const large = event({
      data: { object: { id: 'sub_large', object: 'subscription', padding: 'x'.repeat(900_000) } },
    });
    expect((await deliver(JSON.stringify(large))).status).toBe(200);
    const nul = event({
      data: { object: { id: 'sub_nul', object: 'subscription', name: 'a\0b' } },
    });
    expect((await deliver(JSON.stringify(nul))).status).toBe(200);
  });

  test('300 seconds old or ahead still passes', async () => {
    expect((await deliver(JSON.stringify(event()), { age: 295 })).status).toBe(200);
    expect((await deliver(JSON.stringify(event()), { age: -295 })).status).toBe(200);
  });
});

describe('400', () => {
  test.each([
    ['a foreign secret', { secret: `whsec_${randomBase62(32)}` }],
    ['too old', { age: 310 }],
    ['from the future', { age: -310 }],
    ['no signature', { header: null }],
    ['an empty signature', { header: '' }],
    ['no scheme we know', { header: `t=${Math.floor(Date.now() / 1000)},v0=abc` }],
    ['two signatures', { header: 't=1,v1=a, t=2,v1=b' }],
  ])('invalid_signature: %s', async (_what, options) => {
    const sent = event();
    const { status, body } = await deliver(JSON.stringify(sent), options);
    expect([status, body['code']]).toEqual([400, 'invalid_signature']);
    expect(await stored(sent.id)).toBeNull();
  });

  test('invalid_signature: one byte changed after signing', async () => {
    const payload = JSON.stringify(event());
    const header = stripe.webhooks.generateTestHeaderString({ payload, secret: secrets[0] });
    expect((await deliver(payload.replace('false', 'true '), { header })).body['code']).toBe(
      'invalid_signature',
    );
  });

  test.each([
    ['of the other mode', JSON.stringify(event({ livemode: true }))],
    ['no JSON', '{"id": '],
    ['no object', '[1, 2]'],
    ['without an id', JSON.stringify(event({ id: undefined }))],
    ['without a type', JSON.stringify(event({ type: 7 }))],
    ['without data', JSON.stringify(event({ data: {} }))],
    ['a thin event', JSON.stringify(event({ object: 'v2.core.event' }))],
  ])('invalid_event: signed, but %s', async (_what, payload) => {
    const before = await testContext.ctx.db.stripeEvent.count();
    const { status, body } = await deliver(payload);
    expect([status, body['code']]).toEqual([400, 'invalid_event']);
    expect(await testContext.ctx.db.stripeEvent.count()).toBe(before);
  });
});

test('413: more than 1 MiB is not read', async () => {
  const payload = JSON.stringify(event({ padding: 'x'.repeat(1_100_000) }));
  expect((await deliver(payload)).status).toBe(413);
});

test('5xx: what cannot be stored is not acknowledged', async () => {
  const { pool } = testContext.ctx;
  const sent = event();
  await pool.query('ALTER TABLE stripe_event RENAME TO stripe_event_away');
  const refused = await deliver(JSON.stringify(sent));
  await pool.query('ALTER TABLE stripe_event_away RENAME TO stripe_event');
  expect(refused.status).toBeGreaterThanOrEqual(500);
  expect(await due(sent.data.object.id)).toBeNull();
  expect((await deliver(JSON.stringify(sent))).status).toBe(200);
});
