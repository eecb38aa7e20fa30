// The instants at which access changes by the clock alone: a millisecond before, at, and a millisecond after, by the
// decision itself and through the front door, with the clock standing still at that very millisecond.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newId } from '../../src/adapters/id.ts';
import type { SubscriptionFacts } from '../../src/domain/access.ts';
import { decide } from '../../src/domain/entitlement.ts';
import type { CustomerFacts, Plans } from '../../src/domain/entitlement.ts';
import { defaultLadder } from '../../src/domain/plan.ts';
import type { PlanFacts } from '../../src/domain/plan.ts';
import { startServer } from '../../src/server.ts';
import { createApi } from '../support/api.ts';
import type { Api } from '../support/api.ts';
import { createTestContext } from '../support/context.ts';
import type { TestContext } from '../support/context.ts';

const hour = 3_600_000;
const day = 24 * hour;
const t = Date.parse('2030-06-01T12:34:56.789Z');

/** Access where it is granted, else the code of the denial. */
type Access = string;
type Case = {
  name: string;
  subscription: Partial<SubscriptionFacts>;
  /** Milliseconds around which access is asked for. */
  at: number;
  before: Access;
  from: Access;
};

const late = { status: 'past_due', pastDueSince: t, periodEnd: t + 90 * day };
const cases: Case[] = [
  { name: 'the period ends without news', subscription: { periodEnd: t }, at: t, before: 'full', from: 'full' },
  { name: 'a day has passed since without news', subscription: { periodEnd: t }, at: t + day, before: 'full', from: 'unverifiable' },
  { name: 'the trial ends without news', subscription: { status: 'trialing', trialEnd: t }, at: t, before: 'full', from: 'full' },
  { name: 'a day has passed since the trial without news', subscription: { status: 'trialing', trialEnd: t }, at: t + day, before: 'full', from: 'unverifiable' },
  { name: 'the date of a cancellation comes', subscription: { cancelAt: t }, at: t, before: 'full', from: 'subscription_canceled' },
  { name: 'a trial that was never paid is canceled at its end', subscription: { status: 'trialing', trialEnd: t, cancelAt: t, everPaid: false }, at: t, before: 'full', from: 'trial_ended' },
  { name: 'it is canceled while the payment is late', subscription: { ...late, cancelAt: t + day }, at: t + day, before: 'full', from: 'subscription_canceled' },
  { name: 'a late payment: warn', subscription: late, at: t + 72 * hour, before: 'full', from: 'warn' },
  { name: 'a late payment: read_only', subscription: late, at: t + 168 * hour, before: 'warn', from: 'read_only' },
  { name: 'a late payment: grace ends', subscription: late, at: t + 336 * hour, before: 'read_only', from: 'payment_past_due' },
  { name: 'a late payment: cancel', subscription: late, at: t + 720 * hour, before: 'payment_past_due', from: 'payment_past_due' },
]; // prettier-ignore

const versionId = 'pv_1';
const plan: PlanFacts = {
  versionId,
  key: 'pro',
  version: 1,
  name: 'Pro',
  price: { amount: 4_900, currency: 'usd', interval: 'month' },
  features: [],
  pools: [],
  ladder: defaultLadder,
  offered: true,
};
const plans: Plans = {
  byVersion: new Map([[versionId, plan]]),
  byKey: new Map([['pro', plan]]),
};
const facts = (given: Partial<SubscriptionFacts>): SubscriptionFacts => ({
  id: 'sub_1',
  planVersionId: versionId,
  status: 'active',
  atStripe: true,
  anchor: null,
  periodStart: t - 30 * day,
  periodEnd: t + 30 * day,
  trialEnd: null,
  cancelAt: null,
  endedAt: null,
  pastDueSince: null,
  collectionPaused: false,
  pausedAtTrialEnd: false,
  everPaid: true,
  takenBackUntil: null,
  startedAt: t - 90 * day,
  pending: null,
  ...given,
});

