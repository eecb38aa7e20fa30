// The decision: facts and `now` in, a verdict out. Denials are data with a reason. Reads no clock, waits for
// nothing, counts nothing: it names the limits that must still be counted.
import type { Grade, SubscriptionFacts } from './access.ts';
import { decisiveSubscription, standing } from './access.ts';
import type { KeyCap } from './api-key.ts';
import { mayCall } from './api-key.ts';
import type { DenialCode } from './denial.ts';
import { periodOf, withPendingChange } from './footing.ts';
import type { LimitCheck } from './limit.ts';
import { limitChecks } from './limit.ts';
import { withOverrides } from './override.ts';
import type { Override } from './override.ts';
import type { PlanFacts } from './plan.ts';
import type { Access } from './route-policy.ts';
import type { Window } from './window.ts';
import { monthlyPeriodAt } from './window.ts';

export type KeyFacts = {
  id: string;
  scopes: string[];
  expiresAt: number | null;
  revokedAt: number | null;
  caps: KeyCap[];
};

export type CustomerFacts = {
  id: string;
  blocked: boolean;
  timezone: string;
  /** Minor units that overage may cost in a billing period; null: no cap. */
  spendCap: number | null;
  createdAt: number;
  subscriptions: SubscriptionFacts[];
  overrides: Override[];
};

export type Plans = {
  byVersion: Map<string, PlanFacts>;
  /** The version a new subscriber gets. */
  byKey: Map<string, PlanFacts>;
};

/** What a call needs: a route policy, or a feature named in the path or body. */
export type Need = {
  access: Access;
  feature: string | null;
  cost: number;
  readOnly: boolean;
};

export type Allow = {
  allowed: true;
  customerId: string | null;
  plan: string | null;
  planVersionId: string | null;
  feature: string | null;
  grade: Grade;
  /** All limits of the feature; they are counted when `cost` is above 0. */
  limits: LimitCheck[];
  cost: number;
  /** Set where Stripe owes us news of this subscription: it should be read again. */
  rereadSubscription: string | null;
};

export type Deny = {
  allowed: false;
  code: DenialCode;
  customerId: string | null;
  plan: PlanFacts | null;
  feature: string | null;
  subscriptionId: string | null;
};

export type Verdict = Allow | Deny;

/** What a customer stands on at `now`: the plan that serves, or why none does. */
export type Footing = {
  plan: PlanFacts | null;
  subscription: SubscriptionFacts | null;
  period: Window;
  rereadSubscription: string | null;
} & ({ grade: Grade; code: null } | { grade: null; code: DenialCode });

/** Decides for a caller without a customer: nothing but a free or a closed route can be told. */
export function decideUnidentified(need: Need, why: 'key_missing' | 'key_invalid'): Verdict {
  if (need.access === 'free') return openRoute();
  return deny(need.access === 'deny' ? 'route_denied' : why, need);
}

/** Decides for a known customer; `key` null where the gateway named the customer itself. */
export function decide(
  facts: {
    customer: CustomerFacts;
    key: KeyFacts | null;
    plans: Plans;
    defaultPlan: string | null;
  },
  need: Need,
  now: number,
): Verdict {
  const { customer, plans, defaultPlan } = facts;
  return decideOn(footingOf(customer, plans, defaultPlan, now), facts, need, now);
}

/** The same for whoever knows what the customer stands on at `now`. */
export function decideOn(
  footing: Footing,
  { customer, key }: { customer: CustomerFacts; key: KeyFacts | null },
  need: Need,
  now: number,
): Verdict {
  if (need.access === 'free') return openRoute();
  if (need.access === 'deny') return deny('route_denied', need);
  if (key && !isUsable(key, now)) return deny('key_invalid', need);
  if (key && !mayCall(key.scopes, need.feature, need.access === 'key')) {
    return deny('key_scope', need, customer.id);
  }
  if (customer.blocked) return deny('customer_blocked', need, customer.id);
  if (need.access === 'key') return allow(customer, footing, need, []);
  if (footing.code !== null) return denyFooting(footing.code, need, customer, footing);
  if (footing.grade === 'read_only' && !need.readOnly) {
    return denyFooting('payment_past_due', need, customer, footing);
  }
  if (need.access === 'subscription') return allow(customer, footing, need, []);
  const limits = limitsOf(need.feature, customer, footing, now, key);
  return limits
    ? allow(customer, footing, need, limits)
    : denyFooting('feature_not_in_plan', need, customer, footing);
}

