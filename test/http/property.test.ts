// Generated requests at every operation of the OpenAPI document: whatever comes in, no 5xx goes out but those
// that say the gateway is unknown or access could not be told; every refusal is a problem, every success has
// the documented shape. FUZZ_SEED repeats a run; FUZZ_RUNS makes it longer.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../src/http/app.ts';
import { gatewayOperations } from '../../src/http/gateway-operations.ts';
import { describeApi } from '../../src/http/openapi.ts';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';
import { invalid, valid } from '../support/schema-arbitrary.ts';
import type { Hints, Schema } from '../support/schema-arbitrary.ts';
import { startTestServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';
import { startTestWorker } from '../support/worker.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 14);
const plans = ['free', 'pro', 'scale'];

/** What is sent: everything as text, so that a failure can be read and repeated. */
type Sent = {
  who: 'right' | 'operator' | 'customer' | 'gateway' | 'nobody' | 'wrong';
  params: Record<string, string>;
  query: string;
  body: { kind: 'none' | 'valid' | 'invalid' | 'raw'; text: string };
  contentType: string;
  idempotencyKey: string | null;
  /** What a gateway says of the call, and whether it carried a key. */
  origin: { method: string; uri: string; hasKey: boolean };
};

let context: TestContext;
let server: TestServer;
let worker: { close: () => Promise<void> };
let customerToken: string;
let apiKey: string;
const known: Record<string, string[]> = {};
const bodies = { sent: 0, taken: 0 };

beforeAll(async () => {
  context = await createTestContext({ sandbox: true });
  server = await startTestServer(context);
  worker = await startTestWorker(context.config);
  const operator = (method: string, path: string, body?: unknown) =>
    server.api(method, path, { token: context.tokens.operator, ...(body ? { body } : {}) });
  for (const [index, key] of plans.entries()) {
    const price = { amount: 1000 * index, currency: 'usd', interval: 'month' };
    await operator('POST', '/plans', {
      key,
      name: key,
      price: index ? price : null,
      features: [{ feature: 'reports', limits: [{ window: 'day', max: 1000 }] }],
    });
  }
  const made = async (path: string, body: object) => (await operator('POST', path, body)).body.id;
  const add = (kind: string, id: string) => (known[kind] ??= []).push(id);
  for (let n = 0; n < 6; n += 1) {
    const stripe = await context.ctx.stripe.customers.create({
      payment_method: 'pm_card_visa',
      invoice_settings: { default_payment_method: 'pm_card_visa' },
    });
    const link = n < 5 ? { stripe_customer_id: stripe.id } : {};
    const customer_id = await made('/customers', { external_id: `known-${n}`, ...link });
    add('cus', customer_id);
    add('stripe', stripe.id);
    add('key', await made('/keys', { customer_id }));
    add('sub', await made('/subscriptions', { customer_id, plan: n < 3 ? 'pro' : 'free' }));
    add('rp', await made('/route-policies', { method: 'GET', path: `/known/${n}`, access: 'key' }));
  }
  for (const { id } of (await operator('GET', '/invoices')).body.data) add('inv', id);
  apiKey = (await operator('POST', '/keys', { customer_id: known['cus']![0] })).body.key;
  customerToken = (await operator('POST', `/customers/${known['cus']![0]}/sessions`)).body.token;
});
afterAll(async () => {
  await worker.close();
  await server.close();
  await context.close();
});

/** What a schema cannot know: which things exist, and where time stands. */
const hints: Hints = {
  customer_id: fc.nat({ max: 5 }).map((index) => known['cus']![index]),
  plan: fc.constantFrom(...plans),
  default_plan: fc.constantFrom('free', null),
  key: fc.stringMatching(/^[a-z]{12}$/),
  external_id: fc.stringMatching(/^[a-z]{6}$/),
  promotion_code: fc.constant('NOSUCHCODE'),
  stripe_customer_id: fc
    .nat({ max: 5 })
    .map((index) => known['stripe']![index] ?? known['stripe']![0]),
  now: fc.nat({ max: 3_600 }).map((seconds) => later(seconds)),
  expires_at: fc.nat({ max: 3_600 }).map((seconds) => later(3_600 + seconds)),
  at: fc.nat({ max: 3_600 }).map((seconds) => later(3_600 + seconds)),
  path: fc.stringMatching(/^(\/[a-z]{1,8}|\/:[a-z]{1,5}){1,4}$/),
  archived: fc.constant(false),
};
const later = (seconds: number) =>
  new Date(context.ctx.now().getTime() + seconds * 1000).toISOString();

type Operation = { method: string; path: string; id: string; described: any };
const api = describeApi('http://tollgate.test', [...gatewayOperations, ...routes]);
const operations: Operation[] = Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => ({
    method: method.toUpperCase(),
    path,
    id: `${method.toUpperCase()} ${path}`,
    described,
  })),
);

