// What there is of one customer, on both sides, in numbers that a test can name: nothing may be there twice.
import { isDeepStrictEqual } from 'node:util';
import type { Billing } from '../support/billing.ts';
import { rightAnswers } from './oracle.ts';

export type Account = {
  /** What lives at Stripe: plan, quantity, status. */
  atStripe: string[];
  /** What lives with us. */
  rows: string[];
  /** Payments that succeeded, and what they came to. */
  paid: number[];
  openPages: number;
  schedules: number;
  /** Purchases that were bought. */
  bought: number;
  /** Who asked for what, by action; a purchase that came to nothing may be begun again. */
  audits: Record<string, number>;
};

const final = ['canceled', 'incomplete_expired'];

export async function accountOf(billing: Billing, customerId: string): Promise<Account> {
  const { db } = billing.ctx;
  const customer = await db.customer.findUniqueOrThrow({ where: { id: customerId } });
  const where = { customer_id: customerId };
  const rows = await db.subscription.findMany({
    where: { ...where, status: { notIn: final } },
    include: { plan_version: { include: { plan: true } } },
  });
  const audits: Record<string, number> = {};
  for (const { action } of await db.auditEntry.findMany({ where }))
    audits[action] = (audits[action] ?? 0) + 1;
  return {
    ...(await sideOfStripe(billing, customer.stripe_customer_id)),
    rows: rows.map((row) => `${row.plan_version?.plan.key} ${row.quantity} ${row.status}`),
    bought: await db.purchase.count({ where: { ...where, state: 'done' } }),
    audits,
  };
}

async function sideOfStripe(billing: Billing, customer: string | null) {
  if (!customer) return { atStripe: [], paid: [], openPages: 0, schedules: 0 };
  const { stripe } = billing;
  const subscriptions = await stripe.subscriptions.list({ customer, status: 'all', limit: 100 });
  const charges = await stripe.charges.list({ customer, limit: 100 });
  const pages = await stripe.checkout.sessions.list({ customer, limit: 100 });
  const schedules = await stripe.subscriptionSchedules.list({ customer, limit: 100 });
  const planOf = await plansByPrice(billing);
  return {
    atStripe: subscriptions.data
      .filter(({ status }) => !final.includes(status))
      .map(({ items, status }) => {
        const { price, quantity } = items.data[0]!;
        return `${planOf.get(price.id)} ${quantity ?? 1} ${status}`;
      }),
    paid: charges.data.filter(({ paid }) => paid).map(({ amount }) => amount),
    openPages: pages.data.filter(({ status }) => status === 'open').length,
    schedules: schedules.data.filter(({ status }) => status === 'active').length,
  };
}

async function plansByPrice({ ctx }: Billing): Promise<Map<string, string>> {
  const versions = await ctx.db.planVersion.findMany({ include: { plan: true } });
  return new Map(versions.map(({ stripe_price_id, plan }) => [stripe_price_id ?? '', plan.key]));
}

/** The fields named, where they are not as they should be. */
export function differences(account: Account, right: Partial<Account>): string[] {
  return Object.entries(right).flatMap(([name, value]) => {
    const is =
      name === 'audits'
        ? Object.fromEntries(
            Object.keys(value).map((action) => [action, account.audits[action] ?? 0]),
          )
        : account[name as keyof Account];
    return isDeepStrictEqual(is, value)
      ? []
      : [`${name} is ${JSON.stringify(is)}, should be ${JSON.stringify(value)}`];
  });
}

/** Where access is not what Stripe's objects say; for customers who have no free plan. */
export async function accessErrors(billing: Billing, customerId: string): Promise<string[]> {
  const { ctx, stripe, operator } = billing;
  const { stripe_customer_id: customer } = await ctx.db.customer.findUniqueOrThrow({
    where: { id: customerId },
  });
  const { body } = await operator('GET', `/customers/${customerId}/entitlements`);
  const listed = customer
    ? await stripe.subscriptions.list({ customer, status: 'all', limit: 100 })
    : { data: [] };
  const owned = [];
  for (const subscription of listed.data) {
    const invoices = await stripe.invoices.list({ subscription: subscription.id, limit: 100 });
    owned.push({ subscription, invoices: invoices.data });
  }
  const now = Math.floor(ctx.clock.nowMs() / 1000);
  const right = rightAnswers(owned, await plansByPrice(billing), now);
  const isRight = right.some(({ access, code }) => access === body.access && code === body.code);
  if (isRight) return [];
  return [`access is ${body.access} (${body.code}), right is ${JSON.stringify(right)}`];
}