/** Which plan serves this customer at `now`, in which billing period, and how well. */
export function footingOf(
  customer: CustomerFacts,
  plans: Plans,
  defaultPlan: string | null,
  now: number,
): Footing {
  const decisive = decisiveSubscription(customer.subscriptions, now);
  const subscription = decisive && withPendingChange(decisive, plans, now);
  const plan =
    (subscription?.planVersionId && plans.byVersion.get(subscription.planVersionId)) || null;
  const period = periodOf(subscription, customer, now);
  const state = subscription ? standing(subscription, plan?.ladder ?? [], now) : null;
  if (state?.kind === 'live' && subscription && plan) {
    const rereadSubscription = state.overdueNews ? subscription.id : null;
    const granted = withOverrides(plan, customer.overrides, now);
    return { plan: granted, subscription, period, rereadSubscription, grade: state.grade, code: null }; // prettier-ignore
  }
  const base = { plan, subscription, period, rereadSubscription: null };
  if (state?.kind === 'unverifiable') return { ...base, grade: null, code: 'unverifiable' };
  const code = state?.kind === 'denied' ? state.code : 'no_subscription';
  const fallback = defaultPlan === null ? undefined : plans.byKey.get(defaultPlan);
  if (fallback && withoutLiveSubscription.has(code)) {
    const byAccount = monthlyPeriodAt(customer.createdAt, now);
    const granted = withOverrides(fallback, customer.overrides, now);
    return { ...base, plan: granted, period: byAccount, grade: 'full', code: null };
  }
  return { ...base, grade: null, code };
}

/** The feature's limits in the windows that hold now, what money cures first; null: not in the plan. */
export function limitsOf(
  feature: string | null,
  customer: CustomerFacts,
  footing: Footing,
  now: number,
  key: KeyFacts | null = null,
): LimitCheck[] | null {
  const granted = footing.plan?.features.find((candidate) => candidate.feature === feature);
  return granted
    ? limitChecks(granted, footing.plan!.pools, { customer, key, period: footing.period, now })
    : null;
}

function isUsable(key: KeyFacts, now: number): boolean {
  return key.revokedAt === null && (key.expiresAt === null || now < key.expiresAt);
}

/** `incomplete` never was live; past due, unpaid and paused ones are, and stay with what they owe. */
const withoutLiveSubscription = new Set<DenialCode>(['no_subscription', 'subscription_canceled', 'trial_ended', 'payment_incomplete']); // prettier-ignore

function openRoute(): Allow {
  return {
    allowed: true,
    customerId: null,
    plan: null,
    planVersionId: null,
    feature: null,
    grade: 'full',
    limits: [],
    cost: 0,
    rereadSubscription: null,
  };
}

function allow(customer: CustomerFacts, footing: Footing, need: Need, limits: LimitCheck[]): Allow {
  const plan = footing.code === null ? footing.plan : null;
  return {
    allowed: true,
    customerId: customer.id,
    plan: plan?.key ?? null,
    planVersionId: plan?.versionId ?? null,
    feature: need.feature,
    grade: footing.grade ?? 'full',
    limits,
    cost: need.cost,
    rereadSubscription: footing.rereadSubscription,
  };
}

function denyFooting(
  code: DenialCode,
  need: Need,
  customer: CustomerFacts,
  footing: Footing,
): Deny {
  const subscriptionId = footing.subscription?.id ?? null;
  return deny(code, need, customer.id, footing.plan, subscriptionId);
}

function deny(
  code: DenialCode,
  { feature }: Need,
  customerId: string | null = null,
  plan: PlanFacts | null = null,
  subscriptionId: string | null = null,
): Deny {
  return { allowed: false, code, customerId, plan, feature, subscriptionId };
}
