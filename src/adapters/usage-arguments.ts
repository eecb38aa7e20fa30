// Requests to count as the arrays that the counting functions of PostgreSQL take: the distinct counters, and one
// entry per request and limit that points at them. Asks nothing of anybody.
import type { LimitCheck } from '../domain/limit.ts';

/** Of a limit, what counting needs. */
export type Counted = Pick<LimitCheck, 'counter' | 'window' | 'start' | 'max' | 'weight' | 'spend'>;
export type CountRequest = { customerId: string; limits: LimitCheck[]; units: number };

/** The counter of what overage has cost a customer; no feature and no pool can have this name. */
export const spendCounter = '$spend';

export type CountArguments = ReturnType<typeof countArguments>;

/** Entries are in the order of the requests and, within each, of its limits. */
export function countArguments(
  requests: { customerId: string; limits: (Counted & Partial<LimitCheck>)[]; units: number }[],
) {
  const places = new Map<string, number>();
  const row = {
    customer: [] as string[],
    feature: [] as string[],
    window: [] as string[],
    start: [] as string[],
  };
  const check = {
    request: [] as number[],
    row: [] as number[],
    max: [] as (number | null)[],
    units: [] as number[],
    weight: [] as number[],
  };
  const soft = {
    included: [] as (number | null)[],
    price: [] as (string | null)[],
    spendRow: [] as number[],
    spendMax: [] as (string | null)[],
  };
  let isSoft = false;

  function placeOf(customerId: string, feature: string, window: string, start: number): number {
    const id = `${customerId} ${feature} ${window} ${start}`;
    const known = places.get(id);
    if (known !== undefined) return known;
    const place = row.customer.push(customerId);
    places.set(id, place);
    row.feature.push(feature);
    row.window.push(window);
    row.start.push(new Date(start).toISOString());
    return place;
  }

  requests.forEach(({ customerId, limits, units }, index) => {
    for (const limit of limits) {
      const { spend } = limit;
      check.request.push(index + 1);
      check.row.push(placeOf(customerId, limit.counter, limit.window, limit.start));
      check.max.push(limit.ceiling ?? null);
      check.units.push(unitsOf(limit, units));
      check.weight.push(limit.weight);
      soft.included.push(spend && limit.max);
      soft.price.push(spend && spend.price);
      soft.spendRow.push(
        spend ? placeOf(customerId, spendCounter, 'billing_period', spend.start) : 0,
      );
      soft.spendMax.push(spend && spend.max);
      if (spend) isSoft = true;
    }
  });
  const none = { included: null, price: null, spendRow: null, spendMax: null };
  return { row, check, soft: isSoft ? soft : none };
}

/** What a call's units take of one limit; counting ends at 2^53-1. */
export function unitsOf({ weight }: Pick<LimitCheck, 'weight'>, units: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, units * weight);
}
