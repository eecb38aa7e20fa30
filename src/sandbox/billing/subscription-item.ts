// The items of a subscription: made, added, changed and taken away.
import { invalid } from '../api/error.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import type { Metadata } from '../store/entity.ts';
import type { Price } from '../store/entity-catalog.ts';
import { newId, nowOn, type World } from '../world.ts';
import { mergeMetadata } from '../api/params.ts';
import { redeem, type DiscountAsked } from './discount.ts';
import { withPrices, type PriceData } from './price-inline.ts';
import { taxRates } from './tax.ts';
import { recurringPrice } from './subscription-price.ts';

export type ItemAsked = {
  price?: string | undefined;
  quantity?: number | undefined;
  metadata?: Metadata | null | undefined;
  tax_rates?: string[] | null | undefined;
  discounts?: DiscountAsked[] | null | undefined;
  price_data?: PriceData | undefined;
  /** Its price was let in before: by Checkout or a schedule. */
  isKept?: boolean;
};
export type ItemChange = ItemAsked & { id?: string | undefined; deleted?: boolean | undefined };

export const newItem = (
  subscription: string,
  price: Price,
  asked: ItemAsked,
  period: { start: number; end: number },
): SubscriptionItem => ({
  id: newId('si', 14),
  object: 'subscription_item',
  created: period.start,
  current_period_start: period.start,
  current_period_end: period.end,
  livemode: false,
  metadata: asked.metadata ?? {},
  price: price.id,
  quantity: asked.quantity ?? 1,
  subscription,
  ...(asked.tax_rates == null ? {} : { _tax_rates: asked.tax_rates }),
});

/** The items after the changes asked for. */
export const nextItems = (
  world: World,
  subscription: Subscription,
  asked: ItemChange[],
): SubscriptionItem[] => {
  let items = subscription.items;
  for (const [i, ask] of withPrices(world, asked, 'items').entries()) {
    taxRates(world, ask.tax_rates ?? [], `items[${i}][tax_rates]`);
    if (ask.price !== undefined) recurringPrice(world, ask.price, `items[${i}][price]`, ask.isKept);
    const old = ask.id === undefined ? undefined : items.find((item) => item.id === ask.id);
    if (ask.id !== undefined && old === undefined) {
      throw invalid(`No such subscription_item: '${ask.id}'`, {
        param: `items[${i}][id]`,
        code: 'resource_missing',
      });
    }
    if (old === undefined) {
      items = [...items, addedItem(world, subscription, ask, i)];
    } else if (ask.deleted === true) {
      items = items.filter((item) => item !== old);
    } else {
      const next = {
        ...old,
        price: ask.price ?? old.price,
        quantity: ask.quantity ?? old.quantity,
        metadata: mergeMetadata(old.metadata, ask.metadata),
        ...(ask.tax_rates === undefined ? {} : { _tax_rates: ask.tax_rates ?? [] }),
        ...ownDiscounts(world, subscription, old.id, ask.discounts),
      };
      items = items.map((item) => (item === old ? next : item));
    }
  }
  if (items.length === 0)
    throw invalid('A subscription must have at least one active plan.', { param: 'items' });
  return items;
};

const addedItem = (
  world: World,
  subscription: Subscription,
  ask: ItemChange,
  i: number,
): SubscriptionItem => {
  const price = recurringPrice(world, ask.price, `items[${i}][price]`, ask.isKept);
  if (subscription.items.some((item) => item.price === price.id)) {
    throw invalid(`Cannot add multiple subscription items with the same plan: ${price.id}`, {
      param: `items[${i}][price]`,
    });
  }
  const [first] = subscription.items;
  const period = { start: first!.current_period_start, end: first!.current_period_end };
  const item = newItem(subscription.id, price, ask, period);
  return {
    ...item,
    created: nowOn(world, subscription.test_clock),
    ...ownDiscounts(world, subscription, item.id, ask.discounts),
  };
};

/** The discounts of an item alone, where any were asked for. */
export const ownDiscounts = (
  world: World,
  { id: subscription, customer, test_clock: clock }: Subscription,
  subscription_item: string,
  asked: DiscountAsked[] | null | undefined,
): { _discounts?: string[] } => {
  if (asked === undefined) return {};
  const holder = { customer, subscription, subscription_item };
  return { _discounts: redeem(world, asked ?? [], holder, nowOn(world, clock)) };
};