/** The instants of a case, and what holds at each of them. */
const instants = ({ at, before, from }: Case): [number, Access][] => [
  [at - 1, before],
  [at, from],
  [at + 1, from],
];

describe('the decision', () => {
  test.each(cases)('$name', (given) => {
    const customer: CustomerFacts = {
      id: 'cus_1',
      blocked: false,
      timezone: 'UTC',
      spendCap: null,
      createdAt: t - 100 * day,
      subscriptions: [facts(given.subscription)],
      overrides: [],
    };
    const need = { access: 'subscription', feature: null, cost: 1, readOnly: true } as const;
    for (const [now, right] of instants(given)) {
      const verdict = decide({ customer, key: null, plans, defaultPlan: null }, need, now);
      const said = verdict.allowed ? verdict.grade : verdict.code;
      expect([now - given.at, said]).toEqual([now - given.at, right]);
    }
  });
});

describe('the front door', () => {
  let context: TestContext;
  let api: Api;
  let close: () => Promise<void>;
  let now = t;

  beforeAll(async () => {
    context = await createTestContext();
    const clock = { ...context.ctx.clock, nowMs: () => now };
    const ctx = { ...context.ctx, clock, now: () => new Date(now) };
    const server = await startServer(ctx, { port: 0, host: '127.0.0.1' });
    api = createApi(server.url);
    close = () => server.close();
    const { pool } = context.ctx;
    await pool.query(
      `INSERT INTO plan (id, key, current_version, created_at) VALUES ('plan_1', 'pro', 1, now())`,
    );
    await pool.query(
      `INSERT INTO plan_version (id, plan_id, version, name, price_amount, price_currency, price_interval, features, ladder, created_at)
       VALUES ($1, 'plan_1', 1, 'Pro', 4900, 'usd', 'month', '[]', $2, now())`,
      [versionId, JSON.stringify(defaultLadder)],
    );
    await pool.query(
      `INSERT INTO route_policy (id, method, path, shape, access, read_only, created_at)
       VALUES ('rp_1', 'GET', '/reports', '/reports', 'subscription', true, now())`,
    );
  });
  afterAll(async () => {
    await close();
    await context.close();
  });

  async function subscribed(subscription: SubscriptionFacts): Promise<string> {
    const { pool } = context.ctx;
    const id = newId('cus');
    const at = (ms: number | null) => (ms === null ? null : new Date(ms));
    await pool.query('INSERT INTO customer (id, external_id, created_at) VALUES ($1, $1, now())', [
      id,
    ]);
    await pool.query(
      `INSERT INTO subscription (id, customer_id, plan_version_id, status, current_period_start, current_period_end, trial_end,
         cancel_at, past_due_since, ever_paid, stripe_subscription_id, started_at, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $1, $11, now())`,
      [
        newId('sub'),
        id,
        versionId,
        subscription.status,
        at(subscription.periodStart),
        at(subscription.periodEnd),
        at(subscription.trialEnd),
        at(subscription.cancelAt),
        at(subscription.pastDueSince),
        subscription.everPaid,
        at(subscription.startedAt),
      ],
    );
    await context.ctx.notify.settled();
    return id;
  }

  test.each(cases)('$name', async (given) => {
    const id = await subscribed(facts(given.subscription));
    for (const [instant, right] of instants(given)) {
      now = instant;
      const check = await api('POST', '/entitlements/check', {
        headers: { 'x-gateway-token': context.tokens.gateway },
        body: { customer_id: id, method: 'GET', path: '/reports' },
      });
      const view = await api('GET', `/customers/${id}/entitlements`, {
        token: context.tokens.operator,
      });
      const checked = check.body.allowed ? check.body.access : check.body.code;
      const viewed = view.body.code ?? view.body.access;
      const offset = instant - given.at;
      expect({ offset, checked, viewed }).toEqual({ offset, checked: right, viewed: right });
    }
  });
});
