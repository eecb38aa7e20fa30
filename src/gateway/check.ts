// One check, from what was asked to an outcome: facts, decision, count. Writes no answer; what can be told from
// memory alone is told without waiting.
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import type { UsageJournal } from '../adapters/usage-journal.ts';
import type { Asked, RuleBook, Ruling } from '../domain/check.ts';
import { bareDeny, refusal, rulingOf } from '../domain/check.ts';
import type { DenialCode } from '../domain/denial.ts';
import type { Allow, Deny, Need, Plans, Verdict } from '../domain/entitlement.ts';
import { decideOn, decideUnidentified } from '../domain/entitlement.ts';
import type { LimitCheck } from '../domain/limit.ts';
import { exceededCode } from '../domain/limit.ts';
import { createCounter } from './counter.ts';
import type { Facts, Found, KeyEntry } from './facts.ts';
import { footingAt } from './kept-footing.ts';
import type { Credential } from './request.ts';

export type Outcome = {
  decisionId: string;
  verdict: Verdict;
  /** The limit that refused. */
  full: LimitCheck | null;
  /** All limits that apply, and units used and held of each, where they were counted. */
  limits: LimitCheck[];
  used: number[] | null;
  held: number[] | null;
  /** Machine time as of which the facts hold; degraded once they may be older than now. */
  asOf: number;
  isDegraded: boolean;
  plans: Plans | null;
};

export type Checker = ReturnType<typeof createChecker>;

export function createChecker(options: {
  facts: Facts;
  pool: pg.Pool;
  nowMs: () => number;
  countWithinMs: number;
  journal: Pick<UsageJournal, 'append'>;
  /** Told of every key that is decided for. */
  used: (entry: KeyEntry) => void;
  /** Told of a subscription whose news is overdue. */
  reread: (subscriptionId: string) => void;
}) {
  const { facts, nowMs } = options;
  const counter = createCounter(options.pool, nowMs, options.countWithinMs);

  function check(credential: Credential, asked: Asked): Outcome | Promise<Outcome> {
    const book = facts.ruleBook.current();
    if (book) return withRules(book, true, credential, asked);
    return facts.ruleBook
      .refreshed()
      .then((read) =>
        read ? withRules(read.book, read.isCurrent, credential, asked) : unverifiable(asked),
      );
  }

  function withRules(
    book: RuleBook,
    isCurrent: boolean,
    credential: Credential,
    asked: Asked,
  ): Outcome | Promise<Outcome> {
    if ('origin' in asked && asked.origin === 'ambiguous') return denied('path_ambiguous', asked);
    const policy = rulingOf(book, asked);
    if (!isCurrent && Date.now() - facts.asOf() > policy.maxStaleMs) return unverifiable(asked);
    if (policy.access === 'free' || policy.access === 'deny') {
      return outcome(decideUnidentified(policy, 'key_missing'), book.plans, facts.asOf());
    }
    const found = find(credential);
    if (found instanceof Promise) return found.then((late) => withFacts(book, policy, late));
    return withFacts(book, policy, found);
  }

  function find(credential: Credential): Found | 'missing' | Promise<Found> {
    switch (credential.kind) {
      case 'missing':
        return 'missing';
      case 'repeated':
        return 'unknown';
      case 'customer':
        return facts.findCustomer(credential.id);
      case 'key':
        return facts.findKey(credential.value);
    }
  }

  function withFacts(
    book: RuleBook,
    policy: Ruling,
    found: Found | 'missing',
  ): Outcome | Promise<Outcome> {
    const { plans } = book;
    if (found === 'unreachable') return outcome(unverified(policy), plans, facts.asOf());
    if (found === 'missing' || found === 'unknown') {
      const why = found === 'missing' ? 'key_missing' : 'key_invalid';
      return outcome(decideUnidentified(policy, why), plans, facts.asOf());
    }
    const { entry, asOf } = found;
    if (Date.now() - asOf > policy.maxStaleMs) return outcome(unverified(policy), plans, asOf);
    const customer = entry.customer.facts;
    options.used(entry);
    const now = nowMs();
    const footing = footingAt(entry.customer, book, now);
    const verdict = decideOn(footing, { customer, key: entry.key }, policy, now);
    const known = outcome(verdict, plans, asOf);
    if (!verdict.allowed) return known;
    if (verdict.rereadSubscription) options.reread(verdict.rereadSubscription);
    if (verdict.cost === 0 || verdict.limits.length === 0) return known;
    return count(book, policy, verdict, known);
  }

  async function count(
    book: RuleBook,
    policy: Ruling,
    verdict: Allow,
    known: Outcome,
  ): Promise<Outcome> {
    const { limits, cost, customerId } = verdict;
    try {
      const { failed, used, held } = await counter.count(customerId!, limits, cost);
      if (failed < 0) return { ...known, used, held };
      const full = limits[failed]!;
      return {
        ...known,
        verdict: refusal(exceededCode(full), verdict, book.plans),
        full,
        used,
        held,
      };
    } catch {
      return uncounted(policy, verdict, known);
    }
  }

  /** An open policy lets the call through once its units are on disk; what cannot be kept is not let through. */
  async function uncounted(policy: Ruling, verdict: Allow, known: Outcome): Promise<Outcome> {
    const closed = { ...known, verdict: unverified(policy), limits: [] };
    if (policy.whenDown === 'closed') return closed;
    return options.journal.append(verdict.customerId!, verdict.limits, verdict.cost).then(
      () => ({ ...known, isDegraded: true }),
      () => closed,
    );
  }

  function outcome(verdict: Verdict, plans: Plans | null, asOf: number): Outcome {
    const isDegraded = Date.now() - asOf > 1_000;
    const limits = verdict.allowed ? verdict.limits : [];
    const decisionId = nextDecisionId();
    return {
      decisionId,
      verdict,
      full: null,
      limits,
      used: null,
      held: null,
      asOf,
      isDegraded,
      plans,
    };
  }

  /** Before any fact is looked at. */
  function denied(code: DenialCode, asked: Asked): Outcome {
    const feature = 'feature' in asked ? asked.feature : null;
    return outcome(bareDeny(code, feature), null, facts.asOf());
  }

  return { check, denied, isReady: facts.ruleBook.isKnown, unverifiable };

  function unverifiable(asked: Asked): Outcome {
    return denied('unverifiable', asked);
  }
}

function unverified(policy: Need): Deny {
  return bareDeny('unverifiable', policy.feature);
}

const idAlphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const processPart = Array.from(randomBytes(10), (byte) => idAlphabet[byte & 31]).join('');
let decisions = 0;
let decisionsAt = '';
let decisionsMs = 0;

/** Sortable like all our ids, but from a counter: chance for every check would cost more than the decision. */
function nextDecisionId(): string {
  const now = Date.now();
  if (now !== decisionsMs) {
    decisionsMs = now;
    decisionsAt = base32(now, 10);
  }
  decisions = (decisions + 1) % 32 ** 6;
  return `dec_${decisionsAt}${processPart}${base32(decisions, 6)}`;
}

function base32(value: number, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) {
    text = idAlphabet[rest % 32]! + text;
  }
  return text;
}
