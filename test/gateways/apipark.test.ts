// The push to APIPark, from a real Tollgate with its sandbox to a stand-in of APIPark's admin API.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { push } from '../../deploy/gateways/apipark/push.mjs';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { startApipark } from './apipark-stand-in.ts';

let billing: Billing;
let park: Awaited<ReturnType<typeof startApipark>>;
const account = { name: 'admin', password: 'secret' };
const services = { search: 'svc-search', export: 'svc-export' };
const dayMs = 24 * 3_600_000;

beforeAll(async () => {
  billing = await startBilling();
  const limits = [{ window: 'day', max: 2, on_exceed: 'wait' }];
  for (const [key, features] of [
    ['free', [{ feature: 'search', limits }]],
    ['pro', [{ feature: 'search' }, { feature: 'export' }]],
  ] as const) {
    const changed = await billing.operator('PATCH', `/plans/${key}`, { features });
    expect(changed.status).toBe(200);
  }
  park = await startApipark(account);
});
afterAll(async () => {
  await park.close();
  await billing.close();
});
beforeEach(() => {
  park.refuse('');
  for (const service of Object.values(services)) park.subscribers.set(service, new Set());
  park.changes.length = 0;
});

const options = () => ({
  tollgate: { url: billing.url, operatorToken: billing.test.tokens.operator },
  apipark: { url: park.url, user: account.name, password: account.password },
  services,
});
const subscribersOf = (feature: keyof typeof services) => [
  ...park.subscribers.get(services[feature])!,
];

/** A customer with an application at APIPark that has one key. */
async function applicant(plan: string | null) {
  const customer = await billing.customer('pm_card_visa');
  const application = `app-${customer.id}`;
  await billing.operator('PATCH', `/customers/${customer.id}`, {
    metadata: { apipark_application: application },
  });
  const key = {
    ...{ id: `auth-${customer.id}`, name: 'default', position: 'Header', token_name: 'Apikey' },
    ...{ config: { apikey: `key-${customer.id}` }, expire_time: 1, hide_credential: true },
  };
  park.authorizations.set(application, [key]);
  if (!plan) return { ...customer, application, key, subscription: null };
  const made = await customer.call('POST', '/subscriptions', { plan });
  expect(made.status).toBe(201);
  return { ...customer, application, key, subscription: made.body };
}

test('who has a feature is subscribed to its service, until a day after the period; who has none is not', async () => {
  const [pro, free, none] = [
    await applicant('pro'),
    await applicant('free'),
    await applicant(null),
  ];
  await push(options());
  expect(subscribersOf('search').toSorted()).toEqual(
    [pro.application, free.application].toSorted(),
  );
  expect(subscribersOf('export')).toEqual([pro.application]);
  const end = Date.parse(pro.subscription.current_period_end);
  expect(pro.key.expire_time).toBe(Math.floor((end + dayMs) / 1000));
  expect(free.key.expire_time).toBe(0);
  expect([...subscribersOf('search'), ...subscribersOf('export')]).not.toContain(none.application);
  expect(pro.key).toMatchObject({ config: { apikey: `key-${pro.id}` }, hide_credential: true });
});

test('a second push changes nothing', async () => {
  await applicant('pro');
  await push(options());
  park.changes.length = 0;
  expect(await push(options())).toEqual({ subscribed: 0, unsubscribed: 0, expiries: 0 });
  expect(park.changes).toEqual([]);
});

test('a cancellation that is to come is the expiry, one that has come takes off; so does a used-up limit', async () => {
  const [leaving, gone, spent] = [
    await applicant('pro'),
    await applicant('pro'),
    await applicant('free'),
  ];
  await push(options());
  expect(subscribersOf('search')).toEqual(expect.arrayContaining([spent.application]));
  const cancel = (who: typeof leaving, effective: string) =>
    who.call('PUT', `/subscriptions/${who.subscription.id}/cancellation`, { effective });
  const later = await cancel(leaving, 'period_end');
  await cancel(gone, 'now');
  const record = { customer_id: spent.id, feature: 'search', units: 2, id: `use-${spent.id}` };
  expect((await billing.operator('POST', '/usage', record)).status).toBeLessThan(300);
  await billing.delivered();
  await push(options());
  expect(leaving.key.expire_time).toBe(Math.floor(Date.parse(later.body.cancel_at) / 1000));
  expect(subscribersOf('export')).toContain(leaving.application);
  expect(subscribersOf('export')).not.toContain(gone.application);
  expect(subscribersOf('search')).not.toContain(spent.application);
});

test('whom no customer accounts for is taken off, such as one whose customer was deleted', async () => {
  const deleted = await applicant('pro');
  park.subscribers.get(services.export)!.add('stranger');
  await push(options());
  expect(subscribersOf('export')).toContain(deleted.application);
  expect(subscribersOf('export')).not.toContain('stranger');
  await billing.operator('DELETE', `/customers/${deleted.id}`);
  await push(options());
  expect(subscribersOf('export')).not.toContain(deleted.application);
});

test('nothing is changed where Tollgate cannot be read, and what failed half-way is made whole by the next run', async () => {
  const { application } = await applicant('pro');
  const unreadable = { ...options(), tollgate: { url: billing.url, operatorToken: 'tgo_wrong' } };
  await expect(push(unreadable)).rejects.toThrow('401');
  expect(park.changes).toEqual([]);
  park.refuse('POST /api/v1/service/subscriber');
  await expect(push(options())).rejects.toThrow('APIPark refused');
  expect(subscribersOf('export')).not.toContain(application);
  park.refuse('');
  await push(options());
  expect(subscribersOf('export')).toContain(application);
});

test('as a program: says what it did, or what is missing, and never the password', async () => {
  const lacking = await program({});
  expect([lacking.code, lacking.said]).toEqual([
    1,
    expect.stringContaining('TOLLGATE_URL is not set'),
  ]);
  const env = {
    TOLLGATE_URL: billing.url,
    TOLLGATE_OPERATOR_TOKEN: billing.test.tokens.operator,
    APIPARK_URL: park.url,
    APIPARK_USER: account.name,
    APIPARK_SERVICES: 'search=svc-search,export=svc-export',
  };
  const refused = await program({ ...env, APIPARK_PASSWORD: 'not-the-one' });
  expect([refused.code, refused.said]).toEqual([1, expect.stringContaining('wrong name')]);
  expect(refused.said).not.toContain('not-the-one');
  const { application } = await applicant('pro');
  const pushed = await program({ ...env, APIPARK_PASSWORD: account.password });
  expect([pushed.code, JSON.parse(pushed.said)]).toEqual([
    0,
    expect.objectContaining({ unsubscribed: 0 }),
  ]);
  expect(subscribersOf('export')).toContain(application);
});

/** The push as a process of its own: its exit code, and all it said. */
function program(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const file = fileURLToPath(new URL('../../deploy/gateways/apipark/push.mjs', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { env, timeout: 20_000 });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said }));
  });
}
