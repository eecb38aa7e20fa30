// The page at /: what it shows, what it moves, and who may.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { customerWith, monthly, openStand, until, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(async () => {
  stand = await openStand();
});
afterEach(() => stand.close());

type Headers = Record<string, string>;
const get = (path: string, headers: Headers = {}) =>
  fetch(`${stand.sandbox.url}${path}`, { headers });
const post = (fields: Headers, headers: Headers = {}) =>
  fetch(`${stand.sandbox.url}/`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });
const open = async (): Promise<Headers> => {
  const answer = await post({ deed: 'sign_in', key: stand.sandbox.secretKey });
  expect(answer.status).toBe(303);
  const cookie = answer.headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
  expect(cookie).not.toContain(stand.sandbox.secretKey);
  return { cookie: cookie.split(';')[0]! };
};

describe('who may', () => {
  test('without the key it shows nothing and moves nothing', async () => {
    await stand.stripe.customers.create({ email: 'ada@example.com' });
    const before = await stand.now();
    expect(await (await get('/')).text()).not.toContain('ada@example.com');
    expect(await (await get('/live')).text()).not.toContain('ada@example.com');
    for (const cookie of ['', 'sandbox=', 'sandbox=00', `sandbox=${'0'.repeat(64)}`]) {
      expect((await get('/live', { cookie })).headers.get('content-type')).toContain('text/html');
      expect((await post({ seconds: '86400' }, { cookie })).status).toBe(403);
    }
    expect((await post({ deed: 'sign_in', key: 'sk_test_wrong' })).status).toBe(403);
    expect((await stand.now()) - before).toBeLessThan(60);
  });

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'null' },
  ])('a form of another site is refused: %o', async (headers) => {
    const cookie = await open();
    const answer = await post({ deed: 'webhooks', mode: 'drop' }, { ...cookie, ...headers });
    expect(answer.status).toBe(403);
    expect((await stand.control('GET', '/faults')).body.webhooks.mode).toBe('normal');
  });

  test('it is never cached, framed by others or scripted', async () => {
    for (const path of ['/', '/live']) {
      const { headers } = await get(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toMatch(/frame-ancestors '(none|self)'/);
    }
  });
});

test('customers, subscriptions, invoices, events and deliveries are shown, whatever they contain', async () => {
  const cookie = await open();
  const name = '<script>alert(1)</script>';
  const customer = await customerWith(stand.stripe, 'pm_card_visa');
  await stand.stripe.customers.update(customer.id, { name });
  const price = await monthly(stand.stripe, 1000, name);
  const made = await stand.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
  });
  await stand.delivered();
  const shown = await (await get('/live', cookie)).text();
  for (const part of [customer.id, made.id, 'active', '10.00 USD', 'invoice.paid', 'delivered'])
    expect(shown).toContain(part);
  expect(shown).not.toContain('<script');
  expect(shown).toContain('http-equiv="refresh"');
});

describe('by hand', () => {
  test('the clock moves by a button and to an instant, and not back', async () => {
    const cookie = await open();
    const before = await stand.now();
    expect((await post({ seconds: '86400' }, cookie)).status).toBe(303);
    await until(async () => (await stand.control('GET', '/clock')).body.status === 'ready');
    expect((await stand.now()) - before).toBeGreaterThanOrEqual(86_400);
    await post({ deed: 'move', to: '2030-01-02T03:04:05' }, cookie);
    await until(async () => (await stand.control('GET', '/clock')).body.status === 'ready');
    expect((await stand.control('GET', '/clock')).body.now).toMatch(/^2030-01-02T03:04:/);
    const back = await post({ deed: 'move', to: '2029-01-01T00:00:00' }, cookie);
    expect(back.status).toBe(400);
    expect(await back.text()).toContain('only moves forward');
  });

  test('webhooks, failures and settings are what the controls say', async () => {
    const cookie = await open();
    await post(
      { deed: 'webhooks', mode: 'hold', duplicate: '2', delay_ms: '5', shuffle: 'on' },
      cookie,
    );
    await post(
      { deed: 'failure', match: 'POST /v1/products', what: 'status 503', times: '1' },
      cookie,
    );
    await post({ deed: 'failure', match: 'GET /v1/*', what: 'hang 5 s', times: '' }, cookie);
    await post({ deed: 'settings', count: '3', days: '7', after: 'cancel' }, cookie);
    expect((await stand.control('GET', '/faults')).body).toEqual({
      webhooks: { mode: 'hold', duplicate: 2, shuffle: true, delay_ms: 5 },
      api: [
        { match: 'POST /v1/products', status: 503, times: 1 },
        { match: 'GET /v1/*', hang_ms: 5000 },
      ],
    });
    expect((await stand.control('GET', '/settings')).body).toEqual({
      retries: { count: 3, days: 7 },
      after_retries: 'cancel',
    });
    expect(await (await get('/', cookie)).text()).toContain('1 left');
    await post({ deed: 'clear_failures' }, cookie);
    expect((await stand.control('GET', '/faults')).body.api).toEqual([]);
  });

  test('an event is sent at once, held or not', async () => {
    const cookie = await open();
    await stand.control('PUT', '/faults', { webhooks: { mode: 'hold' } });
    await stand.stripe.products.create({ name: 'P' });
    const [event] = (await stand.stripe.events.list()).data;
    expect((await post({ deed: 'send', event: event!.id }, cookie)).status).toBe(303);
    expect(stand.receiver.events.map(({ id }) => id)).toEqual([event!.id]);
  });

  test.each([
    {},
    { deed: 'nonsense' },
    { deed: 'constructor' },
    { deed: 'webhooks', mode: 'loud' },
    { deed: 'failure', match: 'nowhere', what: 'status 500' },
    { deed: 'failure', match: 'GET /', what: 'status 9' },
    { deed: 'settings', count: 'x', days: '1', after: 'cancel' },
    { deed: 'move', to: 'soon' },
    { deed: 'send', event: 'evt_none' },
    { seconds: '-5' },
  ])('nonsense is refused with a reason: %o', async (fields) => {
    const cookie = await open();
    const answer = await post(fields, cookie);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('role="alert"');
  });
});
