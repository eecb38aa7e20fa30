// Events reach whoever listens: signed, at least once, in the order of each customer, and nowhere they must not go.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { publish } from '../../src/actions/event/publish.ts';
import { deliverWebhooks } from '../../src/actions/webhook-endpoint/deliver.ts';
import { inTransaction } from '../../src/adapters/postgres.ts';
import { createContext } from '../../src/context.ts';
import type { EventType } from '../../src/domain/event.ts';
import { retryDelays } from '../../src/domain/webhook-endpoint.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';
import { openReceiver } from '../support/receiver.ts';

type Receiver = Awaited<ReturnType<typeof openReceiver>>;
let http: HttpTest;
let receivers: Receiver[] = [];
beforeAll(async () => {
  http = await startHttpTest({ env: { WEBHOOK_ALLOW_PRIVATE: 'yes', OPERATOR_EMAIL: 'ops@example.com' } });
}); // prettier-ignore
afterEach(async () => {
  await http.ctx.pool.query('DELETE FROM webhook_endpoint');
  for (const receiver of receivers.splice(0)) await receiver.close();
});
afterAll(() => http.close());

async function listen(options: { events?: string[] } = {}) {
  const receiver = await openReceiver();
  receivers = [...receivers, receiver];
  const { body } = await http.operator('POST', '/webhook-endpoints', {
    url: receiver.url,
    ...options,
  });
  return { receiver, id: body.id as string, secret: body.secret as string };
}
let count = 0;
const newCustomer = () => `cus_test${(count += 1)}`;
const happen = (customerId: string, type: EventType = 'key.created', data: object = {}) =>
  inTransaction(http.ctx, (tx) => publish(tx, { customerId, type, at: http.ctx.now(), data }));
const deliver = () => deliverWebhooks(http.ctx);
const later = async (seconds: number) => {
  await http.ctx.pool.query('UPDATE clock SET offset_ms = offset_ms + $1', [seconds * 1000]);
  await http.ctx.clock.refresh();
};
const deliveriesOf = async (id: string, query = '') =>
  (await http.operator('GET', `/webhook-endpoints/${id}/deliveries${query}`)).body.data;

