// What an invoice charges for: a period of each item, usage of one that is over, and what waited
// for the invoice. Prorations are made in proration.ts.
import type { Price } from '../store/entity-catalog.ts';
import type { DiscountPart, InvoiceItem, InvoiceLine } from '../store/entity-invoice.ts';
import type { BillingMode, SubscriptionItem, UsedStretch } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { holding } from './discount.ts';
import { forPeople, multiply } from './money.ts';
import { priceAmount, priceParts, type PricePart } from './price-amount.ts';
import { storedPrice } from './price-currency.ts';
import { isMetered, usageBetween } from './usage.ts';

type Billed = {
  id: string;
  customer: string;
  currency: string;
  items: SubscriptionItem[];
  billing_mode: BillingMode;
};

/**
 * One line per item for its current period; a trial's lines cost nothing. Usage is charged for the
 * period `before` it; flexible billing has no line for usage that cannot be there yet.
 */
export const periodLines = (
  world: World,
  subscription: Billed,
  isTrial: boolean,
  before: SubscriptionItem[] = [],
  wasTrial = false,
): InvoiceLine[] =>
  subscription.items.flatMap((row) => {
    const item = withHolding(world, row);
    const price = storedPrice(world, item.price, subscription.currency);
    const period = { start: item.current_period_start, end: item.current_period_end };
    const line = { subscription, item, price, isTrial, period };
    if (!isMetered(price)) return partLines(world, { ...line, quantity: item.quantity });
    const past = before.find((old) => old.id === item.id);
    if (past !== undefined) return usageLines(world, subscription, past, wasTrial);
    return isFlexible(subscription) ? [] : partLines(world, { ...line, quantity: 0 });
  });

/** What was used in an item's period, each stretch at the price that held then. */
export const usageLines = (
  world: World,
  subscription: Billed,
  item: SubscriptionItem,
  isTrial = false,
): InvoiceLine[] =>
  stretchesOf(item, subscription).flatMap((period) => {
    const price = storedPrice(world, period.price, subscription.currency);
    const quantity = usageBetween(world, subscription.customer, price, period);
    const charged = { subscription, item: withHolding(world, item), price, period };
    return partLines(world, { ...charged, quantity, isTrial });
  });

/** The item with those of its discounts that still hold. */
const withHolding = (world: World, item: SubscriptionItem): SubscriptionItem => {
  if (item._discounts === undefined) return item;
  const clock = world.store.get('subscription', item.subscription)?.test_clock ?? null;
  const held = holding(world, item._discounts, nowOn(world, clock));
  return { ...item, _discounts: held.map(({ id }) => id) };
};

/** Classic billing forgets what was used at a former price. */
const stretchesOf = (item: SubscriptionItem, subscription: Billed): UsedStretch[] => [
  ...(isFlexible(subscription) ? (item._used ?? []) : []),
  {
    price: item.price,
    start: item._since ?? item.current_period_start,
    end: item.current_period_end,
  },
];

type Charged = {
  subscription: Pick<Billed, 'id' | 'billing_mode'>;
  item: Pick<SubscriptionItem, 'id' | '_discounts' | '_tax_rates'>;
  price: Price;
  quantity: number;
  isTrial: boolean;
  period: { start: number; end: number };
};

/** The lines of one item: one, or with tiers one for each of them that is reached. */
export const partLines = (world: World, charged: Charged): InvoiceLine[] => {
  const { subscription, item, price, quantity, isTrial, period } = charged;
  const parts = isTrial ? [trialPart(price, quantity)] : priceParts(price, quantity);
  return parts.map((part) => ({
    id: newId('il'),
    amount: part.amount,
    description: isTrial
      ? trialWords(world, price, quantity, isFlexible(subscription))
      : describe(world, price, part),
    period: { start: period.start, end: period.end },
    proration: false,
    price: price.id,
    quantity: part.quantity,
    subscription: subscription.id,
    subscriptionItem: item.id,
    invoiceItem: null,
    discountAmounts: [],
    ...(part.tier === null ? {} : { unitAmountDecimal: part.unitAmountDecimal }),
    ...(item._discounts === undefined ? {} : { discounts: item._discounts }),
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

/** https://docs.stripe.com/billing/subscriptions/billing-mode/compare, "Trials". */
const trialWords = (world: World, price: Price, quantity: number, flexible: boolean): string => {
  const { name } = world.store.need('product', price.product);
  if (flexible) return `Free trial for ${quantity} × ${name}`;
  return isMetered(price) ? `${quantity} × ${name} (Free trial)` : `Trial period for ${name}`;
};

/** What an item costs for a whole period; usage is not known beforehand. */
export const itemAmount = (world: World, item: SubscriptionItem): number => {
  const currency = world.store.get('subscription', item.subscription)?.currency;
  const price = storedPrice(world, item.price, currency);
  return isMetered(price) ? 0 : priceAmount(price, item.quantity);
};

const describe = (world: World, price: Price, part: PricePart): string => {
  const { name } = world.store.need('product', price.product);
  const unit = forPeople(multiply(part.unitAmountDecimal, 1), price.currency);
  const tier = part.tier === null ? '' : `Tier ${part.tier} `;
  if (part.isFlat) return `${name} (${tier}flat fee, ${unit})`;
  return `${part.quantity} × ${name} (${tier}at ${unit} / ${price.recurring?.interval ?? 'once'})`;
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
  ...(item._discounts === undefined ? {} : { discounts: item._discounts }),
  ...(item._taken === undefined ? {} : { ownDiscounts: shownParts(item) }),
  ...(item._tax_rates === undefined ? {} : { taxRates: item._tax_rates }),
  ...(item._taxed === undefined ? {} : { taxed: item._taxed }),
  ...(item._credited === undefined ? {} : { credited: item._credited }),
});

/** Discounts inside an amount are named with nothing; itemized ones with what they take. */
const shownParts = (item: InvoiceItem): DiscountPart[] =>
  item._itemized === true
    ? (item._taken ?? [])
    : (item._taken ?? []).map(({ discount }) => ({ amount: 0, discount }));

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
