// One look at what happened to a subscription: cause before effect, nothing twice, and what became of payments.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { notify } from '../../src/actions/notice/notify.ts';
import { inTransaction } from '../../src/adapters/postgres.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false, env: { MAIL_KEEP: 'yes' } });
});
afterAll(() => billing.close());

const days = (count: number) => new Date(billing.ctx.now().getTime() + count * 86_400_000);
type Row = { at: string; kind: string; id: string; from: string | null; to: string | null; code: string | null; type: string }; // prettier-ignore
async function timeline(id: string, query = '?limit=100'): Promise<Row[]> {
  const { status, body } = await billing.operator('GET', `/subscriptions/${id}/timeline${query}`);
  expect(status).toBe(200);
  return body.data;
}
async function settled() {
  await billing.delivered();
  await billing.runJobs();
}
const paymentsOf = async (customerId: string) =>
  (await billing.operator('GET', `/events?customer_id=${customerId}&limit=100`)).body.data
    .filter(({ type }: { type: string }) => type.startsWith('payment.'))
    .toSorted((a: any, b: any) => a.sequence - b.sequence)
    .map(({ type, data }: any) => [type, data.invoice.amount_due, data.attempt]);

describe('a subscription that is paid, is late, and is paid again', () => {
  let id: string;
  let customer: Awaited<ReturnType<Billing['customer']>>;

  test('shows each change of state and access with its cause before it', async () => {
    customer = await billing.customer('pm_card_visa');
    const { body } = await customer.call('POST', '/subscriptions', { plan: 'pro' });
    id = body.id;
    await settled();
    await billing.setCard(customer.id, 'pm_card_chargeCustomerFail');
    await billing.moveTo(days(32));
    await settled();
    await billing.moveTo(days(3));
    await billing.moveTo(days(4));
    await settled();
    await billing.setCard(customer.id, 'pm_card_visa');
    const { body: invoices } = await customer.call('GET', '/invoices');
    const open = invoices.data.find(({ status }: { status: string }) => status === 'open');
    if (open) await customer.call('POST', `/invoices/${open.id}/payment`);
    await settled();
    const rows = await timeline(id);
    const told = (kind: string) => rows.filter((row) => row.kind === kind);
    expect(told('access').map(({ from, to }) => `${from ?? '-'} > ${to}`)).toEqual(
      expect.arrayContaining(['full > warn', 'warn > read_only', 'read_only > full']),
    );
    const states = told('state').map(({ from, to }) => `${from ?? '-'} > ${to}`);
    expect(states).toEqual(expect.arrayContaining(['active > past_due', 'past_due > active']));
    expect(told('stripe_event').map(({ to }) => to)).toContain('invoice.payment_failed');
    expect(told('notice').length).toBeGreaterThan(0);
    expect(rows.map(({ at }) => at)).toEqual(rows.map(({ at }) => at).toSorted());
    const late = rows.findIndex(({ kind, to }) => kind === 'state' && to === 'past_due');
    const cause = rows.findIndex(({ to }) => to === 'invoice.payment_failed');
    expect(cause).toBeLessThan(late);
  });

  test('gains no row by looking again, however often', async () => {
    const before = await timeline(id);
    const row = await billing.ctx.db.subscription.findUniqueOrThrow({ where: { id } });
    for (let n = 0; n < 3; n += 1) {
      await billing.ctx.pool.query('UPDATE stripe_object SET wanted = wanted + 1 WHERE id = $1', [row.stripe_subscription_id]); // prettier-ignore
      await billing.runJobs();
    }
    expect(await timeline(id)).toEqual(before);
  });

  test('comes in pages that join to the whole', async () => {
    const whole = await timeline(id);
    const parts: Row[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = `?limit=3${cursor ? `&cursor=${cursor}` : ''}`;
      const page = await billing.operator('GET', `/subscriptions/${id}/timeline${query}`);
      parts.push(...page.body.data);
      cursor = page.body.next_cursor;
    }
    expect(parts).toEqual(whole);
    const bad = await billing.operator('GET', `/subscriptions/${id}/timeline?cursor=nonsense`);
    expect(bad.status).toBe(422);
  });

  test('tells each payment, and each attempt that failed, once', async () => {
    const payments = await paymentsOf(customer.id);
    expect(payments[0]).toEqual(['payment.succeeded', 4_900, 1]);
    const failed = payments.filter(([type]: [string]) => type === 'payment.failed');
    expect(failed.length).toBeGreaterThan(0);
    expect(failed).toEqual([...new Map(failed.map((one: any) => [one[2], one])).values()]);
    expect(payments.at(-1)![0]).toBe('payment.succeeded');
  });
});

test('a payment that waits for the payer is told', async () => {
  const { id, call } = await billing.customer('pm_card_threeDSecure2Required');
  const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
  expect(body.pending_change).toMatchObject({ reason: 'checkout' });
  expect((await paymentsOf(id)).map(([type]: [string]) => type)).toContain(
    'payment.action_required',
  );
});

test('a notice about a subscription stands in its timeline', async () => {
  const { id: customerId, call } = await billing.customer();
  const { body } = await call('POST', '/subscriptions', { plan: 'free' });
  await inTransaction(billing.ctx, (tx) =>
    notify(tx, {
      kind: 'subscription_canceled',
      customerId,
      subscriptionId: body.id,
      key: `test ${body.id}`,
      at: billing.ctx.now(),
      data: { plan: 'Free', ended_at: null },
    }),
  );
  const rows = await timeline(body.id);
  expect(rows.map(({ kind }) => kind)).toEqual(['state', 'access', 'notice']);
});

test('it is for operators, and of subscriptions that exist', async () => {
  const { call } = await billing.customer();
  const { body } = await call('POST', '/subscriptions', { plan: 'free' });
  expect((await call('GET', `/subscriptions/${body.id}/timeline`)).status).toBe(403);
  const none = `sub_${'0'.repeat(26)}`;
  expect((await billing.operator('GET', `/subscriptions/${none}/timeline`)).status).toBe(404);
});