describe('an event', () => {
  test('arrives signed after the specification, with its id, type, time, order and data', async () => {
    const { receiver, secret } = await listen();
    const customer = newCustomer();
    const eventId = await happen(customer, 'key.revoked', { key: { name: 'Schlüssel' } });
    expect(await deliver()).toMatchObject({ delivered: 1 });
    const [one] = receiver.received;
    expect(receiver.verify(one!, secret)).toEqual(one!.event);
    expect(one!.headers['webhook-id']).toBe(eventId);
    expect(one!.event).toMatchObject({
      id: eventId,
      type: 'key.revoked',
      customer_id: customer,
      sequence: 1,
      data: { key: { name: 'Schlüssel' } },
    });
    const { body } = await http.operator('GET', `/events/${eventId}`);
    expect(body).toEqual(one!.event);
    await deliver();
    expect(receiver.received).toHaveLength(1);
  });

  test('goes to each endpoint that asked for its type or group, and to no other', async () => {
    const keys = await listen({ events: ['key.*'] });
    const revoked = await listen({ events: ['key.revoked', 'usage.threshold'] });
    const all = await listen();
    const customer = newCustomer();
    await happen(customer, 'key.created');
    await happen(customer, 'key.revoked');
    await happen(customer, 'subscription.created');
    await deliver();
    const types = ({ receiver }: { receiver: Receiver }) => receiver.received.map((one) => one.event.type); // prettier-ignore
    expect(types(keys)).toEqual(['key.created', 'key.revoked']);
    expect(types(revoked)).toEqual(['key.revoked']);
    expect(types(all)).toEqual(['key.created', 'key.revoked', 'subscription.created']);
  });

  test('that was sent but whose worker died is sent again, under the same id', async () => {
    const { receiver, id, secret } = await listen();
    const dying = await createContext(http.test.config, 'worker');
    receiver.answers((_one, _req, res) => {
      void dying.db.$disconnect().then(async () => {
        await dying.pool.end();
        res.end();
      });
    });
    const eventId = await happen(newCustomer());
    const { db } = dying;
    const broken = {
      ...dying,
      db: { ...db, $transaction: () => Promise.reject(new Error('gone')) },
    };
    await expect(deliverWebhooks(broken as unknown as typeof dying)).rejects.toThrow();
    expect((await deliveriesOf(id))[0]).toMatchObject({ state: 'pending', attempts: 0 });
    receiver.answersStatus(204);
    await http.ctx.pool.query('UPDATE webhook_delivery SET lease_until = clock_timestamp()');
    await deliver();
    expect(receiver.received.map((one) => one.headers['webhook-id'])).toEqual([eventId, eventId]);
    for (const one of receiver.received) receiver.verify(one, secret);
    await dying.notify.close();
    await dying.queue.close();
  });

  test('is sent once, in order, by four workers at once', async () => {
    const { receiver } = await listen();
    const customers = [newCustomer(), newCustomer(), newCustomer()];
    for (let n = 0; n < 8; n += 1) await Promise.all(customers.map((id) => happen(id)));
    const others = await Promise.all(
      [1, 2, 3].map(() => createContext(http.test.config, 'worker')),
    );
    for (let round = 0; round < 8 && receiver.received.length < 24; round += 1) {
      await Promise.all([http.ctx, ...others].map((ctx) => deliverWebhooks(ctx)));
    }
    for (const id of customers) {
      const mine = receiver.received.filter((one) => one.event.customer_id === id);
      expect(mine.map((one) => one.event.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
    for (const other of others) await other.close();
  });
});

describe('while an endpoint fails', () => {
  test("the customer's later events wait, another customer's do not, and the order holds", async () => {
    const { receiver } = await listen();
    const [stuck, free] = [newCustomer(), newCustomer()];
    receiver.answers((one, _req, res) => res.writeHead(one.event.customer_id === stuck ? 500 : 200).end()); // prettier-ignore
    for (let n = 0; n < 3; n += 1) await happen(stuck);
    await deliver();
    await happen(free);
    await deliver();
    expect(receiver.received.map((one) => [one.event.customer_id, one.event.sequence])).toEqual([
      [stuck, 1],
      [free, 1],
    ]);
    receiver.answersStatus(200);
    await later(6);
    await deliver();
    const mine = receiver.received.filter((one) => one.event.customer_id === stuck);
    expect(mine.map((one) => one.event.sequence)).toEqual([1, 1, 2, 3]);
  });

  test('it is tried for three days, then switched off; the operator is told once', async () => {
    const { receiver, id } = await listen();
    receiver.answersStatus(503);
    await happen(newCustomer());
    await happen(newCustomer());
    const started = http.ctx.now().getTime();
    for (const seconds of [0, ...retryDelays]) {
      await later(seconds);
      await deliver();
      await deliver();
    }
    const lasted = http.ctx.now().getTime() - started;
    expect(lasted).toBeGreaterThan(2.9 * 86_400_000);
    expect(lasted).toBeLessThan(3.1 * 86_400_000);
    const { body } = await http.operator('GET', `/webhook-endpoints/${id}`);
    expect(body).toMatchObject({
      enabled: false,
      disabled_reason: 'failed for three days: status 503',
    });
    const states = (await deliveriesOf(id)).map((one: { state: string }) => one.state).toSorted();
    expect(states).toContain('failed');
    expect(states).not.toContain('pending');
    const notices = await http.operator('GET', '/notices?kind=webhook_endpoint_disabled');
    expect(notices.body.data).toHaveLength(1);
    const before = receiver.received.length;
    await happen(newCustomer());
    await deliver();
    expect(receiver.received).toHaveLength(before);
  });

  test('one event that nobody can take is given up, and the endpoint goes on', async () => {
    const { receiver, id } = await listen();
    const customer = newCustomer();
    receiver.answers((one, _req, res) => res.writeHead(one.event.data.poison ? 500 : 200).end());
    await happen(customer, 'key.created', { poison: true });
    await happen(customer);
    for (const seconds of [0, ...retryDelays]) {
      await later(seconds);
      await happen(newCustomer());
      await deliver();
      await deliver();
    }
    const mine = receiver.received.filter((one) => one.event.customer_id === customer);
    expect(mine.at(-1)!.event.sequence).toBe(2);
    expect((await http.operator('GET', `/webhook-endpoints/${id}`)).body.enabled).toBe(true);
    expect(await deliveriesOf(id, '?state=failed')).toHaveLength(1);
  });

  test('many that are given up at the same moment switch it off once', async () => {
    const { receiver, id } = await listen();
    receiver.answersStatus(500);
    for (let n = 0; n < 8; n += 1) await happen(newCustomer());
    await http.ctx.pool.query('UPDATE webhook_delivery SET attempts = $1', [retryDelays.length]);
    await deliver();
    expect((await http.operator('GET', `/webhook-endpoints/${id}`)).body.enabled).toBe(false);
    const notices = await http.operator('GET', '/notices?kind=webhook_endpoint_disabled');
    const mine = notices.body.data.filter(({ key }: { key: string }) => key.includes(id));
    expect(mine).toHaveLength(1);
  });

  test('410 switches it off at once', async () => {
    const { receiver, id } = await listen();
    receiver.answersStatus(410);
    await happen(newCustomer());
    await deliver();
    const { body } = await http.operator('GET', `/webhook-endpoints/${id}`);
    expect(body).toMatchObject({ enabled: false, disabled_reason: 'gone: status 410' });
  });

  test('an answer without end, and a redirect, count as what they are', async () => {
    const { receiver, id } = await listen();
    receiver.answers((_one, _req, res) => {
      res.writeHead(200);
      const more = () => {
        while (res.write(Buffer.alloc(16_384)));
      };
      res.on('drain', more);
      more();
    });
    await happen(newCustomer());
    expect(await deliver()).toMatchObject({ delivered: 1 });
    const elsewhere = await openReceiver();
    receivers = [...receivers, elsewhere];
    receiver.answers((_one, _req, res) => res.writeHead(307, { location: elsewhere.url }).end());
    await happen(newCustomer());
    expect(await deliver()).toMatchObject({ failed: 1 });
    expect(elsewhere.received).toHaveLength(0);
    expect((await deliveriesOf(id))[0]).toMatchObject({ last_status: 307, state: 'pending' });
  });
});

describe('an operator', () => {
  test('rotates the secret: both sign until the older one ends', async () => {
    const { receiver, id, secret } = await listen();
    const rotated = await http.operator('POST', `/webhook-endpoints/${id}/rotation`, {});
    expect(rotated.status).toBe(201);
    expect(rotated.body.secret).toMatch(/^whsec_/);
    await happen(newCustomer());
    await deliver();
    for (const one of [secret, rotated.body.secret]) receiver.verify(receiver.received[0]!, one);
    const next = await http.operator('POST', `/webhook-endpoints/${id}/rotation`, { overlap_seconds: 0 }); // prettier-ignore
    await happen(newCustomer());
    await deliver();
    receiver.verify(receiver.received[1]!, next.body.secret);
    for (const one of [secret, rotated.body.secret]) {
      expect(() => receiver.verify(receiver.received[1]!, one)).toThrow();
    }
  });

  test('never sees a secret again, nor does the database hold one in the clear', async () => {
    const { id, secret } = await listen();
    const { body } = await http.operator('GET', `/webhook-endpoints/${id}`);
    expect(JSON.stringify(body)).not.toContain('whsec_');
    const { rows } = await http.ctx.pool.query(
      `SELECT (SELECT json_agg(w)::text FROM webhook_endpoint w) || (SELECT json_agg(a)::text FROM audit_entry a) AS all`,
    );
    expect(rows[0].all).not.toContain(secret.slice(6, 30));
  });

  test('sends an event again by its id, also one that the endpoint missed while it was off', async () => {
    const { receiver, id } = await listen();
    const eventId = await happen(newCustomer());
    await deliver();
    const again = await http.operator('POST', `/webhook-endpoints/${id}/deliveries`, { event_id: eventId }); // prettier-ignore
    expect(again.status).toBe(201);
    await deliver();
    expect(receiver.received.map((one) => one.event.id)).toEqual([eventId, eventId]);
    await http.operator('PATCH', `/webhook-endpoints/${id}`, { enabled: false });
    const missed = await happen(newCustomer());
    const refused = await http.operator('POST', `/webhook-endpoints/${id}/deliveries`, { event_id: missed }); // prettier-ignore
    expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } });
    await http.operator('PATCH', `/webhook-endpoints/${id}`, { enabled: true });
    await deliver();
    expect(receiver.received).toHaveLength(2);
    await http.operator('POST', `/webhook-endpoints/${id}/deliveries`, { event_id: missed });
    await deliver();
    expect(receiver.received.at(-1)!.event.id).toBe(missed);
  });

  test('reads, changes and deletes endpoints; a customer may not', async () => {
    const { id } = await listen();
    const changed = await http.operator('PATCH', `/webhook-endpoints/${id}`, { events: ['key.*'] });
    expect(changed.body).toMatchObject({ id, events: ['key.*'], enabled: true });
    expect((await http.operator('GET', '/webhook-endpoints')).body.data).toHaveLength(1);
    const customer = await http.customer('somebody');
    expect((await customer.call('GET', '/webhook-endpoints')).status).toBe(403);
    expect((await customer.call('GET', '/events')).status).toBe(403);
    expect((await http.operator('DELETE', `/webhook-endpoints/${id}`)).status).toBe(204);
    expect((await http.operator('DELETE', `/webhook-endpoints/${id}`)).status).toBe(204);
    expect((await http.operator('GET', `/webhook-endpoints/${id}`)).status).toBe(404);
  });
});

