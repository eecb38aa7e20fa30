// What holds for every REST operation: credentials, bodies, methods, errors, pages. No Stripe needed.
import { request as rawRequest } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

/** A request as Node sends it, where fetch would tidy it up first. */
function send(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders | string[] = {},
  body: string | Buffer = '',
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      const { port } = new URL(http.url);
      const sent = rawRequest(
        { host: '127.0.0.1', port, method, path, headers: headers as OutgoingHttpHeaders },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (part: string) => (text += part));
          answer.on('end', () =>
            resolve({ status: answer.statusCode!, headers: answer.headers, text }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(body);
    },
  );
}
const operatorJson = () => ({
  authorization: `Bearer ${http.test.tokens.operator}`,
  'content-type': 'application/json',
});

describe('400', () => {
  test.each([
    ['cut short', '{"key":'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['two values', '{} {}'],
  ])('a body that is no JSON (%s) is invalid_json', async (_name, body) => {
    const { status, text, headers } = await send('POST', '/plans', operatorJson(), body);
    expect(status).toBe(400);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(JSON.parse(text)).toMatchObject({ code: 'invalid_json', status: 400 });
  });
});

describe('401', () => {
  const path = '/customers';
  test.each([
    ['nothing', {}],
    ['another scheme', { authorization: 'Basic dGdvOng=' }],
    ['an unknown prefix', { authorization: 'Bearer sk_test_123456789012345678901234' }],
    ['an unknown operator token', { authorization: `Bearer tgo_${'a'.repeat(32)}` }],
    ['an unknown session', { authorization: `Bearer tgs_${'a'.repeat(32)}` }],
    ['a key with a wrong checksum', { authorization: `Bearer tg_test_${'a'.repeat(36)}` }],
    ['the gateway token as Bearer', { authorization: 'Bearer tgg_aaaaaaaaaaaaaaaaaaaaaaaa' }],
  ])('%s is refused with the same words and WWW-Authenticate', async (_name, headers) => {
    const answer = await send('GET', path, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    const { instance, ...problem } = JSON.parse(answer.text);
    expect(instance).toMatch(/^urn:tollgate:request:req_/);
    expect(problem).toEqual({
      type: `${http.ctx.config.publicUrl}/problems/unauthorized`,
      title: 'A credential is needed',
      status: 401,
      detail: 'A valid Bearer credential is needed.',
      code: 'unauthorized',
    });
  });

  test('a repeated Authorization header is refused, even with the right token twice', async () => {
    const value = `Bearer ${http.test.tokens.operator}`;
    const answer = await send('GET', path, [
      'host',
      'x',
      'authorization',
      value,
      'authorization',
      value,
    ]);
    expect(answer.status).toBe(401);
  });

  test('a bad credential is refused where none would have been needed', async () => {
    const { status } = await http.as(`tgo_${'b'.repeat(32)}`)('GET', '/plans');
    expect(status).toBe(401);
  });
});

describe('403', () => {
  test("a customer's session is forbidden on an operator's route", async () => {
    const { call } = await http.customer('forbidden-1');
    const { status, body } = await call('GET', '/customers');
    expect([status, body.code]).toEqual([403, 'forbidden']);
  });
});

describe('404', () => {
  test('an unknown id, a malformed one and an unknown path are the same but for the instance', async () => {
    const paths = [
      '/customers/cus_00000000000000000000000000',
      '/customers/nonsense',
      '/customers/%00',
      '/customers/%E0%A4%A',
      '/nowhere',
      '/Customers',
    ];
    const answers = await Promise.all(paths.map((path) => send('GET', path, operatorJson())));
    const bodies = answers.map(({ text }) => text.replace(/req_[0-9a-z]{26}/, 'req_'));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 404));
    expect(new Set(bodies).size).toBe(1);
  });
});

