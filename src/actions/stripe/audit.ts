// What an audit asks of Stripe: the prices of offered plans and the webhook endpoints. Bounded in calls and in time;
// only reads. An answer that does not come is null, never a fault of the configuration.
import type Stripe from 'stripe';
import { assertIs } from '../../adapters/stripe-answer.ts';
import { isMissing } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { AuditedPrice, AuditedWebhook, StripePrice } from '../../domain/audit/stripe.ts';

const callOptions = { timeout: 4_000, maxNetworkRetries: 0 };
const atOnce = 5;
const pricesMax = 100;
/** No further call begins later than this after the first. */
const askingMs = 8_000;
/** Stripe allows 16 in each mode. */
const endpointsMax = 100;

/** The first hundred prices are asked for, and no further one once a call has failed. */
export async function askPrices(
  ctx: Context,
  prices: Omit<AuditedPrice, 'stripes'>[],
): Promise<AuditedPrice[]> {
  const answers = new Map<string, StripePrice | 'gone' | null>();
  const until = Date.now() + askingMs;
  for (let at = 0; at < Math.min(prices.length, pricesMax); at += atOnce) {
    if ([...answers.values()].includes(null) || Date.now() > until) break;
    const some = prices.slice(at, Math.min(at + atOnce, pricesMax));
    await Promise.all(some.map(async ({ id }) => answers.set(id, await askPrice(ctx, id))));
  }
  return prices.map((price) => ({ ...price, stripes: answers.get(price.id) ?? null }));
}

async function askPrice(ctx: Context, id: string): Promise<StripePrice | 'gone' | null> {
  try {
    const price = await ctx.stripe.prices.retrieve(id, {}, callOptions);
    assertIs(price, 'price', id);
    return toPrice(price);
  } catch (error) {
    if (isMissing(error)) return 'gone';
    ctx.log.warn({ err: error, price: id }, 'audit: Stripe was not heard about a price');
    return null;
  }
}

function toPrice({ active, unit_amount, currency, recurring, product }: Stripe.Price): StripePrice {
  return {
    active,
    amount: unit_amount,
    currency,
    interval: recurring?.interval_count === 1 ? recurring.interval : null,
    product: typeof product === 'string' ? product : product.id,
  };
}

/** Null where Stripe did not answer, or where the key may not read endpoints. */
export async function askWebhookEndpoints(ctx: Context): Promise<AuditedWebhook['endpoints']> {
  try {
    const { data } = await ctx.stripe.webhookEndpoints.list({ limit: endpointsMax }, callOptions);
    return data.map(({ url, status, enabled_events }) => ({
      url,
      enabled: status === 'enabled',
      events: enabled_events,
    }));
  } catch (error) {
    ctx.log.warn({ err: error }, 'audit: Stripe was not heard about webhook endpoints');
    return null;
  }
}