describe(`every operation, seed ${seed}`, () => {
  test.each(operations)('$id', async (operation) => {
    await fc.assert(
      fc.asyncProperty(requests(operation), async (sent) => check(operation, sent)),
      { seed: seed + operations.indexOf(operation), numRuns, endOnFailure: true },
    );
  });

  test('at least 30 % of the bodies were valid: nothing was wrong with them as such', () => {
    expect(bodies.sent).toBeGreaterThan(100);
    expect(bodies.taken / bodies.sent).toBeGreaterThanOrEqual(0.3);
  });
});

function requests({ described, method, path }: Operation): fc.Arbitrary<Sent> {
  const schema: Schema | undefined = described.requestBody?.content['application/json'].schema;
  const params = parameters(described, 'path').map(
    ({ name, schema: one }) => [name, param(one, `${method} ${path}`)] as const,
  );
  const queries = parameters(described, 'query').map(({ name, schema: one }) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant('') },
      { weight: 2, arbitrary: (hints[name] ?? queryValue(name, one)).map((value) => pair(name, value)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((value) => pair(name, value)) },
      { weight: 1, arbitrary: fc.constantFrom(`${name}=1&${name}=1`, `${name}=%`, 'x=1', `${name}[]=1`) },
    ),
  ); // prettier-ignore
  return fc.record({
    origin: fc.record({
      method: fc.constantFrom('GET', 'POST', 'get', 'BREW', ''),
      uri: fc.oneof(
        fc.constantFrom('/known/1', '/known/1/', '/a//b', '/a/../b', '/%2e%2e', '/a%2Fb', '/%00', '/%', '\\', ''),
        fc.string({ unit: 'binary' }).map((path) => `/${encode(path)}`),
      ),
      hasKey: fc.boolean(),
    }),
    who: fc.oneof(
      { weight: 8, arbitrary: fc.constant('right' as const) },
      { weight: 2, arbitrary: fc.constantFrom('operator', 'customer', 'gateway', 'nobody', 'wrong' as const) },
    ),
    params: fc.record(Object.fromEntries(params)),
    query: fc.tuple(...queries).map((all) => all.filter(Boolean).join('&')),
    body: body(schema, method),
    contentType: fc.oneof(
      { weight: 19, arbitrary: fc.constant('application/json') },
      { weight: 1, arbitrary: fc.constantFrom('text/plain', '', 'application/json; charset=utf-16') },
    ),
    idempotencyKey: fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom('same', 'other', 'x'.repeat(256)) },
    ),
  }); // prettier-ignore
}

function body(schema: Schema | undefined, method: string): fc.Arbitrary<Sent['body']> {
  const none = fc.constant({ kind: 'none' as const, text: '' });
  if (method === 'GET' || method === 'DELETE') return none;
  const raw = fc.constantFrom('{', '[1]', '"x"', '', 'null', '{"a":1,"a":2}', '['.repeat(9_000));
  const text = (kind: Sent['body']['kind']) => (value: unknown) => ({
    kind,
    text: JSON.stringify(value) ?? '',
  });
  return fc.oneof(
    { weight: 6, arbitrary: valid(schema ?? { type: 'object' }, hints).map(text('valid')) },
    { weight: 3, arbitrary: invalid(schema ?? { type: 'object' }, hints).map(text('invalid')) },
    { weight: 1, arbitrary: raw.map((value) => ({ kind: 'raw' as const, text: value })) },
  ); // prettier-ignore
}

