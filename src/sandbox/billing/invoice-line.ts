// What an invoice charges for: a period of each item, and to the second what a change in the
// middle of one gives back and takes (https://docs.stripe.com/billing/subscriptions/prorations).
import type { InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, type World } from '../world.ts';
import { afterPercentages } from './discount.ts';
import { forPeople, multiply, share } from './money.ts';

/** One line per item for its current period; a trial's lines cost nothing. */
export const periodLines = (
  world: World,
  subscription: { id: string; items: SubscriptionItem[] },
  isTrial: boolean,
): InvoiceLine[] =>
  subscription.items.map((item) => ({
    id: newId('il'),
    amount: isTrial ? 0 : itemAmount(world, item),
    description: describe(world, item, isTrial),
    period: { start: item.current_period_start, end: item.current_period_end },
    proration: false,
    price: item.price,
    quantity: item.quantity,
    subscription: subscription.id,
    subscriptionItem: item.id,
    invoiceItem: null,
    discountAmounts: [],
    ...(item._tax_rates === undefined ? {} : { taxRates: item._tax_rates }),
  }));

/** What an item costs for a whole period. */
export const itemAmount = (world: World, item: { price: string; quantity: number }): number =>
  multiply(world.store.need('price', item.price).unit_amount_decimal, item.quantity);

const describe = (world: World, item: SubscriptionItem, isTrial: boolean): string => {
  const price = world.store.need('price', item.price);
  const { name } = world.store.need('product', price.product);
  if (isTrial) return `Trial period for ${name}`;
  const unit = forPeople(multiply(price.unit_amount_decimal, 1), price.currency);
  return `${item.quantity} × ${name} (at ${unit} / ${price.recurring?.interval ?? 'once'})`;
};

/** The credits and charges of moving from the old items to the new ones at an instant. */
export const prorationItems = (
  world: World,
  subscription: Subscription,
  next: SubscriptionItem[],
  at: number,
  what: 'both' | 'credits',
): InvoiceItem[] => {
  const changed = (item: SubscriptionItem, others: SubscriptionItem[]): boolean =>
    !others.some(
      (other) =>
        other.id === item.id && other.price === item.price && other.quantity === item.quantity,
    );
  const credits = subscription.items.filter((item) => what === 'credits' || changed(item, next));
  const charges =
    what === 'credits' ? [] : next.filter((item) => changed(item, subscription.items));
  return [
    ...credits.map((item) => prorationItem(world, subscription, item, at, -1)),
    ...charges.map((item) => prorationItem(world, subscription, item, at, 1)),
  ];
};

const prorationItem = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
  sign: 1 | -1,
): InvoiceItem => {
  const whole = afterPercentages(world, itemAmount(world, item), subscription.discounts, at);
  const { current_period_start: start, current_period_end: end } = item;
  const from = Math.min(Math.max(at, start), end);
  const { name } = world.store.need('product', world.store.need('price', item.price).product);
  const day = new Date(from * 1000).toISOString().slice(0, 10);
  return {
    id: newId('ii'),
    object: 'invoiceitem',
    date: at,
    amount: sign * share(whole, end - from, end - start),
    currency: subscription.currency,
    customer: subscription.customer,
    description: `${sign < 0 ? 'Unused' : 'Remaining'} time on ${item.quantity} × ${name} after ${day}`,
    invoice: null,
    metadata: {},
    period: { start: from, end },
    proration: true,
    quantity: item.quantity,
    _subscription: subscription.id,
    _item: item.id,
    _price: item.price,
    ...(item._tax_rates === undefined ? {} : { _tax_rates: item._tax_rates }),
  };
};

export const lineOfItem = (item: InvoiceItem): InvoiceLine => ({
  id: newId('il'),
  amount: item.amount,
  description: item.description,
  period: item.period,
  proration: item.proration,
  price: item._price,
  quantity: item.quantity,
  subscription: item._subscription,
  subscriptionItem: item._item,
  invoiceItem: item.id,
  discountAmounts: [],
  metadata: item.metadata,
  discountable: item._discountable ?? true,
  ...(item._tax_rates === undefined ? {} : { taxRates: item._tax_rates }),
});

/** What waits for the subscription's next invoice: its prorations, and items of the customer alone. */
export const pendingItems = (world: World, subscription: string): InvoiceItem[] => {
  const { customer, currency } = world.store.need('subscription', subscription);
  return [...world.store.all('invoiceitem')].filter(
    (item) =>
      item.invoice === null &&
      (item._subscription === subscription ||
        (item._subscription === null && item.customer === customer && item.currency === currency)),
  );
};

/** What waits for an invoice of the customer alone. */
export const customerItems = (world: World, customer: string, currency: string): InvoiceItem[] =>
  [...world.store.all('invoiceitem')].filter(
    (item) =>
      item.invoice === null &&
      item._subscription === null &&
      item.customer === customer &&
      item.currency === currency,
  );
