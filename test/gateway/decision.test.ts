// Decisions as they are kept: every form of the check, every denial, the drawn share of the rest; how many there were,
// exactly; and nothing that a check would wait for or fail by.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
let customer: string;
let key: string;
let keyId: string;

beforeAll(async () => {
  f = await createFixture();
  const pro = await f.plan('pro', [
    {
      feature: 'search',
      limits: [{ window: 'month', max: 3, on_exceed: 'payment', overage: null }],
    },
    { feature: 'flat', limits: [] },
  ]);
  customer = await f.customer();
  await f.subscribe(customer, pro);
  key = await f.key(customer);
  keyId = (await f.sql('SELECT id FROM api_key')).rows[0].id;
  await f.policy({ path: '/status', access: 'free' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/search', access: 'feature', feature: 'search' });
  await f.policy({ path: '/export/:id', access: 'feature', feature: 'export' });
  await share({ allowed: 1, denied: 1 });
});
afterAll(() => f.close());

async function share({ allowed, denied }: { allowed: number; denied: number }): Promise<void> {
  await f.sql('UPDATE setting SET decision_share_allowed = $1, decision_share_denied = $2', [
    allowed,
    denied,
  ]);
  await f.settled();
}

const gatewayToken = () => ({ 'x-gateway-token': f.tokens.gateway });

/** The row of a decision, once it has been written. */
function kept(id: string | null): Promise<any> {
  return until(`decision ${id} is kept`, async () => {
    const { rows } = await f.sql('SELECT * FROM decision WHERE id = $1', [id]);
    return rows[0];
  });
}

const idOf = ({ headers }: { headers: Headers }) => headers.get('x-decision-id');

describe('each form of the check is kept under its id', () => {
  const forms: Record<string, () => Promise<{ headers: Headers; body: any }>> = {
    'forward-auth': () => f.ask('GET /plain?secret=1', key),
    nginx: () =>
      f.api('GET', '/entitlements/nginx', {
        headers: {
          ...gatewayToken(),
          'x-original-method': 'GET',
          'x-original-uri': '/plain?secret=1',
          'x-api-key': key,
        },
      }),
    'ingress-nginx': () =>
      f.api('GET', '/entitlements/ingress-nginx', {
        headers: {
          ...gatewayToken(),
          'x-original-method': 'GET',
          'x-original-url': '/plain',
          'x-api-key': key,
        },
      }),
    'ext-authz': () =>
      f.api('GET', '/entitlements/ext-authz/plain?secret=1', {
        headers: { ...gatewayToken(), 'x-api-key': key },
      }),
    'POST check': () =>
      f.api('POST', '/entitlements/check', {
        headers: gatewayToken(),
        body: { api_key: key, method: 'GET', path: '/plain?secret=1' },
      }),
  };

  test.each(Object.keys(forms))('%s', async (name) => {
    const row = await kept(idOf(await forms[name]!()));
    expect(row).toMatchObject({
      method: 'GET',
      path: '/plain',
      customer_id: customer,
      api_key_id: keyId,
      plan: 'pro',
      plan_version: 1,
      code: null,
      status: 200,
      access: 'full',
      degraded: false,
      limits: [],
    });
    expect(row.route_policy_id).toMatch(/^rp_/);
    expect(row.subscription_id).toMatch(/^sub_/);
    expect(Math.abs(row.at.getTime() - Date.now())).toBeLessThan(60_000);
  });

  test('a feature by name, with what was used at that moment', async () => {
    const answer = await f.api('GET', '/entitlements/features/search/2', {
      headers: { ...gatewayToken(), 'x-api-key': key },
    });
    expect(await kept(idOf(answer))).toMatchObject({
      method: null,
      path: null,
      route_policy_id: null,
      feature: 'search',
      cost: 2,
      limits: [
        { feature: 'search', window: 'month', max: 3, used: 2, remaining: 1, refused: false },
      ],
    });
  });

  test('each of a batch, denied ones with the limit that refused', async () => {
    const { body } = await f.api('POST', '/entitlements/batch', {
      headers: gatewayToken(),
      body: {
        checks: [
          { customer_id: customer, feature: 'search', cost: 5 },
          { api_key: key, method: 'GET', path: '/status' },
          { method: 'GET', path: '/plain' },
        ],
      },
    });
    const [full, open, missing] = await Promise.all(
      body.data.map(({ decision_id }: any) => kept(decision_id)),
    );
    expect(full).toMatchObject({ code: 'quota_exhausted', status: 402, customer_id: customer, api_key_id: null, access: null }); // prettier-ignore
    expect(full.limits).toMatchObject([{ used: 2, remaining: 1, refused: true }]);
    expect(open).toMatchObject({ code: null, customer_id: null, path: '/status', plan: null });
    expect(missing).toMatchObject({ code: 'key_missing', status: 401, customer_id: null });
  });
});
