// Whom another configuration would deny for what they have used already: a limit that is lower than that, a call that
// costs more, or counts where it did not. Decided for single customers, since no two have used the same. Pure.
import { decideCheck } from '../check.ts';
import type { Usage } from '../check.ts';
import { isPaying, noteLoss, noteTurn } from './impact.ts';
import type { Impact, Rules, Standing, Tight } from './impact.ts';
import type { Question } from './question.ts';
import { denials } from '../denial.ts';
import type { CustomerFacts, Verdict } from '../entitlement.ts';

/** Who has used more of a counter than `above` may be denied; less is never. */
export type Threshold = { counter: string; window: string; above: number };
export type User = { customer: CustomerFacts; usage: Usage; standing: Standing };

/** The least that must have been used of each counter to be denied. */
export function thresholdsOf(tight: Tight[]): Threshold[] {
  const least = new Map<string, Threshold>();
  for (const { allowed } of tight) {
    for (const { counter, window, ceiling, weight } of allowed.limits) {
      if (ceiling === null) continue;
      const key = `${counter} ${window}`;
      const above = ceiling - allowed.cost * weight;
      const known = least.get(key);
      if (!known || above < known.above) least.set(key, { counter, window, above });
    }
  }
  return [...least.values()];
}

/** Adds to the impact whom money alone would cure; a limit that time cures takes nothing away. */
export function* weighUsage(
  impact: Impact,
  users: User[],
  { before, after }: { before: Rules; after: Rules },
  now: number,
): Generator<undefined, void> {
  const questions = new Set(impact.tight.map(({ question }) => question));
  for (const user of users) {
    yield;
    for (const question of questions) noteUse(impact, question, user, decideFor(before, after, question, user, now)); // prettier-ignore
  }
}

function decideFor(before: Rules, after: Rules, question: Question, user: User, now: number) {
  const { customer, usage } = user;
  const check = { asked: question.asked, who: { customer, key: null }, usage, now };
  return {
    before: decideCheck({ ...check, book: before }).verdict,
    after: decideCheck({ ...check, book: after }).verdict,
  };
}

function noteUse(
  impact: Impact,
  question: Question,
  { standing }: User,
  verdicts: { before: Verdict; after: Verdict },
): void {
  const { before, after } = verdicts;
  if (!before.allowed || after.allowed || denials[after.code].status !== 402) return;
  noteTurn(impact.turns, question, verdicts, standing);
  if (isPaying(standing)) noteLoss(impact.losses, question, verdicts, standing);
}
