// API keys over HTTP: made, shown once, rotated, revoked; whose they are; what they open.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isWellFormedKey } from '../../src/domain/api-key.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

const hour = 3_600_000;
const inHours = (hours: number) => new Date(http.ctx.now().getTime() + hours * hour).toISOString();

describe('POST /keys', () => {
  test('201: the key is well formed, shown once, and stored as a hash', async () => {
    const { id, call } = await http.customer('key-1');
    const { status, body } = await call('POST', '/keys', { name: 'CI' });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      customer_id: id,
      name: 'CI',
      prefix: 'tg_test_',
      scopes: ['call'],
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
    });
    expect(isWellFormedKey(body.key)).toBe(true);
    expect(body.key.endsWith(body.last4)).toBe(true);
    const listed = await call('GET', '/keys');
    expect(listed.body.data).toHaveLength(1);
    expect(JSON.stringify(listed.body)).not.toContain(body.key);
    const { rows } = await http.ctx.pool.query('SELECT * FROM api_key, audit_entry');
    expect(JSON.stringify(rows)).not.toContain(body.key);
  });

  test.each([
    ['an unknown scope', { scopes: ['root'] }, '/scopes/0'],
    ['no scope', { scopes: [] }, '/scopes'],
    ['a scope twice', { scopes: ['call', 'call'] }, '/scopes'],
    ['an end that has passed', { expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    ['an end that is no instant', { expires_at: 'tomorrow' }, '/expires_at'],
    ['a day that does not exist', { expires_at: '2099-02-30T00:00:00Z' }, '/expires_at'],
    ['an unknown field', { hash: 'x' }, '/hash'],
  ])('422: %s', async (_name, body, pointer) => {
    const { call } = await http.customer('key-2');
    const answer = await call('POST', '/keys', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0].pointer).toBe(pointer);
  });

  test('422: an operator must name the customer; 404: one that exists', async () => {
    expect((await http.operator('POST', '/keys', {})).body.errors[0].pointer).toBe('/customer_id');
    const customer_id = 'cus_00000000000000000000000000';
    expect((await http.operator('POST', '/keys', { customer_id })).status).toBe(404);
  });

  test("404: a customer naming another's id, as for one that is not there", async () => {
    const { call } = await http.customer('key-3');
    const other = await http.customer('key-4');
    const answer = await call('POST', '/keys', { customer_id: other.id });
    expect(answer.status).toBe(404);
    expect((await call('GET', `/keys?customer_id=${other.id}`)).status).toBe(404);
  });

  test('a key with the scope manage opens REST as its customer; without it: 403', async () => {
    const { id, call } = await http.customer('key-5');
    const manage = await call('POST', '/keys', { scopes: ['manage'] });
    const plain = await call('POST', '/keys', {});
    const listed = await http.as(manage.body.key)('GET', '/keys');
    expect(listed.body.data.map((key: any) => key.customer_id)).toEqual([id, id]);
    const refused = await http.as(plain.body.key)('GET', '/keys');
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
  });
});

describe('POST /keys/{id}/rotation', () => {
  test('201: a new key and id; the old one ends with the overlap', async () => {
    const { call } = await http.customer('rotate-1');
    const old = await call('POST', '/keys', { name: 'n', scopes: ['manage'] });
    const { status, body } = await call('POST', `/keys/${old.body.id}/rotation`, {
      overlap_seconds: 60,
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'n', scopes: ['manage'], expires_at: null });
    expect(body.id).not.toBe(old.body.id);
    expect((await http.as(old.body.key)('GET', '/keys')).status).toBe(200);
    const [, listed] = (await call('GET', '/keys')).body.data;
    const left = Date.parse(listed.expires_at) - http.ctx.now().getTime();
    expect(left).toBeGreaterThan(55_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  test('without an overlap the old key is over at once, and cannot be rotated again', async () => {
    const { call } = await http.customer('rotate-2');
    const old = await call('POST', '/keys', { scopes: ['manage'] });
    const rotated = await call('POST', `/keys/${old.body.id}/rotation`);
    expect(rotated.status).toBe(201);
    expect((await http.as(old.body.key)('GET', '/keys')).status).toBe(401);
    expect((await http.as(rotated.body.key)('GET', '/keys')).status).toBe(200);
    const again = await call('POST', `/keys/${old.body.id}/rotation`);
    expect([again.status, again.body.code]).toEqual([409, 'invalid_state']);
  });

  test('an overlap never prolongs a key that would have ended before', async () => {
    const { call } = await http.customer('rotate-3');
    const expires_at = inHours(1);
    const old = await call('POST', '/keys', { expires_at });
    await call('POST', `/keys/${old.body.id}/rotation`, { overlap_seconds: 2_592_000 });
    const ends = (await call('GET', '/keys')).body.data.map((key: any) => key.expires_at);
    expect(ends).toEqual([expires_at, expires_at]);
  });

  test.each([-1, 2_592_001, 1.5, '60'])('422: an overlap of %s', async (overlap_seconds) => {
    const { call } = await http.customer('rotate-4');
    const old = await call('POST', '/keys', {});
    expect((await call('POST', `/keys/${old.body.id}/rotation`, { overlap_seconds })).status).toBe(
      422,
    );
  });
});

describe('DELETE /keys/{id}', () => {
  test('204, again: 204; the key opens nothing any more and keeps the first instant', async () => {
    const { call } = await http.customer('revoke-1');
    const { body } = await call('POST', '/keys', { scopes: ['manage'] });
    expect((await call('DELETE', `/keys/${body.id}`)).status).toBe(204);
    const [first] = (await call('GET', '/keys')).body.data;
    expect((await call('DELETE', `/keys/${body.id}`)).status).toBe(204);
    const [second] = (await call('GET', '/keys')).body.data;
    expect(first.revoked_at).toEqual(expect.any(String));
    expect(second.revoked_at).toBe(first.revoked_at);
    expect((await http.as(body.key)('GET', '/keys')).status).toBe(401);
  });

  test("404: somebody else's key, the same as one that is not there", async () => {
    const mine = await http.customer('revoke-2');
    const theirs = await http.customer('revoke-3');
    const { body } = await theirs.call('POST', '/keys', {});
    const strip = (problem: any) => ({ ...problem, instance: null });
    const foreign = await mine.call('DELETE', `/keys/${body.id}`);
    const missing = await mine.call('DELETE', '/keys/key_00000000000000000000000000');
    expect(foreign.status).toBe(404);
    expect(strip(foreign.body)).toEqual(strip(missing.body));
    expect((await theirs.call('GET', '/keys')).body.data[0].revoked_at).toBeNull();
  });
});
