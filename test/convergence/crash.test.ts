// A process dies at every point of every action that calls Stripe: after each change it makes anywhere, or, in the
// long run, before and after each single statement and call. Nothing acknowledged is lost, nothing is done twice.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiAnswer } from '../support/api.ts';
import { processStripeEvent } from '../../jobs/process-stripe-event.ts';
import { syncNow } from '../../src/actions/stripe/object.ts';
import { apiOf, startBilling } from '../support/billing.ts';
import type { Billing, Card } from '../support/billing.ts';
import { accessErrors, accountOf, differences } from './account.ts';
import type { Account } from './account.ts';
import { dieEverywhere } from './crash.ts';
import type { Process, Scene } from './crash.ts';
import type { Point } from './victim.ts';

const isLong = process.env['SOAK_MINUTES'] !== undefined;
const points: Point['at'][] = isLong ? ['before', 'after'] : ['effect'];

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
}, 60_000);
afterAll(() => billing.close());

type Begun = { customerId: string; subscriptionId: string; stripeId: string };
type Request = { method: string; path: string; body?: object };
type Play = {
  card?: Card;
  /** What the customer has before. */
  plan?: string;
  /** What happens before the process comes in. */
  before?: (begun: Begun) => Promise<unknown>;
  request: (begun: Begun) => Request | Promise<Request>;
  /** Codes by which the client learns that it was done already. */
  doneAlready?: string[];
  right: Partial<Account>;
  ownAccess?: boolean;
};

const stripeCustomerOf = async (id: string) =>
  (await billing.ctx.db.customer.findUniqueOrThrow({ where: { id } })).stripe_customer_id!;
const operatorOf = () => billing.test.tokens.operator;

/** A fresh customer each time, so that one death does not weigh on the next. */
async function stage(play: Play): Promise<Scene> {
  const { id: customerId } = await billing.customer(play.card);
  const begun = { customerId, subscriptionId: '', stripeId: '' };
  if (play.plan) {
    const made = await billing.operator('POST', '/subscriptions', {
      customer_id: customerId,
      plan: play.plan,
    });
    begun.subscriptionId = made.body.id;
    begun.stripeId = made.body.stripe_subscription_id;
  }
  await play.before?.(begun);
  const { method, path, body } = await play.request(begun);
  const headers = method === 'POST' ? { 'idempotency-key': randomUUID() } : {};
  return {
    act: ({ api }) =>
      api(method, path, { token: operatorOf(), headers, ...(body ? { body } : {}) }),
    isDone: ({ status, body: said }: ApiAnswer) =>
      status < 300 || (play.doneAlready ?? []).includes(said?.code),
    check: async () => [
      ...differences(await accountOf(billing, customerId), play.right),
      ...(play.ownAccess ? [] : await accessErrors(billing, customerId)),
    ],
  };
}

const subscription = (method: string, rest: string, body?: object) => (begun: Begun) => ({
  method,
  path: `/subscriptions/${begun.subscriptionId}${rest}`,
  ...(body ? { body } : {}),
});

