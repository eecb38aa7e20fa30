// Usage on a draft: while the invoice of a period is not final, usage of that period may still be reported, and the
// invoice is brought up to date when it finalises
// (https://docs.stripe.com/billing/subscriptions/usage-based/configure-grace-period).
import type { Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { partLines } from './invoice-line.ts';
import { recalculated } from './invoice-total.ts';
import { storedPrice } from './price-currency.ts';
import { isMetered, usageBetween } from './usage.ts';

/** The draft with what its metered lines count by now; nothing is kept. */
export const withLatestUsage = (world: World, draft: Invoice): Invoice => {
  const subscription =
    draft._subscription === null ? undefined : world.store.get('subscription', draft._subscription);
  if (subscription === undefined) return draft;
  const isStale = (line: InvoiceLine): boolean => isUsage(world, draft, subscription, line);
  const seen = new Set<string>();
  const lines = draft._lines.flatMap((line) => {
    if (!isStale(line)) return [line];
    const stretch = `${line.subscriptionItem} ${line.price} ${line.period.start}`;
    if (seen.has(stretch)) return [];
    seen.add(stretch);
    return recounted(world, subscription, line);
  });
  if (seen.size === 0) return draft;
  return { ...draft, ...recalculated(world, { ...draft, _lines: lines }) };
};

/** Usage of a period that is over, and that was no trial. */
const isUsage = (
  world: World,
  draft: Invoice,
  subscription: Subscription,
  line: InvoiceLine,
): boolean =>
  line.subscriptionItem !== null &&
  line.invoiceItem === null &&
  line.price !== null &&
  isMetered(world.store.need('price', line.price)) &&
  line.period.end <= draft.period_end &&
  (subscription.trial_end === null || line.period.end > subscription.trial_end);

const recounted = (world: World, subscription: Subscription, line: InvoiceLine): InvoiceLine[] => {
  const price = storedPrice(world, line.price!, subscription.currency);
  const fresh = partLines(world, {
    subscription,
    item: {
      id: line.subscriptionItem!,
      ...(line.discounts === undefined ? {} : { _discounts: line.discounts }),
      ...(line.taxRates === undefined ? {} : { _tax_rates: line.taxRates }),
    },
    price,
    quantity: usageBetween(world, subscription.customer, price, line.period),
    isTrial: false,
    period: line.period,
  });
  return fresh.map((one, i) => (i === 0 ? { ...one, id: line.id } : one));
};
