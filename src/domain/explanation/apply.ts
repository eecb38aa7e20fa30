// A check as it would be once a change is made: in memory, and nothing here changes anything anywhere.
import type { SubscriptionFacts } from '../access.ts';
import { decisiveSubscription } from '../access.ts';
import type { Check } from '../check.ts';
import { counterName, decideCheck, overageCost } from '../check.ts';
import type { CustomerFacts, KeyFacts } from '../entitlement.ts';
import type { Change, ChangeKind, Flip } from './change.ts';
import type { RoutePolicy } from '../route-policy.ts';
import { matchingRoutes, withRoute } from '../route-policy.ts';

/** The check as it would be after all of a flip's changes. */
export function applyFlip(check: Check, flip: Pick<Flip, 'changes'>): Check {
  return flip.changes.reduce(applyChange, check);
}

type Apply<Kind extends ChangeKind> = (
  check: Check,
  change: Extract<Change, { kind: Kind }>,
) => Check;

const applies: { [Kind in ChangeKind]: Apply<Kind> } = {
  wait: (check, { until }) => ({ ...check, now: Math.max(check.now, Date.parse(until)) }),
  pay: (check) => withDecisive(check, (one) => paid(one, check.now)),
  resume: (check) =>
    withDecisive(check, (one) => ({
      ...(one.status === 'paused' ? paid(one, check.now) : one),
      collectionPaused: false,
    })),
  undo_refund: (check) => withDecisive(check, (one) => ({ ...one, takenBackUntil: null })),
  reread: (check) => withDecisive(check, (one) => paid(one, check.now)),
  subscribe: (check, { plan }) =>
    withCustomer(check, (customer) => ({
      ...customer,
      subscriptions: [...customer.subscriptions, newSubscription(check, plan)],
    })),
  upgrade: (check, { plan }) =>
    withDecisive(check, (one) => ({
      ...one,
      planVersionId: versionOf(check, plan),
      pending: null,
      cancelAt: one.cancelAt !== null && one.cancelAt <= check.now ? null : one.cancelAt,
    })),
  use_key: (check, { customer, plan }) => ({ ...check, who: withOtherKey(check, customer, plan) }),
  add_scope: (check, { scope }) =>
    withKey(check, (key) => ({ ...key, scopes: [...key.scopes, scope] })),
  unblock: (check) => withCustomer(check, (customer) => ({ ...customer, blocked: false })),
  block: (check) => withCustomer(check, (customer) => ({ ...customer, blocked: true })),
  override: (check, { feature, limit, extra }) =>
    withCustomer(check, (customer) => ({
      ...customer,
      overrides: [
        ...customer.overrides.filter((one) => one.feature !== feature),
        { feature, limit, extra, expiresAt: null },
      ],
    })),
  raise_key_cap: (check, { feature, window, to }) =>
    withKey(check, (key) => ({
      ...key,
      caps: key.caps.map((cap) =>
        cap.feature === feature && cap.window === window ? { ...cap, max: to } : cap,
      ),
    })),
  raise_spend_cap: (check, { to }) => withCustomer(check, (one) => ({ ...one, spendCap: to })),
  ask_fewer: (check, { units }) =>
    'feature' in check.asked ? { ...check, asked: { ...check.asked, cost: units } } : check,
  use_units: withMoreUsed,
  route_policy: (check, { read_only: readOnly, ...change }) => {
    const policy: RoutePolicy = { ...unnamed, ...matched(check, change.id), ...change, id: change.id ?? 'new', readOnly }; // prettier-ignore
    return { ...check, book: { ...check.book, table: withRoute(check.book.table, policy) } };
  },
  default_access: (check, { access }) => ({
    ...check,
    book: { ...check.book, defaultAccess: access },
  }),
};

function applyChange(check: Check, change: Change): Check {
  return (applies[change.kind] as (check: Check, change: Change) => Check)(check, change);
}

const dayMs = 86_400_000;
const unnamed = { feature: null, cost: 1, whenDown: 'closed', maxStaleMs: 300_000 } as const;

