// What an invoice charges for: a period of each item, and to the second what a change in the
// middle of one gives back and takes (https://docs.stripe.com/billing/subscriptions/prorations).
import type { Price } from '../store/entity-catalog.ts';
import type { InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, type World } from '../world.ts';
import { afterPercentages } from './discount.ts';
import { forPeople, multiply, share } from './money.ts';
import { priceAmount, priceParts, type PricePart } from './price-amount.ts';
import { isMetered, usageOf } from './usage.ts';

/** One line per item for its current period; a trial's lines cost nothing. */
export const periodLines = (
  world: World,
  subscription: { id: string; customer: string; items: SubscriptionItem[] },
  isTrial: boolean,
  before: SubscriptionItem[] = [],
): InvoiceLine[] =>
  subscription.items.flatMap((item) => {
    const price = world.store.need('price', item.price);
    if (!isMetered(price)) {
      const quantity = item.quantity;
      return partLines(world, subscription.id, item, price, { quantity, isTrial, period: item });
    }
    const past = before.find((old) => old.id === item.id);
    const quantity = past === undefined ? 0 : usageOf(world, subscription.customer, price, past);
    return partLines(world, subscription.id, item, price, {
      quantity,
      isTrial: past === undefined,
      period: past ?? item,
    });
  });

type Charged = {
  quantity: number;
  isTrial: boolean;
  period: Pick<SubscriptionItem, 'current_period_start' | 'current_period_end'>;
};

/** The lines of one item: one, or with tiers one for each of them that is reached. */
const partLines = (
  world: World,
  subscription: string,
  item: SubscriptionItem,
  price: Price,
  { quantity, isTrial, period }: Charged,
): InvoiceLine[] => {
  const parts = isTrial ? [trialPart(price, quantity)] : priceParts(price, quantity);
  return parts.map((part) => ({
    id: newId('il'),
    amount: part.amount,
    description: describe(world, price, part, isTrial && !isMetered(price)),
    period: { start: period.current_period_start, end: period.current_period_end },
    proration: false,
    price: item.price,
    quantity: part.quantity,
    subscription,
    subscriptionItem: item.id,
    invoiceItem: null,
    discountAmounts: [],
    ...(part.tier === null ? {} : { unitAmountDecimal: part.unitAmountDecimal }),
    ...(item._tax_rates === undefined ? {} : { taxRates: item._tax_rates }),
  }));
};

const trialPart = (price: Price, quantity: number): PricePart => ({
  amount: 0,
  quantity,
  unitAmountDecimal: price.unit_amount_decimal ?? '0',
  tier: null,
  isFlat: false,
});

/** What an item costs for a whole period; usage is not known beforehand. */
export const itemAmount = (world: World, item: { price: string; quantity: number }): number => {
  const price = world.store.need('price', item.price);
  return isMetered(price) ? 0 : priceAmount(price, item.quantity);
};

const describe = (world: World, price: Price, part: PricePart, isTrial: boolean): string => {
  const { name } = world.store.need('product', price.product);
  if (isTrial) return `Trial period for ${name}`;
  const unit = forPeople(multiply(part.unitAmountDecimal, 1), price.currency);
  const tier = part.tier === null ? '' : `Tier ${part.tier} `;
  if (part.isFlat) return `${name} (${tier}flat fee, ${unit})`;
  return `${part.quantity} × ${name} (${tier}at ${unit} / ${price.recurring?.interval ?? 'once'})`;
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
  const isCounted = (item: SubscriptionItem): boolean =>
    isMetered(world.store.need('price', item.price));
  const credits = subscription.items.filter(
    (item) => (what === 'credits' || changed(item, next)) && !isCounted(item),
  );
  const charges =
    what === 'credits'
      ? []
      : next.filter((item) => changed(item, subscription.items) && !isCounted(item));
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