describe('without leave to call private addresses', () => {
  let strict: HttpTest;
  beforeAll(async () => {
    strict = await startHttpTest();
  });
  afterAll(() => strict.close());

  test.each([
    'https://127.0.0.1', 'https://[::1]', 'https://169.254.169.254/latest/meta-data', 'https://[::ffff:127.0.0.1]',
    'https://2130706433', 'https://0x7f.1', 'https://0', 'https://10.0.0.1', 'https://[fd00::1]', 'https://[64:ff9b::7f00:1]',
    'https://localhost', 'https://192.168.1.1', 'https://100.64.0.1', 'https://[fe80::1]', 'https://0177.0.0.1',
  ])('%s is not connected to', async (origin) => {
    const receiver = await openReceiver();
    receivers = [...receivers, receiver];
    const url = new URL(origin);
    url.port = String(receiver.port);
    const { body } = await strict.operator('POST', '/webhook-endpoints', { url: url.href });
    await inTransaction(strict.ctx, (tx) =>
      publish(tx, { customerId: newCustomer(), type: 'key.created', at: strict.ctx.now(), data: {} }),
    );
    expect(await deliverWebhooks(strict.ctx)).toEqual({ delivered: 0, failed: 1 });
    const deliveries = await strict.operator('GET', `/webhook-endpoints/${body.id}/deliveries`);
    expect(deliveries.body.data[0].last_error).toMatch(/private address/);
    expect(receiver.connections()).toBe(0);
    await strict.operator('DELETE', `/webhook-endpoints/${body.id}`);
  }); // prettier-ignore

  test.each(['http://example.com', 'ftp://example.com', 'https://user:secret@example.com'])(
    '%s is refused at once',
    async (url) => {
      const refused = await strict.operator('POST', '/webhook-endpoints', { url });
      expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    },
  );
});
