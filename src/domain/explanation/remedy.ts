// What might turn a denial around: for each code the changes worth trying, the least first. Promises nothing: what a
// change really does is asked of the decision itself.
import { decisiveSubscription, isOver } from '../access.ts';
import type { Check, Decided } from '../check.ts';
import { overageCost, rulingOf, takenOf } from '../check.ts';
import type { DenialCode } from '../denial.ts';
import { footingOf } from '../entitlement.ts';
import type { Change } from './change.ts';
import { amountOf } from './policy.ts';
import { customerOf } from './standing.ts';
import type { LimitCheck } from '../limit.ts';
import { describeOffer, offersWith } from '../offer.ts';
import { holds } from '../override.ts';

type Remedy = (check: Check, decided: Decided) => Change[];

const all =
  (...remedies: Remedy[]): Remedy =>
  (check, decided) =>
    remedies.flatMap((remedy) => remedy(check, decided));
const just =
  (...changes: Change[]): Remedy =>
  () =>
    changes;

const pay: Change = { kind: 'pay', sentence: 'pay what is owed' };
const resume: Change = { kind: 'resume', sentence: 'resume the subscription' };
const reread: Change = {
  kind: 'reread',
  sentence: 'have Stripe tell that the subscription is active and goes on',
};
const undoRefund: Change = {
  kind: 'undo_refund',
  sentence: 'win the dispute or be paid again, or serve such periods by setting',
};
const otherKey: Change = {
  kind: 'use_key',
  customer: 'same',
  plan: null,
  sentence: 'use another key of the customer, without caps',
};

/** Its first remedy is what most would do; each is tried. */
const remedies: Record<DenialCode, Remedy> = {
  gateway_unauthorized: just(),
  path_ambiguous: just(),
  route_denied: just(),
  key_missing: all(otherCustomersKey),
  key_invalid: all(someKey),
  key_scope: all(addScope),
  customer_blocked: all(just({ kind: 'unblock', sentence: 'unblock the customer' })),
  no_subscription: all(takePlan),
  payment_incomplete: all(just(pay), takePlan),
  trial_ended: all(resumePaused, takePlan),
  payment_past_due: all(payWhatIsDue),
  subscription_paused: all(just(resume)),
  subscription_canceled: all(takePlan),
  feature_not_in_plan: all(takePlan, grant),
  quota_exhausted: all(limitRemedies),
  spend_cap_reached: all(raiseSpendCap, limitRemedies),
  rate_limited: all(limitRemedies),
  unverifiable: all(just(reread)),
};

/** Changes that may help against this denial alone. */
export function remediesFor(check: Check, decided: Decided): Change[] {
  const { verdict } = decided;
  return verdict.allowed ? [] : remedies[verdict.code](check, decided);
}

function otherCustomersKey(check: Check): Change[] {
  const { feature } = rulingOf(check.book, check.asked);
  const keys = offersWith(check.book.plans, feature).map(({ key, name }): Change => {
    const sentence = `send a valid key of a customer on ${name}`;
    return { kind: 'use_key', customer: 'any', plan: key, sentence };
  });
  const any: Change = {
    kind: 'use_key',
    customer: 'any',
    plan: null,
    sentence: 'send a valid key of any customer',
  };
  return [any, ...keys];
}

function someKey(check: Check): Change[] {
  if (typeof check.who === 'string') return otherCustomersKey(check);
  return [{ ...otherKey, sentence: 'send a key of the customer that is valid' }];
}

function addScope(check: Check): Change[] {
  const { feature } = rulingOf(check.book, check.asked);
  const scope = feature === null ? 'call' : `call:${feature}`;
  return [{ kind: 'add_scope', scope, sentence: `use a key with the scope ${scope}` }];
}

/** A live subscription changes its plan; where none is live, there is a new one. */
function takePlan(check: Check, { verdict }: Decided): Change[] {
  const customer = customerOf(check);
  if (!customer || verdict.allowed) return [];
  const decisive = decisiveSubscription(customer.subscriptions, check.now);
  const isLive = decisive && !isOver(decisive, check.now) && decisive.status !== 'incomplete';
  const { feature } = rulingOf(check.book, check.asked);
  return offersWith(check.book.plans, feature)
    .filter(({ versionId }) => versionId !== (isLive ? decisive.planVersionId : null))
    .map((plan): Change =>
      isLive
        ? { kind: 'upgrade', plan: plan.key, sentence: `change to ${describeOffer(plan)}` }
        : { kind: 'subscribe', plan: plan.key, sentence: `subscribe to ${describeOffer(plan)}` },
    );
}

