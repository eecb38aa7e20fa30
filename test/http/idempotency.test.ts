// Idempotency-Key on POSTs: done once, answered alike; what is kept, what is not, and what it may reveal.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashOf, withIdempotency } from '../../src/actions/idempotency.ts';
import type { Answer } from '../../src/actions/idempotency.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

const withKey = (key: string) => ({ 'Idempotency-Key': key });

describe('the same key', () => {
  test('and body: the same answer to the byte, done once, marked as a replay', async () => {
    const { call } = await http.customer('i-1');
    const first = await call('POST', '/keys', { name: 'n', scopes: ['call'] }, withKey('k1'));
    const again = await call('POST', '/keys', { scopes: ['call'], name: 'n' }, withKey('k1'));
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await call('GET', '/keys')).body.data).toHaveLength(1);
  });

  test('422: and another body', async () => {
    const { call } = await http.customer('i-2');
    await call('POST', '/keys', { name: 'a' }, withKey('k'));
    const { status, body } = await call('POST', '/keys', { name: 'b' }, withKey('k'));
    expect([status, body.code]).toEqual([422, 'idempotency_mismatch']);
  });

  test('of another caller, or on another path, is another key', async () => {
    const one = await http.customer('i-3');
    const two = await http.customer('i-4');
    const first = await one.call('POST', '/keys', {}, withKey('shared'));
    const second = await two.call('POST', '/keys', {}, withKey('shared'));
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
    const other = await one.call('POST', `/keys/${first.body.id}/rotation`, {}, withKey('shared'));
    expect(other.status).toBe(201);
  });

  test('under a fresh session of the same customer is the same key', async () => {
    const { id, call } = await http.customer('i-5');
    const first = await call('POST', '/keys', {}, withKey('k'));
    const session = await http.operator('POST', `/customers/${id}/sessions`);
    const again = await http.as(session.body.token)('POST', '/keys', {}, withKey('k'));
    expect(again.body).toEqual(first.body);
  });

  test('of two at once: one does it, the other gets its answer or 409', async () => {
    const { call } = await http.customer('i-6');
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => call('POST', '/keys', {}, withKey('k'))),
    );
    for (const { status, body } of answers) {
      if (status === 409) expect(body.code).toBe('idempotency_in_flight');
      else expect(status).toBe(201);
    }
    expect((await call('GET', '/keys')).body.data).toHaveLength(1);
  });
});

describe('what is kept', () => {
  test('a 4xx after validation is; a 422 of validation is not', async () => {
    await http.operator('POST', '/plans', { key: 'kept', name: 'K' });
    const conflict = await http.operator(
      'POST',
      '/plans',
      { key: 'kept', name: 'K' },
      withKey('c'),
    );
    expect(conflict.status).toBe(409);
    const again = await http.operator('POST', '/plans', { key: 'kept', name: 'K' }, withKey('c'));
    expect([again.status, again.body]).toEqual([409, conflict.body]);
    expect(again.headers.get('content-type')).toContain('application/problem+json');
    expect((await http.operator('POST', '/plans', { key: 'X' }, withKey('v'))).status).toBe(422);
    const mended = await http.operator('POST', '/plans', { key: 'x', name: 'X' }, withKey('v'));
    expect(mended.status).toBe(201);
  });

  test('a 5xx is not: the next try is a first one', async () => {
    const paid = {
      key: 'paid',
      name: 'Paid',
      price: { amount: 100, currency: 'eur', interval: 'month' },
    };
    for (let n = 0; n < 2; n += 1) {
      const answer = await http.operator('POST', '/plans', paid, withKey('five'));
      expect([answer.status, answer.body.code]).toEqual([503, 'stripe_unavailable']);
      expect(answer.headers.get('idempotency-replayed')).toBeNull();
    }
  }, 60_000);

  test('neither the key nor a secret in the answer can be read from the table', async () => {
    const { call } = await http.customer('i-7');
    const { body } = await call('POST', '/keys', {}, withKey('very-visible-key'));
    const { rows } = await http.ctx.pool.query<Record<string, unknown>>(
      'SELECT * FROM idempotency_record',
    );
    const stored = rows
      .flatMap(Object.values)
      .map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : JSON.stringify(value)))
      .join('\n');
    expect(stored).not.toContain('very-visible-key');
    expect(stored).not.toContain(body.key);
  });

  test('an answer older than a day is forgotten', async () => {
    const { call } = await http.customer('i-8');
    await call('POST', '/keys', { name: 'old' }, withKey('day'));
    await http.ctx.pool.query(
      `UPDATE idempotency_record SET created_at = now() - interval '25 hours'`,
    );
    expect((await call('POST', '/keys', { name: 'new' }, withKey('day'))).status).toBe(201);
  });
});

describe('the header', () => {
  test.each(['', 'x'.repeat(256)])('422: %s', async (key) => {
    const { call } = await http.customer('i-9');
    const answer = await call('POST', '/keys', {}, withKey(key));
    expect(answer.status).toBe(422);
  });
});

describe('a holder that died', () => {
  const request = { scope: ['test', 'POST', '/x'], key: 'k', requestHash: hashOf({ a: 1 }) };
  const ok: Answer = { status: 200, headers: {}, body: '"done"' };

  test('keeps the key until its lease of 60 s ends, and then the next one does the work', async () => {
    const { ctx } = http;
    let release: (answer: Answer) => void = () => undefined;
    const stuck = withIdempotency(
      ctx,
      request,
      () => new Promise((resolve) => (release = resolve)),
    );
    const ask = () => withIdempotency(ctx, request, () => Promise.resolve(ok));
    await waitForRecord();
    await expect(ask()).rejects.toMatchObject({ code: 'idempotency_in_flight' });
    await ctx.pool.query(
      `UPDATE idempotency_record SET lease_until = now() - interval '1 second' WHERE status IS NULL`,
    );
    expect(await ask()).toEqual(ok);
    release({ status: 200, headers: {}, body: '"late"' });
    await stuck;
    expect((await ask()).body).toBe('"done"');
  });

  async function waitForRecord(): Promise<void> {
    for (let n = 0; n < 500; n += 1) {
      const { rowCount } = await http.ctx.pool.query(
        'SELECT 1 FROM idempotency_record WHERE status IS NULL',
      );
      if (rowCount) return;
    }
    throw new Error('no lease was taken');
  }
});