function param(schema: Schema, operation: string): fc.Arbitrary<string> {
  const prefix = /^\^([a-z]+)_\[/.exec(schema['pattern'] ?? '')?.[1] ?? '';
  // Deleting what the other operations need would leave them nothing but 404.
  const isSafe = operation !== 'DELETE /customers/{id}';
  const named = prefix
    ? fc
        .nat({ max: 5 })
        .map((index) => (isSafe && known[prefix]?.[index]) || `${prefix}_${'0'.repeat(26)}`)
    : fc.constantFrom(...plans, 'reports', '1');
  return fc.oneof(
    { weight: 6, arbitrary: named },
    { weight: 1, arbitrary: valid(schema).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('..', '%2e%2e', '%00', '%E0%A4%A', '%', 'a%2Fb', '%C0%80') },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1 }).map(encode) },
  ); // prettier-ignore
}

async function check(operation: Operation, sent: Sent): Promise<void> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => sent.params[name]!);
  const hasBody = sent.body.kind !== 'none';
  const answer = await fetch(`${server.url}${path}${sent.query ? `?${sent.query}` : ''}`, {
    method: operation.method,
    redirect: 'manual',
    headers: {
      ...credential(sent.who, operation),
      ...originHeaders(sent.origin),
      ...(hasBody && sent.contentType ? { 'content-type': sent.contentType } : {}),
      ...(sent.idempotencyKey === null ? {} : { 'idempotency-key': sent.idempotencyKey }),
    },
    ...(hasBody ? { body: Buffer.from(sent.body.text) } : {}),
  });
  const text = await answer.text();
  // In the nginx forms no body passes auth_request: the problem travels in a header.
  const inHeader = answer.headers.get('x-entitlement-problem');
  const isJson = /[/+]json\b/.test(answer.headers.get('content-type') ?? '');
  const data: any = isJson && text ? JSON.parse(text) : JSON.parse(inHeader ?? 'null');
  if (hasBody && sent.who === 'right') {
    bodies.sent += 1;
    if (![400, 413, 415, 422].includes(answer.status)) bodies.taken += 1;
  }
  if (answer.status >= 500) expect(['unverifiable', 'gateway_unauthorized']).toContain(data?.code);
  expect(text).not.toMatch(/\.ts:\d+|node_modules|Prisma|StripeError/);
  if (answer.status >= 400) {
    expect(inHeader ?? answer.headers.get('content-type')).toMatch(
      /^(application\/problem\+json|\{)/,
    );
    expect(data).toMatchObject({
      status: expect.any(Number),
      code: expect.any(String),
      title: expect.any(String),
    });
    return;
  }
  const route = routes.find(
    (one) => `${one.method} ${one.path.replace(/:(\w+)/g, '{$1}')}` === operation.id,
  );
  if (answer.status !== 304 && route?.answer)
    expect(route.answer.safeParse(data).error).toBeUndefined();
}

function credential(who: Sent['who'], { described }: Operation): Record<string, string> {
  const kinds: string[] = described.security.map((one: object) => Object.keys(one)[0] ?? 'nobody');
  const kind = who === 'right' ? (kinds.includes('operator') ? 'operator' : kinds[0]!) : who;
  switch (kind) {
    case 'operator':
      return { authorization: `Bearer ${context.tokens.operator}` };
    case 'customer':
      return { authorization: `Bearer ${customerToken}` };
    case 'gateway':
      return { 'x-gateway-token': context.tokens.gateway };
    case 'wrong':
      return { authorization: 'Bearer tgo_nonsense', 'x-gateway-token': 'tgg_nonsense' };
    default:
      return {};
  }
}

function originHeaders({ method, uri, hasKey }: Sent['origin']): Record<string, string> {
  return {
    ...(hasKey ? { 'x-api-key': apiKey } : {}),
    'x-forwarded-method': method,
    'x-forwarded-uri': uri,
    'x-original-method': method,
    'x-original-uri': uri,
    'x-original-url': uri,
  };
}

function parameters(described: any, where: string): { name: string; schema: Schema }[] {
  return described.parameters.filter((one: any) => one.in === where);
}

function queryValue(name: string, schema: Schema): fc.Arbitrary<unknown> {
  return name === 'limit' ? fc.integer({ min: 1, max: 100 }) : valid(schema);
}

function pair(name: string, value: unknown): string {
  return `${name}=${encode(String(value))}`;
}

/** A lone surrogate has no encoding in a URL. */
function encode(value: string): string {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, '?'));
}
