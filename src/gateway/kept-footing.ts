// What a customer stands on, kept with its facts until the next instant at which time could change it: one decision
// in a month instead of one per check. Never keeps a verdict; keys, policies and limits are looked at every time.
import type { RuleBook } from '../domain/check.ts';
import type { CustomerFacts, Footing } from '../domain/entitlement.ts';
import { footingOf } from '../domain/entitlement.ts';
import { footingHoldsUntil } from '../domain/footing.ts';

export type KeptFooting = { footing: Footing; book: RuleBook; from: number; until: number };

/** The footing at `now` by these rules; found again in `entry`, whose facts never change. */
export function footingAt(
  entry: { facts: CustomerFacts; kept: KeptFooting | null },
  book: RuleBook,
  now: number,
): Footing {
  const { kept } = entry;
  if (kept && kept.book === book && kept.from <= now && now < kept.until) return kept.footing;
  const footing = footingOf(entry.facts, book.plans, book.defaultPlan, now);
  const until = footingHoldsUntil(entry.facts, footing, now);
  entry.kept = { footing, book, from: now, until };
  return footing;
}
