// What the check tells gateways about keeping its answer.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Fixture } from './fixture.ts';
import { createFixture } from './fixture.ts';

let f: Fixture;
let pro: string;

beforeAll(async () => {
  f = await createFixture();
  pro = await f.plan('pro', [
    { feature: 'burst', limits: [{ window: 'day', max: 1, on_exceed: 'wait', overage: null }] },
    { feature: 'search', limits: [{ window: 'month', max: 1, on_exceed: 'payment', overage: null }] }, // prettier-ignore
    { feature: 'flat', limits: [] },
  ]);
  await f.policy({ path: '/free', access: 'free' });
  await f.policy({ path: '/closed', access: 'deny' });
  await f.policy({ path: '/plain', access: 'subscription' });
  await f.policy({ path: '/flat', access: 'feature', feature: 'flat' });
  await f.policy({ path: '/look', access: 'feature', feature: 'search', cost: 0 });
  await f.policy({ path: '/search', access: 'feature', feature: 'search' });
  await f.policy({ path: '/burst', access: 'feature', feature: 'burst' });
  await f.settled();
});
afterAll(() => f.close());

async function key(set: Record<string, unknown> = {}): Promise<string> {
  const customer = await f.customer();
  await f.subscribe(customer, pro, set);
  const made = await f.key(customer);
  await f.settled();
  return made;
}

async function lifetime(call: string, withKey?: string): Promise<[number, string | null]> {
  const answer = await f.ask(call, withKey);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return [answer.status, answer.headers.get('x-accel-expires')];
}

describe('a gateway may keep', () => {
  test('what is not counted, for five seconds', async () => {
    const own = await key();
    expect(await lifetime('GET /free')).toEqual([200, '5']);
    for (const path of ['/plain', '/flat', '/look']) {
      expect(await lifetime(`GET ${path}`, own)).toEqual([200, '5']);
    }
  });

  test('what may soon end, for one', async () => {
    const late = new Date(f.ctx.clock.nowMs() - 80 * 3_600_000).toISOString();
    const own = await key({ status: 'past_due', past_due_since: late });
    expect(await lifetime('GET /plain', own)).toEqual([200, '1']);
  });

  test('a denial for one or two, so that who has paid is soon let through', async () => {
    const own = await key();
    expect(await lifetime('GET /closed')).toEqual([403, '2']);
    expect(await lifetime('GET /plain')).toEqual([401, '2']);
    await f.ask('GET /search', own);
    expect(await lifetime('GET /search', own)).toEqual([402, '2']);
    await f.ask('GET /burst', own);
    expect(await lifetime('GET /burst', own)).toEqual([429, '1']);
  });

  test('nothing that is counted, and nothing that could not be told', async () => {
    expect(await lifetime('GET /search', await key())).toEqual([200, '0']);
    const unsure = { stripe_subscription_id: 'sub_unheard', current_period_end: '2020-02-01' };
    expect(await lifetime('GET /plain', await key(unsure))).toEqual([503, '0']);
  });

  test('whatever it is told before Cache-Control, since nginx reads them in order', async () => {
    for (const path of ['/free', '/closed']) {
      const names = await headNames(path);
      expect(names).toContain('x-accel-expires');
      expect(names.indexOf('x-accel-expires')).toBeLessThan(names.indexOf('cache-control'));
    }
  });
});

/** Header names in the order in which they came. */
function headNames(path: string): Promise<string[]> {
  const headers = {
    'X-Gateway-Token': f.tokens.gateway,
    'X-Original-Method': 'GET',
    'X-Original-URI': path,
  };
  return new Promise((resolve, reject) => {
    request(`${f.url}/entitlements/nginx`, { method: 'HEAD', headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
    })
      .on('error', reject)
      .end();
  });
}