function resumePaused(check: Check): Change[] {
  const decisive = decisiveSubscription(customerOf(check)?.subscriptions ?? [], check.now);
  return decisive?.status === 'paused' ? [resume] : [];
}

function payWhatIsDue(check: Check): Change[] {
  return [isTakenBack(check) ? undoRefund : pay];
}

/** What was paid has been given back: paying what is open does not change that. */
export function isTakenBack(check: Check): boolean {
  const decisive = decisiveSubscription(customerOf(check)?.subscriptions ?? [], check.now);
  return decisive?.takenBackUntil != null && check.now < decisive.takenBackUntil;
}

/** As much as the call needs, besides what was counted of the feature in this period. */
function grant(check: Check): Change[] {
  const { feature, cost } = rulingOf(check.book, check.asked);
  const customer = customerOf(check);
  if (feature === null || !customer) return [];
  const { plans, defaultPlan } = check.book;
  const { period } = footingOf(customer, plans, defaultPlan, check.now);
  const counter = { counter: feature, window: 'billing_period', start: period.start } as const;
  const limit = takenOf(check.usage, counter) + cost;
  const sentence = `grant ${amountOf(limit, feature)} by an override`;
  return [{ kind: 'override', feature, limit, extra: null, sentence }];
}

function limitRemedies(check: Check, decided: Decided): Change[] {
  const { full } = decided;
  if (!full) return [];
  const byPlan = full.scope === 'key' ? [] : [...takePlan(check, decided), ...moreOf(check, full)];
  const byKey = full.scope === 'key' ? [...raiseKeyCap(check, full), otherKey] : [];
  return [...byPlan, ...byKey, ...askFewer(check, full)];
}

/** What the call lacks of a limit. */
function shortOf(check: Check, limit: LimitCheck): number {
  const { cost } = rulingOf(check.book, check.asked);
  const room = limit.spend ? limit.max : limit.ceiling!;
  const needed = takenOf(check.usage, limit) + cost * limit.weight;
  return Math.min(Number.MAX_SAFE_INTEGER, needed) - room;
}

function moreOf(check: Check, full: LimitCheck): Change[] {
  const { feature } = full;
  const short = shortOf(check, full);
  const overrides = customerOf(check)?.overrides ?? [];
  const known = overrides.find((one) => one.feature === feature && holds(one, check.now));
  const limit = known && known.limit !== null ? known.limit + short : null;
  const extra = limit === null ? (known?.extra ?? 0) + short : null;
  const sentence = `allow ${short} more of ${feature} a ${full.window.replace('_', ' ')} by an override`;
  return [{ kind: 'override', feature, limit, extra, sentence }];
}

function raiseKeyCap(check: Check, full: LimitCheck): Change[] {
  const { feature, window, max } = full;
  const to = max + shortOf(check, full);
  const sentence = `raise the cap of the key to ${to} of ${feature} a ${window.replace('_', ' ')}`;
  return [{ kind: 'raise_key_cap', feature, window, to, sentence }];
}

/** In minor units, rounded up; what the ceiling needs and what has been spent both count. */
function raiseSpendCap(check: Check, { full }: Decided): Change[] {
  if (!full?.spend) return [];
  const { cost } = rulingOf(check.book, check.asked);
  const taken = takenOf(check.usage, full);
  const wanted = cost * full.weight;
  const bought = overageCost(full, 0, taken + wanted);
  const spent = (check.usage.spent.get(full.spend.start) ?? 0n) + overageCost(full, taken, wanted);
  const least = (bought > spent ? bought : spent) + billion - 1n;
  const to = Number(least / billion);
  const lift: Change = { kind: 'raise_spend_cap', to: null, sentence: 'lift the spend cap' };
  if (to > spendCapMax) return [lift];
  const sentence = `raise the spend cap to ${to} minor units`;
  return [{ kind: 'raise_spend_cap', to, sentence }, lift];
}

const billion = 10n ** 9n;
/** As far as spending is counted. */
const spendCapMax = 2_000_000_000;

/** Only who names the units can name fewer. */
function askFewer(check: Check, full: LimitCheck): Change[] {
  if (!('feature' in check.asked)) return [];
  const room = (full.ceiling ?? full.max) - takenOf(check.usage, full);
  const units = Math.floor(room / full.weight);
  if (units < 1 || units >= check.asked.cost) return [];
  return [{ kind: 'ask_fewer', units, sentence: `ask for ${units} units` }];
}
