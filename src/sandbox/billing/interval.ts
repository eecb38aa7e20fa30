// Which intervals may stand beside each other on one subscription
// (https://docs.stripe.com/billing/subscriptions/mixed-interval#interval-alignment).
import { invalid } from '../api/error.ts';
import type { Price, Recurring } from '../store/entity-catalog.ts';

export const isSameInterval = (a: Recurring, b: Recurring): boolean =>
  a.interval === b.interval && a.interval_count === b.interval_count;

const unitOf = { day: 'day', week: 'day', month: 'month', year: 'month' } as const;
const unitsIn = { day: 1, week: 7, month: 1, year: 12 } as const;
const lengthOf = (recurring: Recurring) => ({
  unit: unitOf[recurring.interval],
  count: unitsIn[recurring.interval] * recurring.interval_count,
});

const isMultiple = (long: Recurring, short: Recurring): boolean => {
  const [a, b] = [lengthOf(long), lengthOf(short)];
  return a.unit === b.unit ? a.count % b.count === 0 : b.unit === 'day' && b.count === 1;
};

/** Whether every interval is a multiple of the shortest. */
export const areAligned = (all: Recurring[]): boolean =>
  all.length === 0 || all.some((short) => all.every((long) => isMultiple(long, short)));

/** One currency for all of them; one interval in classic mode, multiples of the shortest otherwise. */
export const requireTogether = (prices: Price[], flexible: boolean): void => {
  const [first] = prices;
  const cycles = prices.map((price) => price.recurring!);
  const fits = flexible
    ? areAligned(cycles)
    : cycles.every((cycle) => isSameInterval(cycle, cycles[0]!));
  if (fits && prices.every((price) => price.currency === first!.currency)) return;
  throw invalid(
    flexible
      ? 'All prices on a subscription must have the same `currency`, and their intervals must be multiples of the shortest one.'
      : 'Currency and interval fields must match across all plans on this subscription.',
    { param: 'items' },
  );
};
