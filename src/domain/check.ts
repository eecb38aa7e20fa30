// One check as data: what was asked, by whom, under which rules, with how much used; and the same decision made of it
// without counting. Knows neither HTTP nor the cache that the facts came from.
import type { DenialCode } from './denial.ts';
import type { Allow, CustomerFacts, Deny, KeyFacts, Need, Plans, Verdict } from './entitlement.ts';
import { decide, decideUnidentified } from './entitlement.ts';
import type { LimitCheck } from './limit.ts';
import { exceededCode } from './limit.ts';
import type { ReadOrigin } from './origin.ts';
import type { Access, RoutePolicy, RouteTable } from './route-policy.ts';
import { matchRoute } from './route-policy.ts';

/** What the call asks for: an origin to match against the route policies, or a feature by name. */
export type Asked = { origin: ReadOrigin } | { feature: string; cost: number };

/** Route policies, settings and plans as of one instant. */
export type RuleBook = {
  table: RouteTable;
  defaultAccess: Exclude<Access, 'feature'>;
  defaultPlan: string | null;
  plans: Plans;
};

/** What a call needs, and what holds for it while something is down. */
export type Ruling = Need &
  Pick<RoutePolicy, 'whenDown' | 'maxStaleMs'> & {
    /** Of the route policy; null: none names the call. */
    id: string | null;
  };

/** What holds for a call that no policy names: nothing of its own to say. */
const unnamed = {
  id: null,
  feature: null,
  cost: 0,
  readOnly: false,
  whenDown: 'closed',
  maxStaleMs: 300_000,
} as const;

/** What the rules say of a call: its feature's, its route policy's, or the default's. */
export function rulingOf(book: RuleBook, asked: Asked): Ruling {
  if ('feature' in asked) return { ...unnamed, ...asked, access: 'feature' };
  const { origin } = asked;
  if (typeof origin !== 'object') return { ...unnamed, access: book.defaultAccess };
  const policy = matchRoute(book.table, origin);
  if (policy) return policy;
  // A CORS preflight carries no key (Fetch standard, "CORS-preflight request"): refusing it breaks browsers.
  const access: Access = origin.method === 'OPTIONS' ? 'free' : book.defaultAccess;
  return { ...unnamed, access };
}

/** Units of one counter in one window. */
export type Counted = { used: number; held: number };

/** What was counted before the call, by `counterName`; what is missing is 0. */
export type Usage = {
  counts: ReadonlyMap<string, Counted>;
  /** What overage has cost or may cost, in billionths of a minor unit, by the start of its billing period. */
  spent: ReadonlyMap<number, bigint>;
};

/** All that a check is decided from. */
export type Check = {
  asked: Asked;
  book: RuleBook;
  /** `missing`: no key was sent; `unknown`: none that exists. */
  who: 'missing' | 'unknown' | { customer: CustomerFacts; key: KeyFacts | null };
  usage: Usage;
  now: number;
};

/** The verdict, the limits that apply, and the one that refuses. */
export type Decided = { verdict: Verdict; limits: LimitCheck[]; full: LimitCheck | null };

export const noUsage: Usage = { counts: new Map(), spent: new Map() };

type Counter = Pick<LimitCheck, 'counter' | 'window' | 'start'>;

export function counterName({ counter, window, start }: Counter): string {
  return `${counter} ${window} ${start}`;
}

/** What the check would answer where PostgreSQL answers: the contract's order, the counting of `count_usage`. */
export function decideCheck(check: Check): Decided {
  const { asked, book, who, now } = check;
  if ('origin' in asked && asked.origin === 'ambiguous') return uncounted(bareDeny('path_ambiguous', null)); // prettier-ignore
  const need = rulingOf(book, asked);
  if (need.access === 'free' || need.access === 'deny' || typeof who === 'string') {
    const why = who === 'unknown' ? 'key_invalid' : 'key_missing';
    return uncounted(decideUnidentified(need, why));
  }
  const verdict = decide({ ...who, plans: book.plans, defaultPlan: book.defaultPlan }, need, now);
  if (!verdict.allowed || verdict.cost === 0) return uncounted(verdict);
  const { limits, cost } = verdict;
  const full = firstFull(limits, cost, check.usage);
  return full
    ? { verdict: refusal(exceededCode(full), verdict, book.plans), limits, full }
    : { verdict, limits, full };
}

function uncounted(verdict: Verdict): Decided {
  return { verdict, limits: verdict.allowed ? verdict.limits : [], full: null };
}

/** The first limit that has no room for the units: what the SQL function `count_usage` refuses by. */
export function firstFull(limits: LimitCheck[], units: number, usage: Usage): LimitCheck | null {
  let cost = 0n;
  for (const limit of limits) {
    const taken = takenOf(usage, limit);
    const wanted = Math.min(Number.MAX_SAFE_INTEGER, units * limit.weight);
    if (limit.ceiling !== null && taken + wanted > limit.ceiling) return limit;
    if (!limit.spend) continue;
    const own = overageCost(limit, taken, wanted);
    cost += own;
    const { max, start } = limit.spend;
    if (own > 0n && max !== null && (usage.spent.get(start) ?? 0n) + cost > BigInt(max)) return limit; // prettier-ignore
  }
  return null;
}

/**
 * What was counted before a call, from what a count answered after it: `taken` units of the call are in `used` (0: it
 * was refused). What overage cost is not told there: at least what these counts say, and all of it where it refused.
 */
export function usageBefore(
  { limits, full }: Pick<Decided, 'limits' | 'full'>,
  counted: { used: number[]; held: number[] },
  taken: number,
): Usage {
  const counts = new Map<string, Counted>();
  const spent = new Map<number, bigint>();
  limits.forEach((limit, index) => {
    const used = Math.max(0, counted.used[index]! - taken * limit.weight);
    const held = counted.held[index]!;
    counts.set(counterName(limit), { used, held });
    if (!limit.spend) return;
    const { start, max } = limit.spend;
    const known = spent.get(start) ?? 0n;
    const least = known + overageCost(limit, 0, used + held);
    const atCap = limit === full && max !== null ? BigInt(max) : 0n;
    spent.set(start, least > atCap ? least : atCap);
  });
  return { counts, spent };
}

/** Used and held: neither is free. */
export function takenOf({ counts }: Usage, limit: Counter): number {
  const count = counts.get(counterName(limit));
  return count ? count.used + count.held : 0;
}

/** What `units` beyond those `taken` cost, in billionths of a minor unit, rounded up. */
export function overageCost({ max, spend }: LimitCheck, taken: number, units: number): bigint {
  if (!spend) return 0n;
  const beyond = Math.max(0, taken + units - max) - Math.max(0, taken - max);
  const [whole = '0', fraction = ''] = spend.price.split('.');
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * BigInt(beyond) + scale - 1n) / scale;
}

/** A denial before or without a customer. */
export function bareDeny(code: DenialCode, feature: string | null): Deny {
  return { allowed: false, code, customerId: null, plan: null, feature, subscriptionId: null };
}

/** What was allowed but for a limit. */
export function refusal(code: DenialCode, verdict: Allow, plans: Plans): Deny {
  const plan = plans.byVersion.get(verdict.planVersionId ?? '') ?? null;
  return { ...bareDeny(code, verdict.feature), customerId: verdict.customerId, plan };
}
