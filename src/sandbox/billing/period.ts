// Billing periods: boundaries counted from the anchor, so that 31 January comes back to the 31st
// after a short February (https://docs.stripe.com/billing/subscriptions/billing-cycle).
import type { Recurring } from '../store/entity-catalog.ts';

const daySeconds = 86_400;
export const hourSeconds = 3_600;
export const days = (count: number): number => count * daySeconds;

/** The boundary `n` intervals after the anchor; months clamp to their last day. */
export const boundary = (
  anchor: number,
  { interval, interval_count }: Recurring,
  n: number,
): number => {
  const steps = n * interval_count;
  if (interval === 'day') return anchor + steps * daySeconds;
  if (interval === 'week') return anchor + steps * 7 * daySeconds;
  return addMonths(anchor, interval === 'year' ? steps * 12 : steps);
};

/** The first boundary after an instant; never before the anchor itself. */
export const boundaryAfter = (anchor: number, recurring: Recurring, after: number): number => {
  if (after < anchor) return anchor;
  const long = boundary(anchor, recurring, 1) - anchor;
  let n = Math.max(0, Math.floor((after - anchor) / (long * 1.1)) - 1);
  while (boundary(anchor, recurring, n) <= after) n += 1;
  return boundary(anchor, recurring, n);
};

/** The natural interval an instant lies in, counted from the anchor both ways. */
export const cycleAt = (
  anchor: number,
  recurring: Recurring,
  at: number,
): { start: number; end: number } => {
  const length = boundary(anchor, recurring, 1) - anchor;
  let n = Math.floor((at - anchor) / length);
  while (boundary(anchor, recurring, n) > at) n -= 1;
  while (boundary(anchor, recurring, n + 1) <= at) n += 1;
  return { start: boundary(anchor, recurring, n), end: boundary(anchor, recurring, n + 1) };
};

const addMonths = (at: number, months: number): number => {
  const date = new Date(at * 1000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime() / 1000;
};
