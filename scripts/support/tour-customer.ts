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

/** Stripe's test card that is always accepted. */
const goodCard = '4242424242424242';
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

/** As when a bank blocks a card: the next charge is declined, and nobody is told before. */
export async function breakCard(target: Target, customer: TourCustomer): Promise<void> {
  const card = 'pm_card_chargeCustomerFail';
  say(`  (at the sandbox, the card becomes ${card})\n`);
  const stripe = stripeOf(target);
  const method = await stripe.paymentMethods.attach(card, { customer: customer.stripeId });
  await stripe.customers.update(customer.stripeId, {
    invoice_settings: { default_payment_method: method.id },
  });
}

/** The customer asks for Stripe's page and sends its form with a new card, as a browser would. */
export async function putCardIn(target: Target, customer: TourCustomer): Promise<void> {
  const asked = await exchange(
    {
      method: 'POST',
      url: `${target.apiUrl}/payment-method-sessions`,
      token: customer.session,
      body: { return_url: 'https://example.com/account' },
    },
    { status: 201 },
  );
  const { url } = z.object({ url: z.url() }).parse(asked.body);
  say(`  (on that page, the customer enters card ${goodCard})\n`);
  const sent = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ number: goodCard }),
  });
  if (sent.status !== 303) throw new ScriptError(`the page answered ${sent.status}`);
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
