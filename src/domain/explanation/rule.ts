// Which rule of the check's order decided, by name and in words. A table: a code that is not in it does not compile.
import type { Decided, Ruling } from '../check.ts';
import type { DenialCode } from '../denial.ts';
import type { Access } from '../route-policy.ts';

export type RuleName =
  | 'gateway' | 'path' | 'route_policy' | 'key' | 'key_scope' | 'customer' | 'subscription' | 'ladder'
  | 'feature' | 'limit' | 'spend_cap' | 'verification'; // prettier-ignore

export type Rule = { name: RuleName; sentence: string };

const denying: Record<DenialCode, Rule> = {
  gateway_unauthorized: {
    name: 'gateway',
    sentence: 'Only a gateway with a valid token is answered.',
  },
  path_ambiguous: {
    name: 'path',
    sentence:
      'A path that two servers could read differently is refused before anything is matched.',
  },
  route_denied: { name: 'route_policy', sentence: 'The route is closed to everybody.' },
  key_missing: { name: 'key', sentence: 'The route needs a key and none was sent.' },
  key_invalid: {
    name: 'key',
    sentence: 'The key sent is unknown, malformed, revoked or expired.',
  },
  key_scope: { name: 'key_scope', sentence: 'The scopes of the key do not cover what it calls.' },
  customer_blocked: { name: 'customer', sentence: 'The customer is blocked by the operator.' },
  no_subscription: {
    name: 'subscription',
    sentence: 'The route needs a subscription to a plan and the customer has none.',
  },
  payment_incomplete: {
    name: 'subscription',
    sentence: 'The first payment of the subscription is not complete.',
  },
  trial_ended: {
    name: 'subscription',
    sentence: 'The trial has ended and nothing was ever paid.',
  },
  payment_past_due: {
    name: 'ladder',
    sentence: 'A payment is late, and the ladder of the plan gives no access to this any more.',
  },
  subscription_paused: { name: 'subscription', sentence: 'The subscription is paused.' },
  subscription_canceled: { name: 'subscription', sentence: 'The subscription has ended.' },
  feature_not_in_plan: {
    name: 'feature',
    sentence: 'The plan that serves does not list the feature.',
  },
  quota_exhausted: {
    name: 'limit',
    sentence: 'A limit that a payment would lift has no room for the call.',
  },
  spend_cap_reached: {
    name: 'spend_cap',
    sentence: 'What overage costs would go beyond the spend cap of the customer.',
  },
  rate_limited: {
    name: 'limit',
    sentence: 'A limit that time lifts has no room for the call.',
  },
  unverifiable: {
    name: 'verification',
    sentence: 'Whether the call is covered could not be told.',
  },
};

const allowing: Record<Exclude<Access, 'deny'>, Rule> = {
  free: { name: 'route_policy', sentence: 'The route is free: nothing else is looked at.' },
  key: { name: 'key', sentence: 'The route needs a valid key and no more.' },
  subscription: { name: 'subscription', sentence: 'The route needs a subscription that serves.' },
  feature: { name: 'feature', sentence: 'The plan that serves lists the feature.' },
};

/** Words for states of a subscription in which the ladder has no say. */
const unlisted: Record<string, string> = {
  unpaid: 'Stripe has given up collecting: the subscription is unpaid.',
};

/** `status` is that of the subscription that decided; `need` null: nothing was matched. */
export function explainRule(
  { verdict, limits, full }: Decided,
  need: Ruling | null,
  subscription: { status: string; takenBackUntil: number | null } | null,
  now: number,
): Rule {
  if (!verdict.allowed) {
    const rule = denying[verdict.code];
    if (verdict.code !== 'payment_past_due' || !subscription) return rule;
    const sentence = wordsOfDebt(subscription, now) ?? rule.sentence;
    return sentence === rule.sentence ? rule : { name: 'subscription', sentence };
  }
  const rule = allowing[need && need.access !== 'deny' ? need.access : 'free'];
  if (limits.length === 0 || full || verdict.cost === 0) return rule;
  return { name: 'limit', sentence: `${rule.sentence} All of its limits have room.` };
}

function wordsOfDebt(
  { status, takenBackUntil }: { status: string; takenBackUntil: number | null },
  now: number,
): string | undefined {
  if (takenBackUntil !== null && now < takenBackUntil) {
    return 'What was paid for the period was given back or is disputed, and by setting that is not served.';
  }
  return unlisted[status];
}
