// Fills a local installation over HTTP, as an operator would: plans, route policies, two customers, a key
// each. May run again after any interruption: what is there is left as it is. Keys are shown once, so they
// are kept in the data folder as soon as they are known.
import path from 'node:path';
import type Stripe from 'stripe';
import { z } from 'zod';
import { call } from './call.ts';
import { demoCustomers, demoPlans, demoPolicies, demoRoutes } from './demo-plans.ts';
import { demoSchema } from './dev-file.ts';
import type { Demo, DemoCustomer } from './dev-file.ts';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

export type DemoOptions = {
  dataDir: string;
  apiUrl: string;
  operatorToken: string;
  stripe: Stripe;
};
type Ask = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: unknown }>;
type Wish = (typeof demoCustomers)[number];

const customer = z.object({ id: z.string(), stripe_customer_id: z.string().nullable() });
const subscriptions = z.object({
  data: z.array(z.object({ id: z.string(), plan: z.string(), status: z.string() })),
});
const withId = z.object({ id: z.string() });
const newKey = z.object({ id: z.string(), key: z.string() });
const keptKeys = z.record(z.string(), z.string());

/** Once complete it is only read back: whatever was done to the demo since then stays done. */
export async function prepareDemo(options: DemoOptions): Promise<Demo> {
  const file = path.join(options.dataDir, 'demo.json');
  const kept = readPrivateJson(file, demoSchema);
  if (kept) return kept;
  const ask = operator(options);
  for (const plan of demoPlans) await ask('POST', '/plans', plan);
  for (const policy of demoPolicies) await ask('POST', '/route-policies', policy);
  const customers: DemoCustomer[] = [];
  for (const wish of demoCustomers) customers.push(await prepareCustomer(options, ask, wish));
  const demo = { customers, routes: demoRoutes };
  writePrivateJson(file, demo);
  return demo;
}

async function prepareCustomer(options: DemoOptions, ask: Ask, wish: Wish): Promise<DemoCustomer> {
  const { external_id, name, email, plan, card } = wish;
  const made = customer.parse((await ask('POST', '/customers', { external_id, name, email })).body);
  if (card && !made.stripe_customer_id) {
    const payer = await payerWithCard(options.stripe, { id: made.id, name, email, card });
    await ask('PATCH', `/customers/${made.id}`, { stripe_customer_id: payer });
  }
  return {
    id: made.id,
    external_id,
    plan,
    api_key: await prepareKey(options.dataDir, ask, made.id),
    subscription: await prepareSubscription(ask, made.id, plan),
  };
}

/** A customer at Stripe whose invoices are paid with this card. */
export async function payerWithCard(
  stripe: Stripe,
  payer: { id: string; name: string; email: string; card: string },
): Promise<string> {
  const { id, name, email, card } = payer;
  // Our id makes the calls repeatable: a second run gets the first one's answers.
  const once = (step: string) => ({ idempotencyKey: `demo-${id}-${step}` });
  const created = await stripe.customers.create({ name, email }, once('customer'));
  const method = await stripe.paymentMethods.attach(card, { customer: created.id }, once('card'));
  await stripe.customers.update(
    created.id,
    { invoice_settings: { default_payment_method: method.id } },
    once('default'),
  );
  return created.id;
}

async function prepareSubscription(ask: Ask, customerId: string, plan: string): Promise<string> {
  const list = await ask('GET', `/subscriptions?customer_id=${customerId}`);
  const there = subscriptions.parse(list.body).data.find((one) => one.plan === plan);
  if (there) return there.id;
  const made = await ask('POST', '/subscriptions', { customer_id: customerId, plan });
  return withId.parse(made.body).id;
}

async function prepareKey(dataDir: string, ask: Ask, customerId: string): Promise<string> {
  const file = path.join(dataDir, 'demo-keys.json');
  const keys = readPrivateJson(file, keptKeys) ?? {};
  const kept = keys[customerId];
  if (kept) return kept;
  const body = { customer_id: customerId, name: 'Demo key' };
  const made = newKey.parse((await ask('POST', '/keys', body)).body);
  writePrivateJson(file, { ...keys, [customerId]: made.key });
  return made.key;
}

/** 409 is the answer of a thing that an earlier, interrupted run has already made. */
function operator(options: DemoOptions): Ask {
  return async (method, where, body) => {
    const url = options.apiUrl + where;
    const answer = await call({ method, url, token: options.operatorToken, body });
    if (answer.status < 300 || answer.status === 409) return answer;
    throw new Error(`the demo could not be made: ${method} ${where} answered ${answer.text}`);
  };
}
