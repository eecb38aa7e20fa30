// What a customer stood on and what their key may do, told with the step of the ladder that held and the instant until
// which it stays so. Shows the footing that the decision made.
import type { Grade, SubscriptionFacts } from '../access.ts';
import { standing } from '../access.ts';
import type { Check } from '../check.ts';
import type { DenialCode } from '../denial.ts';
import { denials } from '../denial.ts';
import { stepsOf } from '../dunning.ts';
import type { CustomerFacts, Footing, KeyFacts } from '../entitlement.ts';
import { footingHoldsUntil } from '../footing.ts';
import type { LadderAccess, PlanFacts } from '../plan.ts';

export type LadderShown = {
  past_due_since: string;
  step: LadderAccess;
  after_hours: number;
  next_step: LadderAccess | null;
  next_at: string | null;
};

export type FootingShown = {
  by: 'subscription' | 'default_plan' | 'none';
  access: Grade | 'deny';
  code: DenialCode | null;
  plan: string | null;
  plan_version: number | null;
  subscription_id: string | null;
  status: string | null;
  ladder: LadderShown | null;
  period_start: string;
  period_end: string;
  /** Time alone changes nothing before; null: ever. */
  holds_until: string | null;
  sentence: string;
};

export type KeyShown = {
  id: string;
  scopes: string[];
  expires_at: string | null;
  revoked_at: string | null;
  sentence: string;
};

const hourMs = 3_600_000;

export function explainFooting(
  customer: CustomerFacts,
  footing: Footing,
  now: number,
): FootingShown {
  const { plan, subscription, period, code, grade } = footing;
  const by = code !== null ? 'none' : servedBy(footing, now);
  const until = footingHoldsUntil(customer, footing, now);
  const ladder = by === 'default_plan' || !plan ? null : ladderAt(subscription, plan, now);
  const shown: Omit<FootingShown, 'sentence'> = {
    by,
    access: grade ?? 'deny',
    code,
    plan: plan?.key ?? null,
    plan_version: plan?.version ?? null,
    subscription_id: subscription?.id ?? null,
    status: subscription?.status ?? null,
    ladder,
    period_start: instant(period.start),
    period_end: instant(period.end),
    holds_until: until === Infinity ? null : instant(until),
  };
  return { ...shown, sentence: tell(shown) };
}

/** A default plan serves beside a subscription that does not, and is then not that one's. */
function servedBy({ plan, subscription }: Footing, now: number): 'subscription' | 'default_plan' {
  if (!plan || subscription?.planVersionId !== plan.versionId) return 'default_plan';
  const isLive = standing(subscription, plan.ladder, now).kind === 'live';
  return isLive ? 'subscription' : 'default_plan';
}

function ladderAt(
  subscription: SubscriptionFacts | null,
  plan: PlanFacts,
  now: number,
): LadderShown | null {
  if (subscription?.status !== 'past_due' || subscription.pastDueSince === null) return null;
  const since = subscription.pastDueSince;
  const steps = stepsOf(plan.ladder);
  const at = steps.findLastIndex(({ afterHours }) => now >= since + afterHours * hourMs);
  const step = steps[Math.max(0, at)]!;
  const next = steps[at + 1];
  return {
    past_due_since: instant(since),
    step: step.access,
    after_hours: step.afterHours,
    next_step: next?.access ?? null,
    next_at: next ? instant(since + next.afterHours * hourMs) : null,
  };
}

function tell(shown: Omit<FootingShown, 'sentence'>): string {
  const { by, code, plan, plan_version, status, ladder } = shown;
  const version = `plan ${plan} version ${plan_version}`;
  const step = ladder ? `, on the step ${ladder.step} of its ladder since a payment is late` : '';
  if (by === 'default_plan') return `No subscription serves; the default ${version} does.`;
  if (by === 'subscription') return `The subscription (${status}) serves ${version}${step}.`;
  const title = denials[code!].title.toLowerCase();
  return status === null
    ? `Nothing serves: ${title}.`
    : `The subscription (${status}) does not serve${step}: ${title}.`;
}

export function explainKey(key: KeyFacts, now: number): KeyShown {
  const { id, scopes, expiresAt, revokedAt } = key;
  return {
    id,
    scopes,
    expires_at: expiresAt === null ? null : instant(expiresAt),
    revoked_at: revokedAt === null ? null : instant(revokedAt),
    sentence: `The key ${stateOf(key, now)}; its scopes are ${scopes.join(', ') || 'none'}.`,
  };
}

function stateOf({ expiresAt, revokedAt }: KeyFacts, now: number): string {
  if (revokedAt !== null) return 'was revoked';
  if (expiresAt === null) return 'is valid and does not expire';
  return now < expiresAt ? `is valid until ${instant(expiresAt)}` : 'has expired';
}

export function customerOf({ who }: Check): CustomerFacts | null {
  return typeof who === 'string' ? null : who.customer;
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
