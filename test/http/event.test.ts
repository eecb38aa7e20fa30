// What others are told: in the transaction of the change, in the order of each customer, without a gap.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { publish } from '../../src/actions/event/publish.ts';
import { notify } from '../../src/actions/notice/notify.ts';
import { inTransaction } from '../../src/adapters/postgres.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling();
});
afterAll(() => billing.close());

const days = (count: number) => new Date(billing.ctx.now().getTime() + count * 86_400_000);
const eventsOf = async (customerId: string) =>
  billing.ctx.db.event.findMany({
    where: { customer_id: customerId },
    orderBy: { sequence: 'asc' },
  }) as Promise<{ type: string; sequence: bigint; data: any; subscription_id: string | null }[]>;
const typesOf = async (customerId: string) =>
  (await eventsOf(customerId)).map((event) => event.type);

describe('events', () => {
  test('tell each change of a subscription once, and the access that follows from it', async () => {
    const { id, call } = await billing.customer('pm_card_visa');
    const { body: made } = await call('POST', '/subscriptions', { plan: 'pro' });
    await billing.delivered();
    await billing.runJobs();
    const first = await eventsOf(id);
    const access = first.filter(({ type }) => type === 'entitlement.changed').at(-1)!;
    expect(access.subscription_id).toBe(made.id);
    expect(access.data).toMatchObject({ plan: 'pro', access: 'full', status: 'active' });
    await call('PUT', `/subscriptions/${made.id}/cancellation`, { effective: 'period_end' });
    await billing.delivered();
    await billing.runJobs();
    const later = (await eventsOf(id)).slice(first.length);
    expect(later.map(({ type }) => type)).toEqual(['subscription.updated']);
    expect(later[0]!.data.previous).toMatchObject({ cancel_at: null });
    await billing.moveTo(days(32));
    await billing.delivered();
    await billing.runJobs();
    const end = (await eventsOf(id)).slice(first.length + 1);
    expect(end.map(({ type }) => type).toSorted()).toEqual([
      'entitlement.changed',
      'subscription.canceled',
    ]);
    expect(end.find(({ type }) => type === 'entitlement.changed')!.data).toMatchObject({
      access: 'deny',
      code: 'subscription_canceled',
      previous: { access: 'full' },
    });
    const { body } = await billing.operator('GET', `/notices?customer_id=${id}`);
    const kinds = body.data.map(({ kind }: { kind: string }) => kind);
    expect(kinds.filter((kind: string) => kind === 'subscription_canceled')).toHaveLength(1);
  });

  test('count each customer from 1 without a gap, however many write at once', async () => {
    const { id } = await billing.customer();
    const write = (n: number, fails: boolean) =>
      inTransaction(billing.ctx, async (tx) => {
        await publish(tx, {
          customerId: id,
          type: 'key.created',
          at: billing.ctx.now(),
          data: { n },
          key: `test ${Math.floor(n / 2)}`,
        });
        if (fails) throw new Error('rolled back');
      }).catch(() => undefined);
    await Promise.all(Array.from({ length: 24 }, (_, n) => write(n, n % 6 === 0)));
    const sequences = (await eventsOf(id)).map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
  });

  test('tell of steps of the ladder that only the clock takes, once', async () => {
    const { id, call } = await billing.customer('pm_card_chargeCustomerFail');
    const { body: made } = await call('POST', '/subscriptions', { plan: 'trial' });
    expect(made.status).toBe('trialing');
    await billing.moveTo(days(15));
    await billing.delivered();
    await billing.moveTo(days(4));
    await billing.moveTo(days(4));
    await billing.runJobs();
    await billing.runJobs();
    const told = (await eventsOf(id)).filter(({ type }) => type === 'entitlement.changed');
    const steps = told.map(({ data }) => `${data.status} ${data.access}`);
    expect(steps.slice(-4)).toEqual([
      'trialing full',
      'past_due full',
      'past_due warn',
      'past_due read_only',
    ]);
    expect(await typesOf(id)).toContain('subscription.past_due');
  });

  test('tell that the default plan gives, or takes, access', async () => {
    const { id, call } = await billing.customer();
    const { body } = await call('POST', '/subscriptions', { plan: 'free' });
    await call('PUT', `/subscriptions/${body.id}/cancellation`, { effective: 'now' });
    await billing.operator('PATCH', '/settings', { default_plan: 'hobby' });
    await billing.runJobs();
    await billing.operator('PATCH', '/settings', { default_plan: null });
    await billing.runJobs();
    const told = (await eventsOf(id)).filter(({ type }) => type === 'entitlement.changed');
    expect(told.map(({ data }) => `${data.plan} ${data.access}`)).toEqual([
      'free full',
      'free deny',
      'hobby full',
      'free deny',
    ]);
  });

  test('follow keys: made, replaced, revoked', async () => {
    const { id, call } = await billing.customer();
    const { body: key } = await call('POST', '/keys', {});
    const { body: next } = await call('POST', `/keys/${key.id}/rotation`, { overlap_seconds: 60 });
    await call('DELETE', `/keys/${next.id}`);
    await call('DELETE', `/keys/${next.id}`);
    const events = await eventsOf(id);
    expect(events.map(({ type }) => type)).toEqual(['key.created', 'key.rotated', 'key.revoked']);
    expect(events[1]!.data).toMatchObject({ key: { id: next.id }, replaced: { id: key.id } });
    expect(JSON.stringify(events.map(({ data }) => data))).not.toContain(key.key);
  });

  test('tell that a customer is blocked, and let in again', async () => {
    const { id, call } = await billing.customer();
    await call('POST', '/subscriptions', { plan: 'free' });
    await billing.operator('PATCH', `/customers/${id}`, { blocked: true });
    await billing.operator('PATCH', `/customers/${id}`, { blocked: false });
    const told = (await eventsOf(id)).filter(({ type }) => type === 'entitlement.changed');
    expect(told.map(({ data }) => data.code)).toEqual([null, 'customer_blocked', null]);
  });
});

test('one key is one notice, however often and at whatever time it is written', async () => {
  const { id } = await billing.customer();
  const write = () =>
    inTransaction(billing.ctx, (tx) =>
      notify(tx, {
        kind: 'trial_ended',
        customerId: id,
        key: `trial-ended-${id}`,
        at: billing.ctx.now(),
        data: { plan: 'Pro' },
      }),
    );
  const results = await Promise.all(Array.from({ length: 8 }, write));
  expect(results.filter(Boolean)).toHaveLength(1);
});
