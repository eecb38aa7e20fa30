// A year of a hundred subscriptions, in seconds: time is moved, nothing is waited for, no webhook comes, and at the end
// every row of ours says what Stripe's object says.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

const many = 100;
const atOnce = 4;
const halves = 2;
const dayMs = 86_400_000;
let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

/** Most pay; every tenth has a card that fails from the first renewal on, every tenth is canceled at its end. */
async function subscribe(n: number): Promise<void> {
  const { id, call } = await billing.customer('pm_card_visa');
  const made = await call('POST', '/subscriptions', { plan: 'pro' });
  expect(made.status).toBe(201);
  if (n % 10 === 3) await billing.setCard(id, 'pm_card_chargeCustomerFail');
  if (n % 10 === 7) await call('PUT', `/subscriptions/${made.body.id}/cancellation`, {});
}

async function inTurn(work: (n: number) => Promise<void>): Promise<void> {
  const numbers = Array.from({ length: many }, (_, n) => n).values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const n of numbers) await work(n);
    }),
  );
}

test('each renews, falls behind or ends as Stripe says', async () => {
  await inTurn(subscribe);
  await billing.delivered();
  await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
  const begin = billing.ctx.now().getTime();
  for (let half = 1; half <= halves; half += 1) {
    await billing.moveTo(new Date(begin + half * 182 * dayMs));
    await billing.runJobs();
  }
  const rows = await billing.ctx.db.subscription.findMany({ include: { invoices: true } });
  const count = (status: string) => rows.filter((row) => row.status === status).length;
  // Half a year late is past the last step of the ladder.
  expect([count('active'), count('canceled'), rows.length]).toEqual([80, 20, many]);
  const stripes = await billing.stripe.subscriptions
    .list({ status: 'all', limit: 100 })
    .autoPagingToArray({ limit: 1_000 });
  const ours = new Map(rows.map((row) => [row.stripe_subscription_id, row]));
  for (const theirs of stripes) {
    const row = ours.get(theirs.id)!;
    expect(row.status).toBe(theirs.status);
    if (row.status !== 'active') continue;
    const end = theirs.items.data[0]!.current_period_end * 1000;
    expect(row.current_period_end!.getTime()).toBe(end);
    expect(row.invoices.filter(({ status }) => status === 'paid')).toHaveLength(12);
  }
}, 180_000);
