// To the second, what a change in the middle of a period gives back and takes
// (https://docs.stripe.com/billing/subscriptions/prorations). Classic billing gives back what the
// item would cost now, flexible billing what was charged for it. Keeps nothing.
import type { Credited, DiscountPart, InvoiceItem } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible, isItemized } from './billing-mode.ts';
import { debitsOf, type Debit } from './debit.ts';
import { applyDiscounts, holding } from './discount.ts';
import { itemAmount } from './invoice-line.ts';
import { share } from './money.ts';
import { cycleAt } from './period.ts';
import { isMetered } from './usage.ts';

export type ProrationAsked = {
  /** The items after the change, with their discounts after it. */
  next: SubscriptionItem[];
  discounts: string[];
  at: number;
  /** A new cycle is charged by the invoice itself: only what is old is given back. */
  what: 'both' | 'credits';
};

/** The credits and charges of moving from the old items to the new ones at an instant. */
export const prorationItems = (
  world: World,
  subscription: Subscription,
  asked: ProrationAsked,
): InvoiceItem[] => {
  const debits = debitsOf(world, subscription.id);
  const licensed = (item: SubscriptionItem): boolean =>
    !isMetered(world.store.need('price', item.price));
  const credits = subscription.items.filter(licensed).flatMap((item) => {
    const from = creditedFrom(item, asked);
    const own = debits.filter((debit) => debit.item === item.id);
    if (from === null) return [];
    return isFlexible(subscription)
      ? own.flatMap((debit) => flexibleCredit(world, subscription, item, debit, from))
      : classicCredit(world, subscription, item, own, from);
  });
  const charges =
    asked.what === 'credits'
      ? []
      : asked.next.filter(licensed).flatMap((item) => {
          const from = chargedFrom(subscription, item, asked.at, debits);
          return from === null ? [] : [charge(world, subscription, item, asked, from)];
        });
  return [...credits, ...charges];
};

const isSame = (a: SubscriptionItem, b: SubscriptionItem): boolean =>
  a.id === b.id && a.price === b.price && a.quantity === b.quantity;

/** From when on the old item is given back: from now, or from an end that came nearer. */
const creditedFrom = (item: SubscriptionItem, asked: ProrationAsked): number | null => {
  const kept = asked.next.find((other) => isSame(other, item));
  if (kept === undefined || asked.what === 'credits') {
    return Math.min(Math.max(asked.at, item.current_period_start), item.current_period_end);
  }
  return kept.current_period_end < item.current_period_end ? kept.current_period_end : null;
};

/** From when on the new item is charged: from now, or where a later end was not charged yet. */
const chargedFrom = (
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
  debits: Debit[],
): number | null => {
  const kept = subscription.items.find((other) => isSame(other, item));
  if (kept === undefined) return at;
  if (item.current_period_end <= kept.current_period_end) return null;
  const own = debits.filter((debit) => debit.item === item.id);
  const charged = Math.max(kept.current_period_end, ...own.map((debit) => debit.until));
  return charged < item.current_period_end ? charged : null;
};

/** What of a debit's time is left comes back at what was charged, with the taxes of then. */
const flexibleCredit = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  debit: Debit,
  at: number,
): InvoiceItem[] => {
  const from = Math.max(at, debit.period.start);
  if (from >= debit.until) return [];
  const part = (amount: number): number =>
    -share(amount, debit.until - from, debit.period.end - debit.period.start);
  return [
    invoiceItem(world, subscription, item, {
      words: 'Unused',
      amounts: proportion(debit, part),
      period: { start: from, end: debit.until },
      more: {
        _price: debit.price,
        quantity: debit.quantity,
        _credited: debit.source,
        ...(debit.rates === null ? {} : { _taxed: debit.rates }),
      },
    }),
  ];
};

