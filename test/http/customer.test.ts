// Customers over HTTP: one per external_id, changed, deleted with all that is theirs.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

describe('POST /customers', () => {
  test('201 with defaults; the same external_id again: 200, unchanged', async () => {
    const first = await http.operator('POST', '/customers', {
      external_id: 'a',
      email: 'a@example.com',
    });
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      id: expect.stringMatching(/^cus_/),
      external_id: 'a',
      email: 'a@example.com',
      name: null,
      timezone: 'UTC',
      blocked: false,
      spend_cap: null,
      metadata: {},
      stripe_customer_id: null,
      created_at: expect.any(String),
    });
    const again = await http.operator('POST', '/customers', {
      external_id: 'a',
      email: 'b@example.com',
    });
    expect([again.status, again.body]).toEqual([200, first.body]);
  });

  test('however many race with one external_id, one customer comes of it', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        http.operator('POST', '/customers', { external_id: 'race' }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  test.each([
    ['no external_id', {}, '/external_id'],
    ['a blank one', { external_id: '  ' }, '/external_id'],
    ['one too long', { external_id: 'x'.repeat(256) }, '/external_id'],
    ['no e-mail address', { external_id: 'v', email: 'nonsense' }, '/email'],
    ['no timezone', { external_id: 'v', timezone: 'Mars/Olympus' }, '/timezone'],
    ['an offset for a timezone', { external_id: 'v', timezone: '+01:00' }, '/timezone'],
    ['a cap below zero', { external_id: 'v', spend_cap: -1 }, '/spend_cap'],
    ['a cap beyond 2^53', { external_id: 'v', spend_cap: 2 ** 53 }, '/spend_cap'],
    ['metadata that is no text', { external_id: 'v', metadata: { a: 1 } }, '/metadata/a'],
    ['an id of its own choosing', { external_id: 'v', id: 'cus_x' }, '/id'],
  ])('422: %s', async (_name, body, pointer) => {
    const answer = await http.operator('POST', '/customers', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error: any) => error.pointer)).toEqual([pointer]);
  });

  test('503: a Stripe customer to link, while Stripe cannot be asked, and nothing is made', async () => {
    const answer = await http.operator('POST', '/customers', {
      external_id: 'linked',
      stripe_customer_id: 'cus_NffrFeUfNV2Hib',
    });
    expect([answer.status, answer.body.code]).toEqual([503, 'stripe_unavailable']);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect((await http.operator('GET', '/customers?external_id=linked')).body.data).toEqual([]);
  });
});

describe('GET and PATCH /customers/{id}', () => {
  test('200: what was given changes, the rest stays, and the audit holds both sides', async () => {
    const { body } = await http.operator('POST', '/customers', { external_id: 'p', name: 'P' });
    const patched = await http.operator('PATCH', `/customers/${body.id}`, {
      blocked: true,
      spend_cap: 5000,
      timezone: 'Europe/Berlin',
      metadata: { tier: 'gold' },
      email: null,
    });
    expect(patched.status).toBe(200);
    expect(patched.body).toEqual({
      ...body,
      blocked: true,
      spend_cap: 5000,
      timezone: 'Europe/Berlin',
      metadata: { tier: 'gold' },
    });
    expect((await http.operator('GET', `/customers/${body.id}`)).body).toEqual(patched.body);
    const entry = await http.ctx.db.auditEntry.findFirstOrThrow({
      where: { object_id: body.id, action: 'customer.change' },
    });
    expect(entry.actor).toMatch(/^operator:/);
    expect(entry.before).toMatchObject({ blocked: false });
    expect(entry.after).toMatchObject({ blocked: true });
  });

  test('422: external_id stays as it is', async () => {
    const { body } = await http.operator('POST', '/customers', { external_id: 'q' });
    const answer = await http.operator('PATCH', `/customers/${body.id}`, { external_id: 'r' });
    expect(answer.status).toBe(422);
  });

  test('200: found by external_id', async () => {
    await http.operator('POST', '/customers', { external_id: 'find me & you' });
    const query = new URLSearchParams({ external_id: 'find me & you' }).toString();
    const { body } = await http.operator('GET', `/customers?${query}`);
    expect(body.data.map((one: any) => one.external_id)).toEqual(['find me & you']);
    expect(body.next_cursor).toBeNull();
  });
});

describe('DELETE /customers/{id}', () => {
  test('404: one that never was', async () => {
    const never = '/customers/cus_00000000000000000000000000';
    expect((await http.operator('DELETE', never)).status).toBe(404);
  });

  test('204, again 204; keys and sessions end, the external_id is free again', async () => {
    const { id, call } = await http.customer('gone');
    const key = await call('POST', '/keys', { scopes: ['manage'] });
    expect((await http.operator('DELETE', `/customers/${id}`)).status).toBe(204);
    expect((await http.operator('DELETE', `/customers/${id}`)).status).toBe(204);
    expect((await http.operator('GET', `/customers/${id}`)).status).toBe(404);
    expect((await call('GET', '/keys')).status).toBe(401);
    expect((await http.as(key.body.key)('GET', '/keys')).status).toBe(401);
    expect((await http.operator('DELETE', `/keys/${key.body.id}`)).status).toBe(404);
    expect((await http.operator('POST', `/customers/${id}/sessions`)).status).toBe(404);
    const again = await http.operator('POST', '/customers', { external_id: 'gone' });
    expect(again.status).toBe(201);
    expect(again.body.id).not.toBe(id);
  });
});

describe('POST /customers/{id}/sessions', () => {
  test('201: a session of one hour of machine time, over after it however business time stands', async () => {
    const { body } = await http.operator('POST', '/customers', { external_id: 's' });
    const { status, body: session } = await http.operator('POST', `/customers/${body.id}/sessions`);
    expect(status).toBe(201);
    expect(session.token).toMatch(/^tgs_/);
    const left = Date.parse(session.expires_at) - Date.now();
    expect(Math.abs(left - 3_600_000)).toBeLessThan(10_000);
    const call = http.as(session.token);
    expect((await call('GET', '/keys')).status).toBe(200);
    await http.ctx.pool.query(
      'UPDATE customer_session SET expires_at = now() WHERE customer_id = $1',
      [body.id],
    );
    expect((await call('GET', '/keys')).status).toBe(401);
  });
});
