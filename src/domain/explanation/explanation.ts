// Why a check was answered as it was, as data: each part with a sentence for people, fit to be kept as JSON. Made after
// the answer from what it was decided from; decides nothing anew, and never holds a key.
import { hideKeys } from '../api-key.ts';
import type { Asked, Check, Decided, Ruling } from '../check.ts';
import { decideCheck, rulingOf } from '../check.ts';
import type { DenialCode } from '../denial.ts';
import { denials } from '../denial.ts';
import type { Verdict } from '../entitlement.ts';
import { footingOf } from '../entitlement.ts';
import type { Flip } from './change.ts';
import { findFlips, whyNoFlip } from './flip.ts';
import type { LimitShown } from './limit.ts';
import { explainLimits } from './limit.ts';
import type { BeatenPolicy, PolicyShown } from './policy.ts';
import { explainPolicy } from './policy.ts';
import type { Rule } from './rule.ts';
import { explainRule } from './rule.ts';
import type { FootingShown, KeyShown } from './standing.ts';
import { customerOf, explainFooting, explainKey } from './standing.ts';

/** `stripe_event` is the last of the subscription's that had been received; `change` what it or we made of it. */
export type StateSource = {
  stripe_subscription_id: string | null;
  stripe_event: { id: string; type: string; at: string } | null;
  change: { id: string; type: string; at: string } | null;
  sentence: string;
};

/** Snake case and RFC 3339 instants throughout: this is what leaves us. */
export type Explanation = {
  /** The whole in one line. */
  sentence: string;
  allowed: boolean;
  status: number;
  code: DenialCode | null;
  /** The rule of the check's order that decided. */
  rule: Rule;
  call: { method: string | null; path: string | null; feature: string | null; units: number };
  /** What said what the call needs; null: nothing was matched, since the path could be read in two ways. */
  policy: PolicyShown | null;
  /** Policies that describe the call too, the next best first. */
  beaten: BeatenPolicy[];
  key: KeyShown | null;
  customer_id: string | null;
  footing: FootingShown | null;
  /** What brought the subscription into that state, as its timeline tells it; filled in when the explanation is read. */
  state_source: StateSource | null;
  limits: LimitShown[];
  /** How old the facts were. */
  facts: { as_of: string; age_ms: number; degraded: boolean; sentence: string };
  /** What would have given the other answer, the least change first. */
  flips: Flip[];
  /** Set where there is none: why. */
  no_flip: string | null;
  /** Business time. */
  decided_at: string;
};

/** What the answer was, where it is known better than from the check: what was counted, and whether facts were at hand. */
export type Answered = {
  verdict: Verdict;
  /** Machine time as of which the facts held, and of the answer. */
  asOf: number;
  answeredAt: number;
  isDegraded: boolean;
};

/**
 * Explains an answer from what it was decided from; without `answered.verdict` agreeing with what these facts lead to
 * (PostgreSQL did not answer in time), it says so and promises no flip.
 */
export function explain(
  check: Check,
  answered: Omit<Answered, 'verdict'> & { verdict?: Verdict },
): Explanation {
  const dry = decideCheck(check);
  const { verdict = dry.verdict } = answered;
  const isReproduced = codeOf(verdict) === codeOf(dry.verdict);
  const decided: Decided = isReproduced ? dry : { verdict, limits: [], full: null };
  const { asked, book, now } = check;
  const { policy, beaten } = explainPolicy(book, asked);
  const need = policy && rulingOf(book, asked);
  const customer = verdict.customerId === null ? null : customerOf(check);
  const footing = customer && footingOf(customer, book.plans, book.defaultPlan, now);
  const rule = explainRule(decided, need, footing?.subscription ?? null, now);
  const flips = isReproduced ? findFlips(check, decided) : [];
  const code = codeOf(verdict);
  const status = code === null ? 200 : denials[code].status;
  return {
    sentence: `${status}${code === null ? '' : ` ${code}`}: ${rule.sentence}`,
    allowed: code === null,
    status,
    code,
    rule,
    call: callOf(asked, need),
    policy,
    beaten,
    key: typeof check.who !== 'string' && check.who.key ? explainKey(check.who.key, now) : null,
    customer_id: customer?.id ?? null,
    footing: footing && explainFooting(customer, footing, now),
    state_source: null,
    limits: explainLimits(check, decided, footing?.plan ?? null, need?.cost ?? 0),
    facts: explainAge(answered),
    flips,
    no_flip: whyNoFlip(check, { isReproduced, flips }),
    decided_at: new Date(now).toISOString(),
  };
}

/** What a customer is told of their own call: not what only the operator may see and do. */
export function forOwner(explanation: Explanation): Explanation {
  const flips = explanation.flips.filter(({ by }) => by !== 'operator');
  const no_flip =
    explanation.no_flip ?? (flips.length ? null : 'Only the operator of this API can change that.');
  return { ...explanation, beaten: [], flips, no_flip };
}

function codeOf(verdict: Verdict): DenialCode | null {
  return verdict.allowed ? null : verdict.code;
}

const pathLengthMax = 1_024;

function callOf(asked: Asked, need: Ruling | null): Explanation['call'] {
  const said = { feature: need?.feature ?? null, units: need?.cost ?? 0 };
  if ('feature' in asked || typeof asked.origin === 'string') return { method: null, path: null, ...said }; // prettier-ignore
  const { method, segments } = asked.origin;
  return { method, path: hideKeys(`/${segments.join('/')}`).slice(0, pathLengthMax), ...said };
}

function explainAge({ asOf, answeredAt, isDegraded }: Omit<Answered, 'verdict'>) {
  const age_ms = Math.max(0, answeredAt - asOf);
  const words = isDegraded ? ', since no news of changes was heard: they may have been older' : '';
  const sentence = `The facts were known to hold ${age_ms} ms before the answer${words}.`;
  return { as_of: new Date(asOf).toISOString(), age_ms, degraded: isDegraded, sentence };
}