/** The item's worth as it is now, less the discounts last used, for the time that is left. */
const classicCredit = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  debits: Debit[],
  from: number,
): InvoiceItem[] => {
  const last = debits.at(-1);
  const used = new Set(last?.discounts.map(({ discount }) => discount) ?? subscription.discounts);
  const gross = itemAmount(world, item);
  const [priced] = applyDiscounts(
    world,
    [{ amount: gross, discountAmounts: [] as DiscountPart[] }],
    [...used].map((id) => world.store.need('discount', id)),
  );
  const until = item.current_period_end;
  const whole = wholeOf(world, subscription, item, from);
  const credited: Credited | undefined = last?.source;
  return [
    invoiceItem(world, subscription, item, {
      words: 'Unused',
      amounts: proportion(
        { gross, discounts: priced!.discountAmounts },
        (amount) => -share(amount, until - from, whole),
      ),
      period: { start: from, end: until },
      more: credited === undefined ? {} : { _credited: credited },
    }),
  ];
};

const charge = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  asked: ProrationAsked,
  from: number,
): InvoiceItem => {
  const whole = wholeOf(world, subscription, item, from);
  const until = item.current_period_end;
  return invoiceItem(world, subscription, item, {
    words: 'Remaining',
    amounts: proportion(worthOf(world, subscription, item, asked), (amount) =>
      share(amount, until - from, whole),
    ),
    period: { start: from, end: until },
    more: {},
  });
};

type Worth = { gross: number; discounts: DiscountPart[] };

/**
 * What an item costs for a whole period and what discounts take off it: its share of them by its
 * amount, in classic mode all of each.
 */
const worthOf = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  { next, discounts }: ProrationAsked,
): Worth => {
  const now = nowOn(world, subscription.test_clock);
  const beside = isFlexible(subscription) ? next : [item];
  const lines = beside.map((one) => ({
    id: one.id,
    amount: itemAmount(world, one),
    discountAmounts: [] as DiscountPart[],
    discounts: holding(world, one._discounts ?? [], now).map(({ id }) => id),
  }));
  const priced = applyDiscounts(world, lines, holding(world, discounts, now));
  const own = priced.find((line) => line.id === item.id)!;
  return { gross: own.amount, discounts: own.discountAmounts };
};

/** The part of an amount and of each discount on it; `net` is rounded by itself. */
const proportion = ({ gross, discounts }: Worth, part: (amount: number) => number) => ({
  gross: part(gross),
  net: part(gross - discounts.reduce((sum, { amount }) => sum + amount, 0)),
  taken: discounts.map(({ amount, discount }) => ({ amount: part(amount), discount })),
});

/** The length of the natural interval: a first period up to an anchor is only a part of one. */
const wholeOf = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  at: number,
): number => {
  const { recurring } = world.store.need('price', item.price);
  const cycle = cycleAt(subscription.billing_cycle_anchor, recurring!, at);
  return cycle.end - cycle.start;
};

const invoiceItem = (
  world: World,
  subscription: Subscription,
  item: SubscriptionItem,
  about: {
    words: 'Unused' | 'Remaining';
    amounts: { gross: number; net: number; taken: DiscountPart[] };
    period: { start: number; end: number };
    more: Partial<InvoiceItem>;
  },
): InvoiceItem => {
  const { gross, net, taken } = about.amounts;
  const itemized = isItemized(subscription);
  const quantity = about.more.quantity ?? item.quantity;
  const price = world.store.need('price', about.more._price ?? item.price);
  const { name } = world.store.need('product', price.product);
  const since = new Date(about.period.start * 1000).toISOString().slice(0, 10);
  return {
    id: newId('ii'),
    object: 'invoiceitem',
    date: nowOn(world, subscription.test_clock),
    amount: itemized ? gross : net,
    currency: subscription.currency,
    customer: subscription.customer,
    description: `${about.words} time on ${quantity} × ${name} after ${since}`,
    invoice: null,
    metadata: {},
    period: about.period,
    proration: true,
    quantity,
    _subscription: subscription.id,
    _item: item.id,
    _price: item.price,
    ...(taken.length === 0 ? {} : { _taken: taken, _itemized: itemized }),
    ...(item._tax_rates === undefined ? {} : { _tax_rates: item._tax_rates }),
    ...about.more,
  };
};
