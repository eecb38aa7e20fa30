// Explanations against the decision itself: whatever is said to flip an answer flips it, whatever is said to be the
// least is the least, and a denial without a flip says why. EXPLANATION_SEED repeats a run; EXPLANATION_RUNS makes it
// longer.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Check } from '../../src/domain/check.ts';
import { decideCheck, firstFull, rulingOf } from '../../src/domain/check.ts';
import { denials } from '../../src/domain/denial.ts';
import { decideOn, decideUnidentified } from '../../src/domain/entitlement.ts';
import { applyFlip } from '../../src/domain/explanation/apply.ts';
import type { Change, Flip } from '../../src/domain/explanation/change.ts';
import { changeKinds } from '../../src/domain/explanation/change.ts';
import { explain } from '../../src/domain/explanation/explanation.ts';
import { exceededCode } from '../../src/domain/limit.ts';
import { matchRoute } from '../../src/domain/route-policy.ts';
import { footingAt } from '../../src/gateway/kept-footing.ts';
import { anyCheck } from '../support/check-arbitrary.ts';

const seed = Number(process.env['EXPLANATION_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env['EXPLANATION_RUNS'] ?? 800);

const at = { asOf: 1_000, answeredAt: 1_007, isDegraded: false };

/** The answer as the gateway comes to it, step by step, from its own parts: the code, or null where it allows. */
function answerTo(check: Check): string | null {
  const { asked, book, who, now } = check;
  if ('origin' in asked && asked.origin === 'ambiguous') return 'path_ambiguous';
  const ruling = rulingOf(book, asked);
  const open = ruling.access === 'free' || ruling.access === 'deny';
  if (open || typeof who === 'string') {
    const verdict = decideUnidentified(ruling, who === 'unknown' ? 'key_invalid' : 'key_missing');
    return verdict.allowed ? null : verdict.code;
  }
  const footing = footingAt({ facts: who.customer, kept: null }, book, now);
  const verdict = decideOn(footing, who, ruling, now);
  if (!verdict.allowed) return verdict.code;
  const full = verdict.cost ? firstFull(verdict.limits, verdict.cost, check.usage) : null;
  return full && exceededCode(full);
}

/** The same change, a little less of it; null: it knows no more or less. */
function slightlyLess(change: Change): Change | null {
  switch (change.kind) {
    case 'wait':
      return { ...change, until: new Date(Date.parse(change.until) - 1).toISOString() };
    case 'use_units':
      return { ...change, units: change.units - 1 };
    case 'ask_fewer':
      return { ...change, units: change.units + 1 };
    case 'raise_key_cap':
      return { ...change, to: change.to - 1 };
    case 'raise_spend_cap':
      return change.to === null || change.to === 0 ? null : { ...change, to: change.to - 1 };
    case 'override':
      if (change.extra !== null) return { ...change, extra: change.extra - 1 };
      return change.limit ? { ...change, limit: change.limit - 1 } : null;
    default:
      return null;
  }
}

/** What each denial must be cured by at least once; its route's policy could cure most, too. */
const curesOf: Record<string, Change['kind'][]> = {
  key_missing: ['use_key', 'route_policy'],
  key_invalid: ['use_key', 'route_policy'],
  key_scope: ['add_scope', 'route_policy'],
  customer_blocked: ['unblock'],
  no_subscription: ['subscribe', 'upgrade'],
  payment_incomplete: ['pay', 'subscribe'],
  trial_ended: ['resume'],
  payment_past_due: ['pay', 'undo_refund', 'route_policy'],
  subscription_paused: ['resume'],
  subscription_canceled: ['subscribe'],
  feature_not_in_plan: ['upgrade', 'override'],
  quota_exhausted: ['wait', 'upgrade', 'override'],
  spend_cap_reached: ['raise_spend_cap', 'override'],
  rate_limited: ['wait', 'raise_key_cap', 'use_key', 'ask_fewer'],
  route_denied: ['route_policy'],
  unverifiable: ['reread'],
};

const flipTo = ({ allowed, code }: Flip) => (allowed ? null : code);

/** All that must hold of the explanation of one check. */
function examine(check: Check) {
  const told = explain(check, at);
  const answer = answerTo(check);
  expect(told.code).toBe(answer);
  expect(told.status).toBe(answer === null ? 200 : denials[told.code!].status);
  expect(JSON.parse(JSON.stringify(told))).toEqual(told);
  expect((told.flips.length === 0) === (told.no_flip !== null)).toBe(true);
  const isBounded = told.limits.some(({ takes, ceiling }) => takes > 0 && ceiling !== null);
  const uses = told.flips.some(({ changes }) => changes[0]!.kind === 'use_units');
  if (told.allowed) expect(uses).toBe(isBounded);
  // Where a route decides, another policy always would; else it is said what is in the way.
  if (told.no_flip) expect([undefined, 'feature']).toContain(told.policy?.source);
  for (const flip of told.flips) {
    expect(flip.allowed).toBe(!told.allowed);
    expect({ flip, gets: answerTo(applyFlip(check, flip)) }).toEqual({ flip, gets: flipTo(flip) });
    const less = flip.changes.length === 1 ? slightlyLess(flip.changes[0]!) : null;
    // An override moves several limits at once, of a soft one part could be bought, and two may meet at one limit (of a
    // pool and of a feature that draws on it): then it may be more than the least.
    const areFew = typeof check.who === 'string' || check.who.customer.overrides.length <= 1;
    const isOne = told.limits.length === 1 && told.limits[0]!.ceiling_source === 'max' && areFew;
    if (!less || (less.kind === 'override' && told.limits.length > 0 && !isOne)) continue;
    const gets = answerTo(applyFlip(check, { changes: [less] }));
    expect({ less, isFlipped: (gets === null) === flip.allowed }).toEqual({
      less,
      isFlipped: false,
    });
  }
  if ('origin' in check.asked && typeof check.asked.origin === 'object') {
    expect(told.policy?.id ?? null).toBe(matchRoute(check.book.table, check.asked.origin)?.id ?? null); // prettier-ignore
  }
  expect(told.limits.filter(({ refuses }) => refuses)).toHaveLength(
    decideCheck(check).full ? 1 : 0,
  );
  return told;
}

describe(`explanations, seed ${seed}`, () => {
  test('what is said to flip an answer flips it, and a little less does not', () => {
    fc.assert(
      fc.property(anyCheck, (check) => void examine(check)),
      { seed, numRuns, endOnFailure: false },
    );
  });

  test('a fixed run meets every kind of change, and every denial is cured by what cures it', () => {
    const kinds = new Set<string>();
    const curedBy: Record<string, Set<string>> = {};
    fc.assert(
      fc.property(anyCheck, (check) => {
        const told = examine(check);
        for (const { kind } of told.flips.flatMap(({ changes }) => changes)) kinds.add(kind);
        if (!told.code) return;
        const cures = (curedBy[told.code] ??= new Set());
        for (const { changes } of told.flips) cures.add(changes[0]!.kind);
      }),
      { seed: 7, numRuns: 2_000 },
    );
    expect([...kinds].sort()).toEqual([...changeKinds].sort());
    // Who is no gateway of ours is refused before there is anything to explain.
    const explained = Object.keys(denials).filter((code) => code !== 'gateway_unauthorized');
    expect(Object.keys(curedBy).sort()).toEqual(explained.sort());
    for (const [code, cures] of Object.entries(curesOf)) {
      expect([code, [...curedBy[code]!]]).toEqual([code, expect.arrayContaining(cures)]);
    }
  });
});
