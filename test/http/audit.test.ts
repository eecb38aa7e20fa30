// The audit: one row per mutation, in its own transaction, with who, what, before and after, and no secrets in it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startHttpTest } from '../support/http.ts';
import type { HttpTest } from '../support/http.ts';

let http: HttpTest;
beforeAll(async () => {
  http = await startHttpTest();
});
afterAll(() => http.close());

const entries = () => http.ctx.db.auditEntry.findMany({ orderBy: { id: 'asc' } });

describe('the audit', () => {
  test('has one row for each mutation, by whom, with both sides', async () => {
    const { body: customer } = await http.operator('POST', '/customers', { external_id: 'a' });
    const session = await http.operator('POST', `/customers/${customer.id}/sessions`);
    const call = http.as(session.body.token);
    const { body: key } = await call('POST', '/keys', {});
    const { body: next } = await call('POST', `/keys/${key.id}/rotation`);
    await call('DELETE', `/keys/${next.id}`);
    await http.operator('POST', '/plans', { key: 'p', name: 'P' });
    await http.operator('PATCH', '/plans/p', { name: 'Q' });
    await http.operator('PATCH', '/settings', { default_plan: 'p' });
    const policy = { method: 'GET', path: '/a', access: 'free' };
    const { body: made } = await http.operator('POST', '/route-policies', policy);
    await http.operator('PUT', `/route-policies/${made.id}`, { ...policy, access: 'key' });
    await http.operator('DELETE', `/route-policies/${made.id}`);
    await http.operator('PATCH', `/customers/${customer.id}`, { name: 'N' });
    await http.operator('DELETE', `/customers/${customer.id}`);

    const rows = await entries();
    expect(rows.map(({ action }) => action)).toEqual([
      'customer.create',
      'customer_session.create',
      'api_key.create',
      'api_key.rotate',
      'api_key.create',
      'api_key.revoke',
      'plan.create',
      'plan.change',
      'setting.change',
      'route_policy.create',
      'route_policy.replace',
      'route_policy.delete',
      'customer.change',
      'customer.delete',
    ]);
    expect(rows[3]!.actor).toMatch(/^customer:ses_/);
    expect(rows[7]!.actor).toMatch(/^operator:[0-9a-f]{12}$/);
    expect(rows[7]!.before).toMatchObject({ name: 'P', version: 1 });
    expect(rows[7]!.after).toMatchObject({ name: 'Q', version: 2 });
    const all = JSON.stringify(rows);
    for (const secret of [session.body.token, key.key, next.key, http.test.tokens.operator]) {
      expect(all).not.toContain(secret);
    }
  });

  test('has no row for what was refused, read, or changed nothing', async () => {
    const before = (await entries()).length;
    await http.operator('POST', '/plans', { key: 'p', name: 'again' });
    await http.operator('POST', '/plans', { key: 'BAD' });
    await http.operator('PATCH', '/plans/p', { name: 'Q' });
    await http.operator('PATCH', '/settings', { default_plan: 'p' });
    const { body } = await http.operator('POST', '/customers', { external_id: 'b' });
    await http.operator('PATCH', `/customers/${body.id}`, { blocked: false });
    await http.operator('DELETE', '/route-policies/rp_00000000000000000000000000');
    await http.operator('GET', '/plans');
    expect((await entries()).slice(before).map(({ action }) => action)).toEqual([
      'customer.create',
    ]);
  });
});