function matched({ asked, book }: Check, id: string | null): RoutePolicy | undefined {
  if (!('origin' in asked) || typeof asked.origin !== 'object') return undefined;
  return matchingRoutes(book.table, asked.origin).find((policy) => policy.id === id);
}

/** What is used beyond a soft limit is paid for, too. */
function withMoreUsed(
  check: Check,
  { counter, window, start, units }: Extract<Change, { kind: 'use_units' }>,
): Check {
  const at = { counter, window, start: Date.parse(start) };
  const name = counterName(at);
  const { used, held } = check.usage.counts.get(name) ?? { used: 0, held: 0 };
  const counts = new Map(check.usage.counts).set(name, { used: used + units, held });
  const spent = new Map(check.usage.spent);
  const limit = decideCheck(check).limits.find((one) => counterName(one) === name);
  if (limit?.spend) {
    const cost = overageCost(limit, used + held, units);
    spent.set(limit.spend.start, (spent.get(limit.spend.start) ?? 0n) + cost);
  }
  return { ...check, usage: { counts, spent } };
}

function withCustomer(check: Check, change: (customer: CustomerFacts) => CustomerFacts): Check {
  const { who } = check;
  if (typeof who === 'string') return check;
  return { ...check, who: { ...who, customer: change(who.customer) } };
}

function withKey(check: Check, change: (key: KeyFacts) => KeyFacts): Check {
  const { who } = check;
  if (typeof who === 'string' || who.key === null) return check;
  return { ...check, who: { ...who, key: change(who.key) } };
}

/** Changes the subscription that decides now. */
function withDecisive(
  check: Check,
  change: (subscription: SubscriptionFacts) => SubscriptionFacts,
): Check {
  return withCustomer(check, (customer) => {
    const decisive = decisiveSubscription(customer.subscriptions, check.now);
    const subscriptions = customer.subscriptions.map((one) =>
      one === decisive ? change(one) : one,
    );
    return { ...customer, subscriptions };
  });
}

/** As Stripe tells it once nothing is owed: active, in the period that holds `now`. */
function paid(one: SubscriptionFacts, now: number): SubscriptionFacts {
  const { periodStart, periodEnd, cancelAt } = one;
  const active = {
    ...one,
    status: 'active',
    pastDueSince: null,
    pausedAtTrialEnd: false,
    everPaid: true,
    endedAt: null,
    cancelAt: cancelAt !== null && cancelAt <= now ? null : cancelAt,
  };
  if (periodEnd === null || now < periodEnd) return active;
  const length = Math.max(dayMs, periodEnd - (periodStart ?? periodEnd - 30 * dayMs));
  const start = periodEnd + Math.floor((now - periodEnd) / length) * length;
  return { ...active, periodStart: start, periodEnd: start + length };
}

function versionOf({ book }: Check, plan: string): string | null {
  return book.plans.byKey.get(plan)?.versionId ?? null;
}

function newSubscription(check: Check, plan: string): SubscriptionFacts {
  return {
    id: 'sub_new',
    planVersionId: versionOf(check, plan),
    status: 'active',
    atStripe: false,
    anchor: check.now,
    periodStart: null,
    periodEnd: null,
    trialEnd: null,
    cancelAt: null,
    endedAt: null,
    pastDueSince: null,
    collectionPaused: false,
    pausedAtTrialEnd: false,
    everPaid: true,
    takenBackUntil: null,
    startedAt: check.now,
    pending: null,
  };
}

/** A key without caps that may call everything: of the same customer, or of one that is on the plan. */
function withOtherKey(
  check: Check,
  customer: 'same' | 'any',
  plan: string | null,
): Exclude<Check['who'], string> {
  const key = { id: 'key_other', scopes: ['call'], expiresAt: null, revokedAt: null, caps: [] };
  const { who, now } = check;
  if (customer === 'same' && typeof who !== 'string') return { customer: who.customer, key };
  const other: CustomerFacts = {
    id: 'cus_other',
    blocked: false,
    timezone: 'UTC',
    spendCap: null,
    createdAt: now,
    subscriptions: plan === null ? [] : [newSubscription(check, plan)],
    overrides: [],
  };
  return { customer: other, key };
}
