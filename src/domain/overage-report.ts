// How much of what was counted is overage that is not on a charge yet, and which way a charge goes to Stripe. Facts
// in, amounts out; knows no row and calls nobody.
import { affordable, costAtMost } from './overage.ts';
import type { SoftLimit } from './overage.ts';
import type { WindowKind } from './plan.ts';
import { windowAt } from './window.ts';

/** A stretch of a subscription with one plan version in one billing period; `until` null while it holds. */
export type Term = {
  since: number;
  until: number | null;
  versionId: string;
  periodStart: number;
  periodEnd: number;
  isTrial: boolean;
  /** What was in progress at its end is accounted already. */
  closed: boolean;
  /** Counters of windows that were in progress, as they were when it began and when it ended. */
  countedBefore: Counter[];
  counted: Counter[];
};
export type Counter = { name: string; window: WindowKind; start: number; used: number };
export type Overage = { term: Term; limit: SoftLimit; windowStart: number; units: number };

/**
 * The units beyond each soft limit that no charge has yet. A window is accounted when it ends, with the limit of the
 * term in which it ends; one that is in progress when a term ends is accounted then too, as it stood at that instant,
 * so that leaving a plan leaves no overage behind. Units are overage where they stand beyond the limit and were used in
 * the term, as the check prices them. `terms` in the order of time.
 */
export function overageDue(facts: {
  terms: Term[];
  /** What a version sold in a window; an override that held in part of it counts for all of it. */
  limitsOf: (versionId: string, windowStart: number) => SoftLimit[];
  counters: Counter[];
  /** Units of a window that are on a charge of the term. */
  accounted: (term: Term, counter: Counter) => number;
  timezone: string;
  now: number;
}): { due: Overage[]; ended: { term: Term; counter: Counter }[] } {
  const { terms, counters, timezone, now } = facts;
  const due: Overage[] = [];
  const account = (term: Term, counter: Counter) => {
    const limit = facts
      .limitsOf(term.versionId, counter.start)
      .find(({ name, window }) => name === counter.name && window === counter.window);
    if (!limit) return;
    const before = term.countedBefore.find((one) => isSameWindow(one, counter))?.used ?? 0;
    const units = counter.used - Math.max(limit.max, before) - facts.accounted(term, counter);
    if (units > 0) due.push({ term, limit, windowStart: counter.start, units });
  };
  const isEnded = (counter: Counter) => (windowEnd(counter, terms, timezone) ?? Infinity) <= now;
  const over = counters.filter(isEnded);
  const ended: { term: Term; counter: Counter }[] = [];
  for (const term of terms) {
    for (const counter of over) {
      if (!endsIn(term, windowEnd(counter, terms, timezone)!)) continue;
      ended.push({ term, counter });
      account(term, counter);
    }
    for (const counter of cutAtEnd(term, now)) {
      const end = windowEnd(counter, terms, timezone);
      if (end !== null && end > term.until!) account(term, counter);
    }
  }
  return { due, ended };
}

/** When the billing period that began then is over, as far as is known: a change or an end may cut it short. */
function billingPeriodEnd(terms: Term[], periodStart: number): number | null {
  const last = terms.findLast((term) => term.periodStart === periodStart);
  if (!last) return null;
  return last.until === null ? last.periodEnd : Math.min(last.until, last.periodEnd);
}

/** When what a term has sold is to be billed: where a plan by the year follows, not only when that year is over. */
export function billedAt(terms: Term[], of: Pick<Term, 'periodStart' | 'periodEnd'>): number {
  return Math.min(of.periodEnd, billingPeriodEnd(terms, of.periodStart) ?? Infinity);
}

function windowEnd(counter: Counter, terms: Term[], timezone: string): number | null {
  if (counter.window === 'billing_period') return billingPeriodEnd(terms, counter.start);
  const any = { start: 0, end: 0 };
  return windowAt(counter.window, counter.start, timezone, any).end;
}