describe('405', () => {
  test.each([
    ['PUT', '/plans', 'GET, HEAD, POST'],
    ['DELETE', '/settings', 'GET, HEAD, PATCH'],
    ['GET', '/webhooks/stripe', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['TRACE', '/plans', 'GET, HEAD, POST'],
  ])('%s %s names what is allowed', async (method, path, allow) => {
    const answer = await send(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe(allow);
    expect(JSON.parse(answer.text).code).toBe('method_not_allowed');
  });
});

describe('413', () => {
  test('a body over 1 MiB is refused, one of 1 MiB is read', async () => {
    const fill = (bytes: number) => JSON.stringify({ name: 'x'.repeat(bytes - 11) });
    const over = await send('POST', '/plans', operatorJson(), fill(1_048_577));
    expect([over.status, JSON.parse(over.text).code]).toEqual([413, 'body_too_large']);
    const fits = await send('POST', '/plans', operatorJson(), fill(1_048_576));
    expect(fits.status).toBe(422);
  });
});

describe('415', () => {
  test.each([
    ['no content type', {}],
    ['text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['another charset', { 'content-type': 'application/json; charset=latin1' }],
    ['a compressed body', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ])('%s is unsupported_media_type', async (_name, headers) => {
    const { authorization } = operatorJson();
    const answer = await send('POST', '/plans', { authorization, ...headers }, '{}');
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([415, 'unsupported_media_type']);
  });
});

describe('422', () => {
  const pointers = (body: { errors: { pointer: string }[] }) =>
    body.errors.map((error) => error.pointer);

  test.each([
    ['an array', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['nothing at all', ''],
  ])('%s instead of an object', async (_name, text) => {
    const answer = await send('POST', '/plans', operatorJson(), text);
    expect(answer.status).toBe(422);
    expect(JSON.parse(answer.text)).toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '' }],
    });
  });

  test('unknown, wrong and missing fields are each pointed at', async () => {
    const { status, body } = await http.operator('POST', '/plans', {
      key: 'UPPER',
      shiny: 1,
      'a/b~c': 1,
      features: [{ feature: 'x', limits: [{ window: 'week', max: 1.5 }] }],
    });
    expect(status).toBe(422);
    expect(pointers(body).sort()).toEqual(
      [
        '/a~1b~0c',
        '/features/0/limits/0/max',
        '/features/0/limits/0/window',
        '/key',
        '/name',
        '/shiny',
      ].sort(),
    );
  });

  test('__proto__ is a field like any other unknown one', async () => {
    const text = '{"key":"proto","name":"P","__proto__":{"public":false}}';
    const answer = await send('POST', '/plans', operatorJson(), text);
    expect(answer.status).toBe(422);
    expect(pointers(JSON.parse(answer.text))).toEqual(['/__proto__']);
  });

  test('NUL, half a surrogate pair and bottomless nesting are refused before anything reads them', async () => {
    for (const external_id of ['a\0b', '\ud800']) {
      const { status, body } = await http.operator('POST', '/customers', { external_id });
      expect([status, pointers(body)]).toEqual([422, ['/external_id']]);
    }
    const deep = `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect((await send('POST', '/plans', operatorJson(), deep)).status).toBe(422);
  });

  test.each([
    '?limit=0',
    '?limit=101',
    '?limit=1.5',
    '?limit=abc',
    '?limit=',
    '?cursor=nonsense',
    '?cursor=',
    '?limit=5&limit=5',
    '?unknown=1',
    '?__proto__=1',
  ])('a bad query (%s)', async (query) => {
    const { status, body } = await http.operator('GET', `/plans${query}`);
    expect([status, body.code]).toEqual([422, 'validation_failed']);
  });
});

describe('HEAD', () => {
  test('answers like GET, without the body', async () => {
    const get = await send('GET', '/plans');
    const head = await send('HEAD', '/plans');
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
    expect((await send('HEAD', '/customers')).status).toBe(401);
  });
});

describe('every answer', () => {
  test('carries an id of our own and the headers that keep browsers from guessing', async () => {
    const { headers } = await http.anyone('GET', '/plans', undefined, { 'x-request-id': 'mine' });
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('lists', () => {
  test('are walked newest first, page by page, each row once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { body } = await http.operator('POST', '/customers', { external_id: `page-${n}` });
      ids.unshift(body.id);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null && seen.length < 100) {
      const { body }: { body: any } = await http.operator(
        'GET',
        `/customers?limit=2${cursor ? `&cursor=${cursor}` : ''}`,
      );
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor;
    }
    expect(seen.slice(0, 5)).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
  });
});
