// Route policies and settings over HTTP: what is refused before it could decide anything.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defaultLadder } from '../../src/domain/plan.ts';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

const free = (path: string, method = 'GET') => ({ method, path, access: 'free' });

describe('POST /route-policies', () => {
  test('201 with defaults', async () => {
    const { status, body } = await http.operator('POST', '/route-policies', {
      method: 'GET',
      path: '/reports/:id',
      access: 'feature',
      feature: 'reports',
    });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^rp_/),
      method: 'GET',
      path: '/reports/:id',
      access: 'feature',
      feature: 'reports',
      cost: 1,
      read_only: false,
      when_down: 'closed',
      max_stale_seconds: 300,
    });
  });

  test('409: the same but for the parameters’ names would tie, and the other is named', async () => {
    const first = await http.operator('POST', '/route-policies', free('/a/:x/b'));
    const { status, body } = await http.operator('POST', '/route-policies', free('/a/:y/b'));
    expect([status, body.code, body.conflicts_with]).toEqual([
      409,
      'route_conflict',
      first.body.id,
    ]);
    expect((await http.operator('POST', '/route-policies', free('/a/:y/b', 'POST'))).status).toBe(
      201,
    );
    expect((await http.operator('POST', '/route-policies', free('/a/:y/b/'))).status).toBe(201);
    expect((await http.operator('POST', '/route-policies', free('/A/:y/b'))).status).toBe(201);
  });

  test('of many that race with one shape, one is made', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        http.operator('POST', '/route-policies', free(`/race/:p${n}`)),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  test.each([
    '', 'a', '/a//b', '/a/../b', '/a/./b', '/a%2Fb', '/a%2fb', '/a%5Cb', '/a%00', '/a%41', '/%zz', '/a?b', '/a#b',
    '/a\\b', '/a b', '/ä', '/*/a', '/a*', '/:', '/:1', `/${'x'.repeat(2048)}`, '/a'.repeat(65),
  ])('422: the path %s', async (path) => {
    const { status, body } = await http.operator('POST', '/route-policies', free(path));
    expect([status, body.errors?.[0].pointer]).toEqual([422, '/path']);
  }); // prettier-ignore

  test.each([
    ['a feature that access does not ask for', { ...free('/v'), feature: 'reports' }, '/feature'],
    ['no feature where access asks for one', { ...free('/v'), access: 'feature' }, '/feature'],
    ['a cost that is no integer', { ...free('/v'), cost: 0.5 }, '/cost'],
    ['a cost beyond reason', { ...free('/v'), cost: 1_000_001 }, '/cost'],
    ['CONNECT', free('/v', 'CONNECT'), '/method'],
    ['TRACE', free('/v', 'TRACE'), '/method'],
    ['an access that is none', { ...free('/v'), access: 'vip' }, '/access'],
  ])('422: %s', async (_name, policy, pointer) => {
    const { status, body } = await http.operator('POST', '/route-policies', policy);
    expect([status, body.errors?.[0].pointer]).toEqual([422, pointer]);
  });
});

describe('PUT and DELETE /route-policies/{id}', () => {
  test('PUT replaces the whole: what is left out gets its default', async () => {
    const made = await http.operator('POST', '/route-policies', {
      ...free('/put'),
      read_only: true,
      cost: 7,
    });
    const { status, body } = await http.operator('PUT', `/route-policies/${made.body.id}`, {
      method: '*',
      path: '/put/*',
      access: 'key',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      method: '*',
      path: '/put/*',
      access: 'key',
      read_only: false,
      cost: 1,
    });
  });

  test('409: PUT into the place of another', async () => {
    await http.operator('POST', '/route-policies', free('/taken'));
    const made = await http.operator('POST', '/route-policies', free('/mover'));
    const answer = await http.operator('PUT', `/route-policies/${made.body.id}`, free('/taken'));
    expect([answer.status, answer.body.code]).toEqual([409, 'route_conflict']);
  });

  test('204, again: 204; 404: one that never was', async () => {
    const never = '/route-policies/rp_00000000000000000000000000';
    expect((await http.operator('DELETE', never)).status).toBe(404);
    const made = await http.operator('POST', '/route-policies', free('/deleted'));
    const path = `/route-policies/${made.body.id}`;
    expect((await http.operator('DELETE', path)).status).toBe(204);
    expect((await http.operator('DELETE', path)).status).toBe(204);
    expect((await http.operator('GET', path)).status).toBe(404);
    expect((await http.operator('PUT', path, free('/deleted'))).status).toBe(404);
  });
});

describe('settings', () => {
  test('200: subscription and no plan unless changed; the default plan must be there', async () => {
    expect((await http.operator('GET', '/settings')).body).toEqual({
      default_access: 'subscription',
      default_plan: null,
      usage_late_seconds: 86_400,
      renewal_notice_days: 7,
      payment_retries: 'stripe',
      payment_retry_hours: [72, 120, 168, 240, 336],
      usage_retention_days: 800,
      event_retention_days: 400,
      decision_share_allowed: 0.001,
      decision_share_denied: 1,
      decision_retention_days: 30,
      decision_count_retention_days: 400,
      default_ladder: defaultLadder,
      pause_policy: 'deny',
      refund_policy: 'keep',
      dispute_policy: 'keep',
      duplicate_policy: 'report',
      open_invoice_policy: 'keep',
      usage_alert_thresholds: [50, 80, 100],
    });
    const unknown = await http.operator('PATCH', '/settings', { default_plan: 'nope' });
    expect([unknown.status, unknown.body.errors[0].pointer]).toEqual([422, '/default_plan']);
    await http.operator('POST', '/plans', { key: 'free', name: 'Free' });
    const changed = await http.operator('PATCH', '/settings', {
      default_plan: 'free',
      default_access: 'key',
    });
    expect(changed.body).toMatchObject({ default_access: 'key', default_plan: 'free' });
  });

  test('409: the default plan cannot be archived', async () => {
    const { status, body } = await http.operator('PATCH', '/plans/free', { archived: true });
    expect([status, body.code]).toEqual([409, 'plan_in_use']);
  });

  test('422: feature is no default, since it names none', async () => {
    expect((await http.operator('PATCH', '/settings', { default_access: 'feature' })).status).toBe(
      422,
    );
  });
});