const pro = { plan: 'pro', card: 'pm_card_visa' } as const;
const plays: Record<string, Play> = {
  'a customer is made at Stripe': {
    request: ({ customerId }) => ({
      method: 'POST',
      path: '/payment-method-sessions',
      body: { customer_id: customerId },
    }),
    right: { audits: { 'customer.link': 1 } },
  },
  'a subscription is bought with a card': {
    card: 'pm_card_visa',
    request: ({ customerId }) => ({
      method: 'POST',
      path: '/subscriptions',
      body: { customer_id: customerId, plan: 'pro' },
    }),
    doneAlready: ['subscription_exists'],
    right: {
      atStripe: ['pro 1 active'],
      rows: ['pro 1 active'],
      paid: [4_900],
      bought: 1,
      openPages: 0,
    },
  },
  'a page to pay on is opened': {
    request: ({ customerId }) => ({
      method: 'POST',
      path: '/subscriptions',
      body: { customer_id: customerId, plan: 'pro' },
    }),
    right: { atStripe: [], openPages: 1, bought: 0, paid: [] },
    ownAccess: true,
  },
  'a plan is upgraded at once': {
    ...pro,
    request: subscription('PATCH', '', { plan: 'scale', effective: 'now' }),
    right: {
      atStripe: ['scale 1 active'],
      rows: ['scale 1 active'],
      audits: { 'subscription.change': 1 },
    },
  },
  'a downgrade is scheduled': {
    ...pro,
    request: subscription('PATCH', '', { plan: 'pro', quantity: 2, effective: 'period_end' }),
    right: { atStripe: ['pro 1 active'], schedules: 1, audits: { 'subscription.change': 1 } },
  },
  'a paid plan is left for a free one': {
    ...pro,
    request: subscription('PATCH', '', { plan: 'free' }),
    right: { atStripe: ['pro 1 active'], audits: { 'subscription.change': 1 } },
  },
  'a subscription is canceled at once': {
    ...pro,
    request: subscription('PUT', '/cancellation', { effective: 'now' }),
    right: { atStripe: [], rows: [], paid: [4_900], audits: { 'subscription.cancel': 1 } },
  },
  'a subscription is canceled for the end of its period': {
    ...pro,
    request: subscription('PUT', '/cancellation', { effective: 'period_end' }),
    right: { atStripe: ['pro 1 active'], audits: { 'subscription.cancel': 1 } },
  },
  'a cancellation is taken back': {
    ...pro,
    before: ({ subscriptionId }) =>
      billing.operator('PUT', `/subscriptions/${subscriptionId}/cancellation`, {
        effective: 'period_end',
      }),
    request: subscription('DELETE', '/cancellation'),
    right: { atStripe: ['pro 1 active'], audits: { 'subscription.keep': 1 } },
  },
  'a subscription is paused': {
    ...pro,
    request: subscription('PUT', '/pause', {}),
    right: { atStripe: ['pro 1 active'], audits: { 'subscription.pause': 1 } },
  },
  'a pause is ended': {
    ...pro,
    before: ({ subscriptionId }) =>
      billing.operator('PUT', `/subscriptions/${subscriptionId}/pause`, {}),
    request: subscription('DELETE', '/pause'),
    right: { atStripe: ['pro 1 active'], audits: { 'subscription.resume': 1 } },
  },
  'an open invoice is paid': {
    card: 'pm_card_chargeCustomerFail',
    before: async ({ customerId }) => {
      const customer = await stripeCustomerOf(customerId);
      const { id } = await billing.stripe.invoices.create({ customer });
      const item = { customer, invoice: id, amount: 700, currency: 'usd' };
      await billing.stripe.invoiceItems.create(item);
      await billing.stripe.invoices.finalizeInvoice(id);
      await billing.stripe.invoices.pay(id).catch(() => undefined);
      await billing.setCard(customerId, 'pm_card_visa');
      await syncNow(billing.ctx, 'customer', customer);
    },
    request: async ({ customerId }) => {
      const where = { customer_id: customerId };
      const { id } = await billing.ctx.db.invoice.findFirstOrThrow({ where });
      return { method: 'POST', path: `/invoices/${id}/payment` };
    },
    right: { paid: [700], audits: { 'invoice.pay': 1 } },
  },
  'a customer is deleted': {
    ...pro,
    request: ({ customerId }) => ({ method: 'DELETE', path: `/customers/${customerId}` }),
    right: { atStripe: [], rows: [], audits: { 'customer.delete': 1 } },
    ownAccess: true,
  },
};

/** A plan's product and prices at Stripe, its versions here, and who made them. */
async function stagePlan(isChange: boolean): Promise<Scene> {
  const key = `plan-${randomUUID().slice(0, 8)}`;
  const content = (amount: number) => ({
    name: key,
    price: { amount, currency: 'usd', interval: 'month' },
  });
  if (isChange) await billing.operator('POST', '/plans', { key, ...content(1_000) });
  const [method, path, body] = isChange
    ? (['PATCH', `/plans/${key}`, content(2_000)] as const)
    : (['POST', '/plans', { key, ...content(1_000) }] as const);
  const headers = method === 'POST' ? { 'idempotency-key': randomUUID() } : {};
  const amounts = isChange ? [1_000, 2_000] : [1_000];
  return {
    act: ({ api }) => api(method, path, { token: operatorOf(), headers, body }),
    isDone: ({ status, body: said }) => status < 300 || said?.code === 'plan_exists',
    async check() {
      const products = await billing.stripe.products.list({ limit: 100 }).autoPagingToArray({ limit: 1_000 }); // prettier-ignore
      const product = products.filter(({ name }) => name === key);
      const prices = await billing.stripe.prices.list({
        product: product[0]?.id ?? '',
        limit: 100,
      });
      const plan = await billing.ctx.db.plan.findUnique({
        where: { key },
        include: { versions: true },
      });
      const id = plan?.id ?? '';
      const audits = await billing.ctx.db.auditEntry.count({ where: { object_id: id } });
      const is = {
        products: product.length,
        prices: prices.data.map(({ unit_amount }) => unit_amount).toSorted(),
        versions: plan?.versions.map(({ price_amount }) => Number(price_amount)).toSorted(),
        current: plan?.current_version,
        audits,
      };
      const count = amounts.length;
      const right = {
        products: 1,
        prices: amounts,
        versions: amounts,
        current: count,
        audits: count,
      };
      return isDeepStrictEqual(is, right) ? [] : [`is ${JSON.stringify(is)}`];
    },
  };
}

