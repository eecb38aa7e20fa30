// What another configuration would do to those who are there: before and after by the very code that decides calls, for
// each group of customers that stands alike. Pure; hands over now and then, since it may be much.
import { isOver } from '../access.ts';
import type { RuleBook } from '../check.ts';
import type { ConfigurationChange } from './change.ts';
import { denials } from '../denial.ts';
import { decideOn, decideUnidentified, footingOf } from '../entitlement.ts';
import type { Allow, CustomerFacts, Footing, Need, Verdict } from '../entitlement.ts';
import { questionsOf } from './question.ts';
import type { Question } from './question.ts';
import { isTighter } from './tighter.ts';
import type { RoutePolicy } from '../route-policy.ts';

/** Customers that stand alike, and one of them as the check knows it: under what runs, and under what would. */
export type Group = {
  customers: number;
  ids: string[];
  past_due: boolean;
  paused: boolean;
  disputed: boolean;
  refunded: boolean;
  before: CustomerFacts;
  after: CustomerFacts;
};

export type Rules = RuleBook & { policies: RoutePolicy[] };

/** A group with what it stands on. */
export type Standing = Group & {
  footing: { before: Footing; after: Footing };
  /** Whether the same call may be decided otherwise for them though its route policy stays. */
  isMoved: boolean;
};

/** Groups that get another answer to the calls that a changed line decides. */
export type Turn = {
  change: ConfigurationChange;
  from: string;
  to: string;
  /** Null: callers without a key. */
  groups: Set<Standing> | null;
};

export type Loss = {
  plan: string | null;
  plan_version: number | null;
  status: number;
  code: string;
  calls: Set<string>;
  groups: Set<Standing>;
};

/** Passes before and after, but may find a limit full by what has been used. */
export type Tight = { question: Question; allowed: Allow };

export type Impact = {
  standings: Standing[];
  turns: Map<string, Turn>;
  losses: Map<string, Loss>;
  tight: Tight[];
  isComplete: boolean;
};

export const lossesMax = 200;
const callsNamedMax = 20;

export function* weighConfiguration(
  { groups, before, after, changes }: {
    groups: Group[];
    before: Rules;
    after: Rules;
    changes: ConfigurationChange[];
  },
  now: number,
): Generator<undefined, Impact> {
  const { questions, isComplete } = yield* questionsOf(before, after, changes);
  const impact: Impact = {
    standings: groups.map((group) => standingOf(group, before, after, now)),
    turns: new Map(),
    losses: new Map(),
    tight: [],
    isComplete,
  };
  for (const question of questions) {
    yield;
    if (!question.isSame) noteTurn(impact.turns, question, unidentified(question), null);
    for (const standing of impact.standings) weighOne(impact, question, standing, now);
  }
  return impact;
} // prettier-ignore

function weighOne(impact: Impact, question: Question, standing: Standing, now: number): void {
  if (question.isSame && !standing.isMoved) return;
  const verdicts = decideBoth(question, standing, now);
  noteTurn(impact.turns, question, verdicts, standing);
  if (isPaying(standing)) noteLoss(impact.losses, question, verdicts, standing);
  const { before, after } = verdicts;
  if (after.allowed && isTighter(before, after)) impact.tight.push({ question, allowed: after });
}

/** Whether it is not a subscription that serves them: then the default plan does, or nothing. */
export function isWithoutSubscription({ subscription }: Footing, now: number): boolean {
  return !subscription || subscription.status === 'incomplete' || isOver(subscription, now);
}

/** What the group stands on, before and after. */
export function standingOf(group: Group, before: Rules, after: Rules, now: number): Standing {
  const footing = {
    before: footingOf(group.before, before.plans, before.defaultPlan, now),
    after: footingOf(group.after, after.plans, after.defaultPlan, now),
  };
  const isMoved = essence(footing.before) !== essence(footing.after);
  return { ...group, footing, isMoved };
}

function essence({ plan, grade, code }: Footing): string {
  return JSON.stringify([plan?.versionId, grade, code]);
}

type Verdicts = { before: Verdict; after: Verdict };

function decideBoth({ before, after }: Question, standing: Standing, now: number): Verdicts {
  const decideFor = (when: 'before' | 'after', need: Need) =>
    decideOn(standing.footing[when], { customer: standing[when], key: null }, need, now);
  return { before: decideFor('before', before), after: decideFor('after', after) };
}

function unidentified({ before, after }: Question): Verdicts {
  return {
    before: decideUnidentified(before, 'key_missing'),
    after: decideUnidentified(after, 'key_missing'),
  };
}

/** `200`, or status and code. */
function say(verdict: Verdict): string {
  return verdict.allowed ? '200' : `${denials[verdict.code].status} ${verdict.code}`;
}

/** Notes another answer, with the lines that bring it about. */
export function noteTurn(
  turns: Map<string, Turn>,
  question: Question,
  verdicts: Verdicts,
  standing: Standing | null,
): void {
  const { index } = question;
  const [from, to] = [say(verdicts.before), say(verdicts.after)];
  if (from === to) return;
  for (const change of linesOf(question, standing)) {
    const key = JSON.stringify([index.get(change), from, to, standing === null]);
    const turn = turns.get(key) ?? { change, from, to, groups: standing && new Set() };
    if (standing) turn.groups?.add(standing);
    turns.set(key, turn);
  }
}

/** Where no route policy is another it is the default plan, or its version. */
function linesOf({ changes, index }: Question, standing: Standing | null): ConfigurationChange[] {
  if (changes.size > 0 || !standing) return [...changes];
  const { before, after } = standing.footing;
  const isOther = before.plan?.key !== after.plan?.key;
  if (!isOther && before.plan?.versionId === after.plan?.versionId) return [];
  const [kind, line] = isOther ? ['setting', 'default_plan'] : ['plan', after.plan?.key];
  return [...index.keys()].filter(({ object, name }) => object === kind && name === line);
}

/** Access that passes, and would be no more. */
export function noteLoss(
  losses: Map<string, Loss>,
  { name }: Question,
  { before, after }: Verdicts,
  standing: Standing,
): void {
  const { plan } = standing.footing.before;
  if (!before.allowed || after.allowed) return;
  const { code } = after;
  const key = JSON.stringify([plan?.versionId, code]);
  const loss = losses.get(key) ?? {
    plan: plan?.key ?? null,
    plan_version: plan?.version ?? null,
    status: denials[code].status,
    code,
    calls: new Set(),
    groups: new Set(),
  };
  if (loss.calls.size < callsNamedMax) loss.calls.add(name);
  loss.groups.add(standing);
  losses.set(key, loss);
}

/** Served by a subscription whose plan has a price: a trial that will be paid for counts. */
export function isPaying({ footing: { before } }: Standing): boolean {
  return before.code === null && before.subscription !== null && before.plan?.price !== null;
}
