// An outcome explained: from what it was decided from and what was counted then. Made after the answer, for what is
// kept alone; asks nobody.
import type { Check } from '../domain/check.ts';
import { noUsage, usageBefore } from '../domain/check.ts';
import type { Explanation } from '../domain/explanation/explanation.ts';
import { explain } from '../domain/explanation/explanation.ts';
import type { Outcome } from './check.ts';
import { decidedAtMs } from './decision-id.ts';

/** Null where no rules were known yet, or the gateway was not. */
export function explainOutcome(outcome: Outcome): Explanation | null {
  const { verdict, limits, full, used, held, asOf, isDegraded, decisionId, basis } = outcome;
  const { asked, book, entry, ruling, now } = basis;
  if (!book) return null;
  const taken = verdict.allowed ? (ruling?.cost ?? 0) : 0;
  const check: Check = {
    asked,
    book,
    who: entry ? { customer: entry.customer.facts, key: entry.key } : whoOf(outcome),
    usage: used && held ? usageBefore({ limits, full }, { used, held }, taken) : noUsage,
    now,
  };
  return explain(check, { verdict, asOf, isDegraded, answeredAt: decidedAtMs(decisionId) });
}

function whoOf({ verdict }: Outcome): 'missing' | 'unknown' {
  return verdict.allowed || verdict.code === 'key_missing' ? 'missing' : 'unknown';
}