/** A webhook on its way in, or its event being dealt with: Stripe sends it again only where it heard no 2xx. */
async function stageEvent(what: 'arrives' | 'is dealt with'): Promise<Scene> {
  const { id: customerId } = await billing.customer('pm_card_visa');
  const request = { customer_id: customerId, plan: 'pro' };
  const { body } = await billing.operator('POST', '/subscriptions', request);
  await billing.delivered();
  await processStripeEvent(billing.ctx);
  await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
  await billing.stripe.subscriptions.cancel(body.stripe_subscription_id);
  const events = await billing.stripe.events.list({
    type: 'customer.subscription.deleted',
    limit: 1,
  });
  await billing.control('PUT', '/_sandbox/faults', {});
  const event = events.data[0]!;
  const deliver = ({ api }: Process) => {
    const payload = JSON.stringify(event);
    const secret = billing.ctx.config.stripeWebhookSecrets[0]!;
    const signature = billing.stripe.webhooks.generateTestHeaderString({ payload, secret });
    const headers = { 'stripe-signature': signature };
    return api('POST', '/webhooks/stripe', { headers, body: event });
  };
  if (what === 'is dealt with') await deliver({ ctx: billing.ctx, api: apiOf(billing.url) });
  return {
    act: what === 'arrives' ? deliver : dealWithEvents,
    isDone: ({ status }) => status === 200,
    async check() {
      const { db } = billing.ctx;
      const stored = await db.stripeEvent.findUnique({ where: { id: event.id } });
      const where = { customer_id: customerId };
      const audits = await db.auditEntry.findMany({
        where: { ...where, action: 'subscription.sync' },
      });
      const canceled = audits.filter(
        ({ after }) => (after as { status?: string }).status === 'canceled',
      );
      const told = await billing.ctx.pool.query(
        `SELECT FROM event WHERE customer_id = $1 AND type = 'subscription.canceled'`,
        [customerId],
      );
      const is = {
        settled: stored !== null && stored.processed_at !== null,
        audits: canceled.length,
        told: told.rowCount,
      };
      const right = { settled: true, audits: 1, told: 1 };
      return [
        ...(isDeepStrictEqual(is, right) ? [] : [`is ${JSON.stringify(is)}`]),
        ...(await accessErrors(billing, customerId)),
      ];
    },
  };
}

async function dealWithEvents({ ctx }: Process): Promise<ApiAnswer> {
  const body = await processStripeEvent(ctx);
  return { status: (body.failed ?? 0) > 0 ? 500 : 200, headers: new Headers(), body };
}

const stages: Record<string, () => Promise<Scene>> = {
  'a webhook arrives': () => stageEvent('arrives'),
  'an event is dealt with': () => stageEvent('is dealt with'),
  ...Object.fromEntries(Object.entries(plays).map(([name, play]) => [name, () => stage(play)])),
  'a plan is made': () => stagePlan(false),
  'a plan gets another price': () => stagePlan(true),
};

describe('a process that dies while', () => {
  for (const at of points) {
    test.each(Object.entries(stages))(
      `%s leaves nothing lost and nothing done twice (${at})`,
      async (name, begin) => {
        const { deaths } = await dieEverywhere(billing, { at, stage: begin });
        process.stdout.write(`${name}: ${deaths} deaths\n`);
        expect(deaths).toBeGreaterThan(0);
      },
      isLong ? 1_800_000 : 180_000,
    );
  }
});
