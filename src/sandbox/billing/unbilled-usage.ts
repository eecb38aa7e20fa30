// Flexible billing: usage of an item that is taken away in the middle of a period is still charged
// (https://docs.stripe.com/billing/subscriptions/billing-mode/compare, "Usage-based pricing").
import type { InvoiceItem } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { usageLines } from './invoice-line.ts';
import { isMetered } from './usage.ts';

/** Items for what was used of those that are no longer metered or no longer there. */
export const unbilledUsage = (
  world: World,
  subscription: Subscription,
  next: SubscriptionItem[],
  now: number,
): InvoiceItem[] => {
  if (!isFlexible(subscription)) return [];
  const counts = (item: SubscriptionItem | undefined): boolean =>
    item !== undefined && isMetered(world.store.need('price', item.price));
  return subscription.items
    .filter((item) => counts(item) && !counts(next.find((one) => one.id === item.id)))
    .flatMap((item) => usageLines(world, subscription, item))
    .filter((line) => line.amount > 0)
    .map((line) => ({
      id: newId('ii'),
      object: 'invoiceitem',
      date: nowOn(world, subscription.test_clock),
      amount: line.amount,
      currency: subscription.currency,
      customer: subscription.customer,
      description: line.description,
      invoice: null,
      metadata: {},
      period: { start: line.period.start, end: Math.max(line.period.start, now) },
      proration: false,
      quantity: line.quantity,
      _subscription: subscription.id,
      _item: line.subscriptionItem,
      _price: line.price,
      ...(line.discounts === undefined ? {} : { _discounts: line.discounts }),
      ...(line.taxRates === undefined ? {} : { _tax_rates: line.taxRates }),
    }));
};
