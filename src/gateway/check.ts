// One check, from what was asked to an outcome: facts, decision, count. Writes no answer; what can be told from
// memory alone is told without waiting.
import type pg from 'pg';
import type { UsageJournal } from '../adapters/usage-journal.ts';
import type { Asked, Ruling } from '../domain/check.ts';
import { bareDeny, refusal, rulingOf } from '../domain/check.ts';
import type { DenialCode } from '../domain/denial.ts';
import type { Allow, Deny, Footing, Need, Verdict } from '../domain/entitlement.ts';
import { decideOn, decideUnidentified } from '../domain/entitlement.ts';
import type { LimitCheck } from '../domain/limit.ts';
import { exceededCode } from '../domain/limit.ts';
import { createCounter } from './counter.ts';
import { nextDecisionId } from './decision-id.ts';
import type { Facts, Found, KeyEntry } from './facts.ts';
import { footingAt } from './kept-footing.ts';
import type { Credential } from './request.ts';
import type { CurrentRules } from './rule-book.ts';

/** What a check was decided from, as far as it got: for whoever explains it later. */
export type Basis = {
  asked: Asked;
  book: CurrentRules | null;
  ruling: Ruling | null;
  entry: KeyEntry | null;
  footing: Footing | null;
  /** Business time. */
  now: number;
};

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
  basis: Basis;
};

/** A basis once the rules are known. */
type Ruled = Basis & { book: CurrentRules; ruling: Ruling };

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
    book: CurrentRules,
    isCurrent: boolean,
    credential: Credential,
    asked: Asked,
  ): Outcome | Promise<Outcome> {
    if ('origin' in asked && asked.origin === 'ambiguous')
      return denied('path_ambiguous', asked, book);
    const ruling = rulingOf(book, asked);
    if (!isCurrent && Date.now() - facts.asOf() > ruling.maxStaleMs)
      return unverifiable(asked, book);
    const basis = { asked, book, ruling, entry: null, footing: null, now: nowMs() };
    if (ruling.access === 'free' || ruling.access === 'deny') {
      return outcome(decideUnidentified(ruling, 'key_missing'), basis, facts.asOf());
    }
    const found = find(credential);
    if (found instanceof Promise) return found.then((late) => withFacts(basis, late));
    return withFacts(basis, found);
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

  /** `basis` is this check's own: what is found out goes into it. */
  function withFacts(basis: Ruled, found: Found | 'missing'): Outcome | Promise<Outcome> {
    const { book, ruling } = basis;
    if (found === 'unreachable') return outcome(unverified(ruling), basis, facts.asOf());
    if (found === 'missing' || found === 'unknown') {
      const why = found === 'missing' ? 'key_missing' : 'key_invalid';
      return outcome(decideUnidentified(ruling, why), basis, facts.asOf());
    }
    const { entry, asOf } = found;
    basis.entry = entry;
    if (Date.now() - asOf > ruling.maxStaleMs) return outcome(unverified(ruling), basis, asOf);
    const customer = entry.customer.facts;
    options.used(entry);
    const now = (basis.now = nowMs());
    const footing = (basis.footing = footingAt(entry.customer, book, now));
    const verdict = decideOn(footing, { customer, key: entry.key }, ruling, now);
    const known = outcome(verdict, basis, asOf);
    if (!verdict.allowed) return known;
    if (verdict.rereadSubscription) options.reread(verdict.rereadSubscription);
    if (verdict.cost === 0 || verdict.limits.length === 0) return known;
    return count(basis, verdict, known);
  }

  async function count(basis: Ruled, verdict: Allow, known: Outcome): Promise<Outcome> {
    const { limits, cost, customerId } = verdict;
    try {
      const { failed, used, held } = await counter.count(customerId!, limits, cost);
      if (failed < 0) return { ...known, used, held };
      const full = limits[failed]!;
      return {
        ...known,
        verdict: refusal(exceededCode(full), verdict, basis.book.plans),
        full,
        used,
        held,
      };
    } catch {
      return uncounted(basis.ruling, verdict, known);
    }
  }

  /** An open policy lets the call through once its units are on disk; what cannot be kept is not let through. */
  async function uncounted(ruling: Ruling, verdict: Allow, known: Outcome): Promise<Outcome> {
    const closed = { ...known, verdict: unverified(ruling), limits: [] };
    if (ruling.whenDown === 'closed') return closed;
    return options.journal.append(verdict.customerId!, verdict.limits, verdict.cost).then(
      () => ({ ...known, isDegraded: true }),
      () => closed,
    );
  }

  function outcome(verdict: Verdict, basis: Basis, asOf: number): Outcome {
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
      basis,
    };
  }

  /** Before any fact is looked at. */
  function denied(code: DenialCode, asked: Asked, book: CurrentRules | null = null): Outcome {
    const feature = 'feature' in asked ? asked.feature : null;
    const basis = { asked, book, ruling: null, entry: null, footing: null, now: nowMs() };
    return outcome(bareDeny(code, feature), basis, facts.asOf());
  }

  return { check, denied, isReady: facts.ruleBook.isKnown, unverifiable };

  function unverifiable(asked: Asked, book: CurrentRules | null = null): Outcome {
    return denied('unverifiable', asked, book);
  }
}

function unverified(policy: Need): Deny {
  return bareDeny('unverifiable', policy.feature);
}
