// Tests of a configuration: a made-up caller, a call, and the answer it should get. Decided by the very code that decides
// calls, from the rules as they are written; needs no service and no database.
import type { SubscriptionFacts } from './access.ts';
import type { Asked, Check, Decided, RuleBook, Usage } from './check.ts';
import { counterName, decideCheck, noUsage, overageCost } from './check.ts';
import type { ConfiguredRules } from './configured-book.ts';
import type { DenialCode } from './denial.ts';
import { denials } from './denial.ts';
import type { CustomerFacts, KeyFacts } from './entitlement.ts';
import type { LimitCheck } from './limit.ts';
import { readOrigin } from './origin.ts';
import type { WindowKind } from './plan.ts';
import { matchRoute } from './route-policy.ts';

/** Instants and lengths in milliseconds. */
export type EntitlementTest = {
  name: string | null;
  asked: { call: string } | { feature: string; cost: number };
  plan: string | null;
  subscription: TestedSubscription;
  key: TestedKey;
  customer: { blocked: boolean; spendCap: number | null; timezone: string };
  overrides: { feature: string; limit: number | null; extra: number | null }[];
  /** Units used so far, by feature or pool: in every window, or by window. */
  used: Record<string, number | Partial<Record<WindowKind, number>>>;
  at: number;
  expected: Partial<Answer>;
};

export type TestedSubscription = {
  status: string;
  /** How long it has been in that status. */
  forMs: number;
  /** Collection is paused; what that does to access is a setting. */
  isPaused: boolean;
  /** It paused or ended when its trial did. */
  isAfterTrial: boolean;
};

export type TestedKey =
  | { kind: 'none' }
  | { kind: 'unknown' }
  | {
      kind: 'known';
      scopes: string[];
      caps: { feature: string; window: WindowKind; max: number; used: number }[];
      isExpired: boolean;
      isRevoked: boolean;
    };

/** `policy` as written in the configuration, "GET /reports"; null: none matches, the default access decides. */
export type Answer = {
  status: number;
  code: DenialCode | null;
  access: string | null;
  feature: string | null;
  plan: string | null;
  policy: string | null;
};

export type TestResult = {
  got: Answer;
  /** The members of the answer that are not as expected; none: passed. */
  wrong: (keyof Answer)[];
  /** What was decided from: to be explained. */
  check: Check;
};

const dayMs = 86_400_000;

/** Decides the call and compares. Plans and routes that the test names are known (`describeTestFaults`). */
export function runEntitlementTest(test: EntitlementTest, rules: ConfiguredRules): TestResult {
  const { book } = rules;
  const who = callerOf(test, rules);
  const bare: Check = { asked: askedOf(test), book, who, usage: noUsage, now: test.at };
  // Which counters a call takes is decided first: what was used is put into just these.
  const check = { ...bare, usage: usageOf(test, decideCheck(bare).limits) };
  const got = answerOf(check, decideCheck(check));
  const wrong = (Object.keys(test.expected) as (keyof Answer)[]).filter(
    (member) => got[member] !== test.expected[member],
  );
  return { got, wrong, check };
}

/** The name of the route policy that decides, as `Answer` has it; null where none does. */
export function decidingPolicy(book: RuleBook, asked: Asked): string | null {
  if ('feature' in asked || typeof asked.origin !== 'object') return null;
  return matchRoute(book.table, asked.origin)?.id ?? null;
}

/** `GET /v1/status?x=1`: a method and the target as a gateway would send it. */
export function askedOf({ asked }: Pick<EntitlementTest, 'asked'>): Asked {
  if ('feature' in asked) return asked;
  const space = asked.call.indexOf(' ');
  const [method, target] = [asked.call.slice(0, space), asked.call.slice(space + 1)];
  return { origin: readOrigin(method, target) };
}

function answerOf({ asked, book }: Check, { verdict }: Decided): Answer {
  const policy = decidingPolicy(book, asked);
  const { feature } = verdict;
  return verdict.allowed
    ? { status: 200, code: null, access: verdict.grade, feature, plan: verdict.plan, policy }
    : {
        status: denials[verdict.code].status,
        code: verdict.code,
        access: null,
        feature,
        plan: verdict.plan?.key ?? null,
        policy,
      };
}

function callerOf(test: EntitlementTest, rules: ConfiguredRules): Check['who'] {
  const { key } = test;
  if (key.kind === 'none') return 'missing';
  if (key.kind === 'unknown') return 'unknown';
  return { customer: customerOf(test, rules), key: keyOf(key, test.at) };
}

function keyOf(key: Extract<TestedKey, { kind: 'known' }>, at: number): KeyFacts {
  const { scopes, caps, isExpired, isRevoked } = key;
  return {
    id: 'key_tested',
    scopes,
    caps: caps.map(({ feature, window, max }) => ({ feature, window, max })),
    expiresAt: isExpired ? at : null,
    revokedAt: isRevoked ? at : null,
  };
}

function customerOf(test: EntitlementTest, rules: ConfiguredRules): CustomerFacts {
  const { customer, overrides, at } = test;
  return {
    id: 'cus_tested',
    ...customer,
    createdAt: at - 15 * dayMs,
    subscriptions:
      test.plan === null ? [] : [subscriptionOf(test.subscription, test.plan, rules, at)],
    overrides: overrides.map((override) => ({ ...override, expiresAt: null })),
  };
}

/** In the middle of a month's period, unless its state says otherwise. */
function subscriptionOf(
  { status, forMs, isPaused, isAfterTrial }: TestedSubscription,
  plan: string,
  { book, pauseDenies }: ConfiguredRules,
  at: number,
): SubscriptionFacts {
  const since = at - forMs;
  const [periodStart, periodEnd] = [at - 15 * dayMs, at + 15 * dayMs];
  const isOver = status === 'canceled' || status === 'incomplete_expired';
  return {
    id: 'sub_tested',
    planVersionId: plan,
    status,
    atStripe: book.plans.byKey.get(plan)?.price != null,
    anchor: null,
    periodStart,
    periodEnd,
    trialEnd: isAfterTrial ? since : status === 'trialing' ? periodEnd : null,
    cancelAt: null,
    endedAt: isOver ? since : null,
    pastDueSince: status === 'past_due' || status === 'unpaid' ? since : null,
    collectionPaused: isPaused && pauseDenies,
    pausedAtTrialEnd: status === 'paused' && isAfterTrial,
    everPaid: !isAfterTrial,
    takenBackUntil: null,
    startedAt: Math.min(since, periodStart),
    pending: null,
  };
}

function usageOf(test: EntitlementTest, limits: LimitCheck[]): Usage {
  const counts = new Map(
    limits.map((limit) => [counterName(limit), { used: usedOf(test, limit), held: 0 }]),
  );
  const spent = new Map<number, bigint>();
  for (const limit of limits) {
    if (!limit.spend) continue;
    const { start } = limit.spend;
    spent.set(start, (spent.get(start) ?? 0n) + overageCost(limit, 0, usedOf(test, limit)));
  }
  return { counts, spent };
}

function usedOf({ used, key }: EntitlementTest, { scope, feature, window }: LimitCheck): number {
  if (scope === 'key') {
    const caps = key.kind === 'known' ? key.caps : [];
    return caps.find((cap) => cap.feature === feature && cap.window === window)?.used ?? 0;
  }
  const given = Object.hasOwn(used, feature) ? used[feature] : undefined;
  return (typeof given === 'object' ? given[window] : given) ?? 0;
}
