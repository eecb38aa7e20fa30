// A subscription that began before it was made: what its elapsed time costs, in natural periods
// counted from that beginning (https://docs.stripe.com/billing/subscriptions/backdating). Keeps nothing.
import { invalid } from '../api/error.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { periodLines } from './invoice-line.ts';
import { share } from './money.ts';
import { boundary } from './period.ts';
import { isMetered } from './usage.ts';

const linesMax = 250;

type Stretch = { start: number; end: number; whole: number };

/** The natural periods from a beginning on, the last one cut at `until`. */
const stretches = (price: Price, start: number, until: number): Stretch[] => {
  const found: Stretch[] = [];
  for (let n = 0; ; n += 1) {
    const from = boundary(start, price.recurring!, n);
    if (from >= until) return found;
    if (found.length > linesMax) {
      throw invalid('Backdating is not supported when an invoice has more than 250 line items.', {
        param: 'backdate_start_date',
      });
    }
    const to = boundary(start, price.recurring!, n + 1);
    found.push({ start: from, end: Math.min(to, until), whole: to - from });
  }
};

/** Where the period begins that is open now: with an anchor ahead it began in the past. */
export const openSince = (price: Price, start: number, now: number, until: number): number =>
  stretches(price, start, until).findLast((one) => one.start <= now)?.start ?? now;

/**
 * What an item's time from `start` to `until` costs: flexible billing has a line for each natural
 * period, classic billing one line for all of it.
 */
export const backdatedLines = (
  world: World,
  row: Subscription,
  item: SubscriptionItem,
  { start, until }: { start: number; until: number },
): InvoiceLine[] => {
  const price = world.store.need('price', item.price);
  if (isMetered(price)) return [];
  const all = stretches(price, start, until).map((one) => partOf(world, row, item, one));
  if (isFlexible(row)) return all.flat();
  const [first = []] = all;
  return first.map((line, i) => ({
    ...line,
    amount: all.reduce((sum, lines) => sum + lines[i]!.amount, 0),
    period: { start, end: until },
    proration: true,
  }));
};

const partOf = (
  world: World,
  row: Subscription,
  item: SubscriptionItem,
  { start, end, whole }: Stretch,
): InvoiceLine[] => {
  const during = { ...item, current_period_start: start, current_period_end: end };
  return periodLines(world, { ...row, items: [during] }, false).map((line) => ({
    ...line,
    amount: share(line.amount, end - start, whole),
    proration: end - start < whole,
  }));
};
