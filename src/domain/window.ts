// Which stretch of time a limit counts in: fixed windows in a customer's timezone, or the billing period.
// All are [start, end) in milliseconds since 1970. No clock, no counting.
import type { WindowKind } from './plan.ts';

export type Window = { start: number; end: number };

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** The window of `kind` that holds `now`. `period` is the billing period that holds `now`. */
export function windowAt(kind: WindowKind, now: number, timezone: string, period: Window): Window {
  switch (kind) {
    case 'billing_period':
      return period;
    case 'minute':
      return floorTo(now, minuteMs, 0);
    case 'hour':
      return floorTo(now, hourMs, zoneOffset(timezone, now));
    case 'day':
      return calendarWindow(now, timezone, 0, 1);
    case 'month':
      return calendarWindow(now, timezone, 1, 0);
  }
}

/** Whole seconds, rounded up: who waits them is not early. */
export function secondsUntil(end: number, now: number): number {
  return Math.max(1, Math.ceil((end - now) / 1000));
}

function floorTo(now: number, lengthMs: number, offset: number): Window {
  const start = Math.floor((now + offset) / lengthMs) * lengthMs - offset;
  return { start, end: start + lengthMs };
}

function calendarWindow(now: number, timezone: string, months: 0 | 1, days: 0 | 1): Window {
  const local = new Date(now + zoneOffset(timezone, now));
  const year = local.getUTCFullYear();
  const month = local.getUTCMonth();
  const day = months ? 1 : local.getUTCDate();
  return {
    start: zonedInstant(Date.UTC(year, month, day), timezone),
    end: zonedInstant(Date.UTC(year, month + months, day + days), timezone),
  };
}

/** The instant at which clocks in `timezone` show `localMs`; in a gap, the first instant after it. */
function zonedInstant(localMs: number, timezone: string): number {
  const early = zoneOffset(timezone, localMs - dayMs);
  const late = zoneOffset(timezone, localMs + dayMs);
  if (early === late) return localMs - early;
  // A change of offset is near. The larger offset gives the earlier instant: take it where it holds.
  for (const offset of [Math.max(early, late), Math.min(early, late)]) {
    if (zoneOffset(timezone, localMs - offset) === offset) return localMs - offset;
  }
  return localMs - Math.min(early, late);
}

/** Milliseconds by which `timezone` is ahead of UTC at `instant`. */
export function zoneOffset(timezone: string, instant: number): number {
  if (timezone === 'UTC') return 0;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatter(timezone).formatToParts(instant)) {
    if (type !== 'literal') parts[type] = Number(value);
  }
  const { year, month, day, hour, minute, second } = parts;
  const shown = Date.UTC(year!, month! - 1, day, hour, minute, second);
  return shown - Math.floor(instant / 1000) * 1000;
}

/** Formatters are slow to make and there are a few hundred zones at most. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timezone: string): Intl.DateTimeFormat {
  let known = formatters.get(timezone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timezone, known);
  }
  return known;
}

/** `anchor` and `count` months, clamped to the month's last day as Stripe does (31 Jan → 28 Feb → 31 Mar). */
export function addMonths(anchor: number, count: number): number {
  const date = new Date(anchor);
  const day = date.getUTCDate();
  const first = new Date(anchor);
  first.setUTCDate(1);
  first.setUTCMonth(first.getUTCMonth() + count);
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0));
  first.setUTCDate(Math.min(day, lastDay.getUTCDate()));
  return first.getTime();
}

/** The last period found per anchor: asked for on every check, and good for a month. Bounded, then begun anew. */
const lastPeriods = new Map<number, Window>();
const lastPeriodsMax = 100_000;

/** The monthly period, counted from `anchor`, that holds `now` (the first one before it). */
export function monthlyPeriodAt(anchor: number, now: number): Window {
  const last = lastPeriods.get(anchor);
  if (last && last.start <= now && now < last.end) return last;
  const period = findMonthlyPeriod(anchor, now);
  if (lastPeriods.size >= lastPeriodsMax) lastPeriods.clear();
  lastPeriods.set(anchor, period);
  return period;
}

function findMonthlyPeriod(anchor: number, now: number): Window {
  const from = new Date(anchor);
  const to = new Date(now);
  let months =
    (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth();
  if (addMonths(anchor, months) > now) months -= 1;
  months = Math.max(months, 0);
  return { start: addMonths(anchor, months), end: addMonths(anchor, months + 1) };
}

/** As `monthlyPeriodAt`, in instants: what a free subscription shows as its current period. */
export function monthlyPeriod(anchor: Date, now: Date): { start: Date; end: Date } {
  const period = monthlyPeriodAt(anchor.getTime(), now.getTime());
  return { start: new Date(period.start), end: new Date(period.end) };
}
