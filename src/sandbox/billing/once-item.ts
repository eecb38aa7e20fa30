// `add_invoice_items`: what is paid once beside a subscription, on the invoice that the same request
// makes, or on the next one (https://docs.stripe.com/api/subscriptions/create).
import { z } from 'zod';
import { invalid } from '../api/error.ts';
import { bool, clearable, count, metadata, text, timestamp } from '../api/params.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { discountsAsked } from './discount.ts';
import { addItem } from './invoice-item.ts';
import { onceData } from './price-inline.ts';
import { periodEnd } from './subscription-timer.ts';

const onceOf = (from: 'now' | 'phase_start') =>
  z
    .array(
      z.strictObject({
        discountable: bool.optional(),
        discounts: discountsAsked.optional(),
        metadata: metadata.optional(),
        period: z
          .strictObject({
            start: z.strictObject({
              type: z.enum(['max_item_period_start', from, 'timestamp']),
              timestamp: timestamp.optional(),
            }),
            end: z.strictObject({
              type: z.enum(['min_item_period_end', 'timestamp']),
              timestamp: timestamp.optional(),
            }),
          })
          .optional(),
        price: text.optional(),
        price_data: onceData.optional(),
        quantity: count.optional(),
        tax_rates: clearable(z.array(text).max(20)).optional(),
      }),
    )
    .max(20);
export const onceItems = onceOf('now');
/** Of a schedule's phase. */
export const phaseItems = onceOf('phase_start');
export type OnceItemAsked = z.output<typeof onceItems>[number];

/** Adds them; they wait for the subscription's next invoice, which may be made at once. */
export const addOnceItems = (
  world: World,
  subscription: Subscription,
  asked: OnceItemAsked[],
): void => {
  const customer = world.store.need('customer', subscription.customer);
  for (const [i, { price, period, ...one }] of asked.entries()) {
    if (price === undefined && one.price_data === undefined) {
      throw invalid('You must provide one of `price` or `price_data`.', {
        param: `add_invoice_items[${i}][price]`,
        code: 'parameter_missing',
      });
    }
    addItem(
      world,
      customer,
      {
        ...one,
        ...(price === undefined ? {} : { pricing: { price } }),
        ...(period === undefined ? {} : { period: instants(world, subscription, period) }),
      },
      { invoice: null, subscription: subscription.id, currency: subscription.currency },
    );
  }
};

const instants = (
  world: World,
  subscription: Subscription,
  { start, end }: NonNullable<OnceItemAsked['period']>,
): { start: number; end: number } => {
  const now = nowOn(world, subscription.test_clock);
  const starts = subscription.items.map((item) => item.current_period_start);
  return {
    start: start.type === 'max_item_period_start' ? Math.max(...starts) : (start.timestamp ?? now),
    end: end.type === 'timestamp' ? (end.timestamp ?? now) : periodEnd(subscription),
  };
};
