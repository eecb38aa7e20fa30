// What tests about billing share: a running Tollgate with its sandbox and a worker, plans, customers and cards,
// and time that moves on both sides.
import type Stripe from 'stripe';
import { runJob } from '../../jobs/run.ts';
import { jobs } from '../../jobs/index.ts';
import type { Environment } from '../../src/config.ts';
import type { Api } from './api.ts';
import { createTestContext } from './context.ts';
import { startTestServer } from './server.ts';
import { control, moveSandboxClock, stripeFor, untilDelivered } from './stripe.ts';
import { createApi } from './api.ts';

export type Billing = Awaited<ReturnType<typeof startBilling>>;

const tick = 60_000;

/** Free, Pro (49 a month), Scale (199 a month), Trial (14 days, then 49) and Yearly. Without `worker`, tests run jobs. */
export async function startBilling(options: { env?: Environment; worker?: boolean } = {}) {
  const test = await createTestContext({
    sandbox: true,
    ...(options.env ? { env: options.env } : {}),
  });
  const sandbox = test.sandbox!;
  const server = await startTestServer(test);
  const { ctx } = test;
  if (options.worker ?? true) {
    await ctx.queue.schedule(jobs.map(({ name }) => ({ name, every: tick * 60 })));
    await ctx.queue.work((name) => runJob(ctx, name));
  }
  const operator = withToken(server.api, test.tokens.operator);
  await makePlans(operator);
  const stripe = stripeFor(sandbox);
  let customers = 0;

  return {
    test,
    ctx,
    sandbox,
    stripe,
    url: server.url,
    operator,
    control: (method: string, path: string, body?: unknown) => control(sandbox, method, path, body),
    delivered: () => untilDelivered(sandbox),

    /** A customer and a caller in its name; with a card that pays, or fails, where one is named. */
    async customer(card?: Card) {
      customers += 1;
      const made = await operator('POST', '/customers', {
        external_id: `user-${customers}`,
        email: `u${customers}@example.com`,
      });
      const { id } = made.body;
      const session = await operator('POST', `/customers/${id}/sessions`, {});
      if (card) await setCard(stripe, operator, id, card);
      return { id: id as string, call: withToken(server.api, session.body.token) };
    },

    setCard: (customerId: string, card: Card) => setCard(stripe, operator, customerId, card),

    /** Both clocks, the sandbox's first; then every job once, as after `PUT /test/clock`. */
    async moveTo(to: Date) {
      await moveSandboxClock(sandbox, to);
      await test.ctx.pool.query('UPDATE clock SET offset_ms = $1', [to.getTime() - Date.now()]);
      await ctx.clock.refresh();
      for (const { name } of jobs) await runJob(ctx, name);
    },

    /** Every job once, here. */
    async runJobs() {
      for (const { name } of jobs) await runJob(ctx, name);
    },

    async close() {
      await server.close();
      await test.close();
    },
  };
}

/** Stripe's test payment methods (docs.stripe.com/testing). */
export type Card =
  | 'pm_card_visa'
  | 'pm_card_chargeCustomerFail'
  | 'pm_card_threeDSecure2Required'
  | 'pm_card_visa_chargeDeclined';

export type Caller = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => ReturnType<Api>;

function withToken(api: Api, token: string): Caller {
  return (method, path, body, headers) =>
    api(method, path, {
      token,
      ...(body === undefined ? {} : { body }),
      ...(headers ? { headers } : {}),
    });
}

export function apiOf(url: string): Api {
  return createApi(url);
}

async function makePlans(operator: Caller): Promise<void> {
  const price = (amount: number, interval = 'month', currency = 'usd') => ({
    amount,
    currency,
    interval,
  });
  const plans = [
    { key: 'free', name: 'Free' },
    { key: 'hobby', name: 'Hobby' },
    { key: 'pro', name: 'Pro', price: price(4_900) },
    { key: 'scale', name: 'Scale', price: price(19_900) },
    { key: 'trial', name: 'Trial', price: price(4_900), trial_days: 14 },
    { key: 'yearly', name: 'Yearly', price: price(49_000, 'year') },
    { key: 'euro', name: 'Euro', price: price(4_500, 'month', 'eur') },
  ];
  for (const plan of plans) {
    const made = await operator('POST', '/plans', plan);
    if (made.status !== 201)
      throw new Error(`plan ${plan.key}: ${made.status} ${JSON.stringify(made.body)}`);
  }
}

async function setCard(
  stripe: Stripe,
  operator: Caller,
  customerId: string,
  card: Card,
): Promise<void> {
  let { body } = await operator('GET', `/customers/${customerId}`);
  if (!body.stripe_customer_id) {
    await operator('POST', '/payment-method-sessions', { customer_id: customerId });
    ({ body } = await operator('GET', `/customers/${customerId}`));
  }
  const customer = body.stripe_customer_id as string;
  const method = await stripe.paymentMethods.attach(card, { customer });
  await stripe.customers.update(customer, {
    invoice_settings: { default_payment_method: method.id },
  });
}
