// Which counters a unit of a feature is counted in, and how far each may go: the feature's own limits, those of the
// pool it draws on, and the caps of the key that is used. Counts nothing itself.
import type { KeyCap } from './api-key.ts';
import type { DenialCode } from './denial.ts';
import { ceilingOf, spendMax, spendPrice } from './overage.ts';
import type { Limit, PlanFacts, PlanFeature, Pool, WindowKind } from './plan.ts';
import type { Window } from './window.ts';
import { addMonths, windowAt } from './window.ts';

const monthMs = (365.25 / 12) * 86_400_000;

/** One limit in the window that holds now. */
export type LimitCheck = {
  /** The feature's name, or the pool's: what is limited. */
  feature: string;
  scope: 'feature' | 'pool' | 'key';
  /** The name it is counted under: a key's cap has a counter of its own. */
  counter: string;
  window: WindowKind;
  start: number;
  end: number;
  max: number;
  /** Max, and the overage that may be bought; null: counted, never denied. */
  ceiling: number | null;
  onExceed: Limit['on_exceed'];
  /** Units of this limit that one unit of the call takes. */
  weight: number;
  /** For limits with overage: what a unit costs, and the period and cap of the spending. */
  spend: Spend | null;
};

/** In billionths of a minor unit, as decimal strings: what they count goes beyond a safe integer. */
export type Spend = { price: string; max: string | null; start: number };

export type Situation = {
  customer: { timezone: string; spendCap: number | null };
  key: { id: string; caps: KeyCap[] } | null;
  /** The billing period that holds `now`. */
  period: Window;
  now: number;
};

/** All counters of a granted feature, what money cures first. */
export function limitChecks(
  granted: PlanFeature,
  pools: Pool[],
  situation: Situation,
): LimitCheck[] {
  if (isUnlimited(granted, situation)) return none;
  const own = { name: granted.feature, scope: 'feature' as const, weight: 1 };
  const checks = granted.limits.map((limit) => checkOf(limit, own, situation));
  const draw = granted.pool;
  const pool = draw && pools.find((candidate) => candidate.pool === draw.pool);
  if (draw && pool) checks.push(...poolChecks(pool, draw.cost, situation));
  const { key } = situation;
  for (const cap of key ? capChecks(key, situation) : []) {
    if (cap.feature === granted.feature) checks.push(cap);
    else if (draw && cap.feature === pool?.pool) checks.push({ ...cap, weight: draw.cost });
  }
  return checks.sort((a, b) => Number(a.onExceed === 'wait') - Number(b.onExceed === 'wait'));
}

const none: LimitCheck[] = [];

function isUnlimited(granted: PlanFeature, { key }: Situation): boolean {
  return granted.limits.length === 0 && !granted.pool && !key?.caps.length;
}

/** The limits of a pool for who draws `weight` units at a time. */
export function poolChecks(pool: Pool, weight: number, situation: Situation): LimitCheck[] {
  const shared = { name: pool.pool, scope: 'pool' as const, weight };
  return pool.limits.map((limit) => checkOf(limit, shared, situation));
}

/** The caps of a key. No plan lifts one: only time does. */
export function capChecks(
  key: { id: string; caps: KeyCap[] },
  { customer, period, now }: Situation,
): LimitCheck[] {
  return key.caps.map((cap) => ({
    feature: cap.feature,
    scope: 'key',
    counter: `${key.id}/${cap.feature}`,
    window: cap.window,
    ...windowAt(cap.window, now, customer.timezone, period),
    max: cap.max,
    ceiling: cap.max,
    onExceed: 'wait',
    weight: 1,
    spend: null,
  }));
}

/** All counters that units of a feature are counted in, also where no plan grants it or nothing limits it. */
export function countedIn(
  feature: string,
  plan: Pick<PlanFacts, 'features' | 'pools'> | null,
  situation: Situation,
): LimitCheck[] {
  const granted = plan?.features.find((candidate) => candidate.feature === feature);
  const limits = granted ? limitChecks(granted, plan!.pools, situation) : [];
  return limits.length ? limits : unlimitedChecks(feature, situation);
}

/** Where units are counted though nothing limits them, so that they can be seen. */
export function unlimitedChecks(feature: string, situation: Situation): LimitCheck[] {
  const own = { name: feature, scope: 'feature' as const, weight: 1 };
  const open = { max: 0, on_exceed: 'wait', overage: null } as const;
  return (['month', 'billing_period'] as const).map((window) => ({
    ...checkOf({ ...open, window }, own, situation),
    ceiling: null,
  }));
}

/** Why a full limit denies: what money cures is 402, what time cures 429. */
export function exceededCode(limit: LimitCheck): DenialCode {
  if (limit.onExceed === 'wait') return 'rate_limited';
  return limit.spend ? 'spend_cap_reached' : 'quota_exhausted';
}

/**
 * The period that holds `at`, which may be an earlier one than `current`. `countedFrom` is the latest start, not after
 * `at`, of a period that something was counted in: it beats what can only be calculated.
 */
export function periodHolding(current: Window, at: number, countedFrom: number | null): Window {
  let { start, end } = current;
  const months = Math.max(1, Math.round((end - start) / monthMs));
  while (at < start) [start, end] = [addMonths(start, -months), start];
  return at < current.start && countedFrom !== null && countedFrom > start
    ? { start: countedFrom, end }
    : { start, end };
}

function checkOf(
  limit: Limit,
  of: { name: string; scope: 'feature' | 'pool'; weight: number },
  { customer, period, now }: Situation,
): LimitCheck {
  const { overage } = limit;
  return {
    feature: of.name,
    scope: of.scope,
    counter: of.name,
    window: limit.window,
    ...windowAt(limit.window, now, customer.timezone, period),
    max: limit.max,
    ceiling: ceilingOf(limit, customer.spendCap),
    onExceed: limit.on_exceed,
    weight: of.weight,
    spend: overage && {
      price: spendPrice(overage.unit_amount_decimal),
      max: spendMax(customer.spendCap),
      start: period.start,
    },
  };
}