function isSameWindow(a: Counter, b: Counter): boolean {
  return a.name === b.name && a.window === b.window && a.start === b.start;
}

function endsIn({ since, until }: Term, end: number): boolean {
  return end > since && end <= (until ?? Infinity);
}

function cutAtEnd({ closed, until, counted, since }: Term, now: number): Counter[] {
  if (closed || until === null || until > now || until <= since) return [];
  return counted.filter(({ start }) => start < until);
}

/** How many units may be charged under a spend cap, of which `spent` minor units are gone; null: all. */
export function unitsWithinCap(
  charge: { units: number; unitAmountDecimal: string },
  cap: { max: bigint | null; spent: bigint },
): { units: number; cost: bigint } {
  const { unitAmountDecimal } = charge;
  const units =
    cap.max === null
      ? charge.units
      : affordable(charge.units, unitAmountDecimal, cap.max - cap.spent);
  return { units, cost: costAtMost(units, unitAmountDecimal) };
}

/** What Stripe has of the subscription, in milliseconds since 1970. */
export type Billing = {
  isOver: boolean;
  /** The metered item at the charge's price, where there is one. */
  item: { createdAt: number; periodStart: number; periodEnd: number } | null;
  /** When the next invoice of the subscription comes by itself. */
  nextInvoiceAt: number;
  /** The draft that bills the charge's period, where there is one. */
  draft: { id: string; finalizesAt: number | null } | null;
};
/** Where a charge goes; `until` is when the invoice that is to hold a metered one should have closed. */
export type Way =
  | { to: 'meter'; at: number; until: number }
  | { to: 'draft'; invoice: string }
  | { to: 'next' }
  | { to: 'own' };

const hourMs = 3_600_000;
/** Stripe counts meter events a while after it took them (docs, "Record usage for billing with the API"). */
const meteringTakesMs = 5 * 60_000;
const attachingTakesMs = 60_000;
/** Stripe takes meter events of the past 35 days. */
const meterPastMs = 34 * 24 * hourMs;
/** Who is invoiced once a year does not wait a year for a bill. */
const nextInvoiceWithinMs = 35 * 24 * hourMs;
/** A draft is one for an hour, or what the account's grace period says; then it is looked at. */
const looksAgainAfterMs = 10 * 60_000;
const draftLastsMs = 2 * hourMs;

/**
 * The instant a meter event of a period carries: the last whole second inside it. Whoever looks for what was billed
 * looks there too: a second earlier lies before an item that was added in the period's last second, and units that
 * are not found on their line would be charged once more.
 */
export function meteredAt({ periodEnd }: { periodEnd: number }): number {
  return Math.floor((periodEnd - 1) / 1000) * 1000;
}

/** A meter event while it still comes onto the period's own invoice; else an invoice item, on that invoice if it can. */
export function wayOf(charge: { periodEnd: number }, billing: Billing, now: number): Way {
  const { draft, item } = billing;
  const at = meteredAt(charge);
  const isCounted = item !== null && item.createdAt <= at && at > now - meterPastMs;
  if (isCounted && !billing.isOver && item.periodStart <= at && at < item.periodEnd) {
    return { to: 'meter', at, until: Math.max(item.periodEnd, now) + draftLastsMs };
  }
  const timeLeft = draft === null ? 0 : (draft.finalizesAt ?? Infinity) - now;
  if (draft && isCounted && timeLeft > meteringTakesMs) {
    const finalizesAt = draft.finalizesAt ?? now + draftLastsMs;
    return { to: 'meter', at, until: finalizesAt + looksAgainAfterMs };
  }
  if (draft && timeLeft > attachingTakesMs) return { to: 'draft', invoice: draft.id };
  const isSoon = billing.nextInvoiceAt - now <= nextInvoiceWithinMs;
  return { to: billing.isOver || !isSoon ? 'own' : 'next' };
}
