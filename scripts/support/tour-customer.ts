// The tour's own customer: made anew each time, so that the story always begins at its beginning.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { createStripe } from '../../src/adapters/stripe.ts';
import { call } from '../../src/local/call.ts';
import { payerWithCard } from '../../src/local/demo.ts';
import { exchange, say } from './exchange.ts';
import { ScriptError } from './target.ts';
import type { Target } from './target.ts';

export type TourCustomer = {
  key: string;
  /** A customer session's token. */
  session: string;
  stripeId: string;
  periodEnd: Date;
};

const withId = z.object({ id: z.string() });
const subscription = z.object({ status: z.literal('active'), current_period_end: z.coerce.date() });

/** The operator's part is done quietly, the customer's is shown. */
export async function subscribe(target: Target): Promise<TourCustomer> {
  const name = `tour-${randomBytes(4).toString('hex')}`;
  const customer = { external_id: name, name: 'Tour customer', email: `${name}@example.com` };
  const { id } = withId.parse(await operate(target, 'POST', '/customers', customer));
  const stripeId = await payerWithCard(stripeOf(target), { ...customer, id, card: 'pm_card_visa' });
  await operate(target, 'PATCH', `/customers/${id}`, { stripe_customer_id: stripeId });
  const opened = await operate(target, 'POST', `/customers/${id}/sessions`, {});
  const { token } = z.object({ token: z.string() }).parse(opened);
  const post = async (path: string, body: object) => {
    const request = { method: 'POST', url: target.apiUrl + path, token, body };
    return (await exchange(request, { status: 201 })).body;
  };
  const bought = subscription.parse(await post('/subscriptions', { plan: 'pro' }));
  const made = z.object({ key: z.string() }).parse(await post('/keys', { name: 'Tour key' }));
  return { key: made.key, session: token, stripeId, periodEnd: bought.current_period_end };
}

/** What the customer does on Stripe's page. */
export async function changeCard(
  target: Target,
  customer: TourCustomer,
  card: string,
): Promise<void> {
  say(`  (at Stripe, the card becomes ${card})\n`);
  const stripe = stripeOf(target);
  const method = await stripe.paymentMethods.attach(card, { customer: customer.stripeId });
  await stripe.customers.update(customer.stripeId, {
    invoice_settings: { default_payment_method: method.id },
  });
}

function stripeOf(target: Target) {
  return createStripe({
    stripeSecretKey: target.sandboxSecretKey,
    stripeApiBase: target.sandboxUrl,
  });
}

async function operate(
  target: Target,
  method: string,
  path: string,
  body: object,
): Promise<unknown> {
  const token = target.operatorToken;
  const answer = await call({ method, url: target.apiUrl + path, token, body });
  if (answer.status >= 300) throw new ScriptError(`${method} ${path} answered ${answer.text}`);
  return answer.body;
}
