// What Tollgate tells the world about a customer: the closed list of event types, and which of them a change of
// a subscription is. Pure; who hears of it and how it gets there is decided elsewhere.
import { isFinal } from './subscription.ts';

/** Every type there is, with what has happened. The words are for people and stand in the documentation. */
export const eventTypes = {
  'subscription.created': 'A subscription began, or waits for its first payment',
  'subscription.activated': 'A trial or a first payment has led to a paid subscription',
  'subscription.renewed': 'A new period began',
  'subscription.updated': 'Plan, quantity, a scheduled change or end is another',
  'subscription.past_due': 'A payment is late: the ladder of the plan begins',
  'subscription.recovered': 'What was owed is paid',
  'subscription.paused': 'It is paused, by us or by Stripe',
  'subscription.resumed': 'It goes on after a pause',
  'subscription.canceled': 'It is over',
  'subscription.expired': 'Its first payment never came, so that it never was',
  'entitlement.changed': 'What the customer may do is another: the whole of it',
  'payment.succeeded': 'An invoice is paid',
  'payment.failed': 'An attempt to collect an invoice was declined',
  'payment.action_required': 'A payment waits for the payer, as for 3D Secure',
  'usage.threshold': 'A share of a limit is used up',
  'usage.recovered': 'A limit that a threshold of was reached has room again',
  'key.created': 'An API key was made',
  'key.rotated': 'An API key was replaced by another',
  'key.revoked': 'An API key was revoked',
  'key.expired': 'An API key has reached its end',
} as const;

export type EventType = keyof typeof eventTypes;

export function isEventType(text: string): text is EventType {
  return Object.hasOwn(eventTypes, text);
}

/** The columns of a subscription that tell what happened to it. */
export type SubscriptionState = {
  status: string;
  plan_version_id: string | null;
  quantity: number;
  anchor: Date | null;
  current_period_start: Date | null;
  current_period_end: Date | null;
  trial_end: Date | null;
  cancel_at: Date | null;
  canceled_at: Date | null;
  past_due_since: Date | null;
  collection_paused: boolean;
  pending_plan_version_id: string | null;
  pending_quantity: number | null;
  pending_effective_at: Date | null;
  pending_reason: string | null;
  checkout_url: string | null;
  stripe_subscription_id: string | null;
};

type Change = { before: SubscriptionState; after: SubscriptionState };

const isLate = ({ status }: SubscriptionState) => status === 'past_due' || status === 'unpaid';
const isPaused = ({ status, collection_paused }: SubscriptionState) =>
  status === 'paused' || collection_paused;
const isPaying = ({ status }: SubscriptionState) => status === 'active';
const wasWaiting = ({ status }: SubscriptionState) =>
  status === 'trialing' || status === 'incomplete';

/** The first that applies is what happened; nothing here applies: it was updated. */
const rules: { type: EventType; applies: (change: Change) => boolean }[] = [
  {
    type: 'subscription.expired',
    applies: ({ before, after }) =>
      after.status === 'incomplete_expired' && before.status !== after.status,
  },
  {
    type: 'subscription.canceled',
    applies: ({ before, after }) => isFinal(after.status) && !isFinal(before.status),
  },
  {
    type: 'subscription.past_due',
    applies: ({ before, after }) => isLate(after) && before.status !== after.status,
  },
  {
    type: 'subscription.recovered',
    applies: ({ before, after }) => isLate(before) && isPaying(after),
  },
  {
    type: 'subscription.paused',
    applies: ({ before, after }) => isPaused(after) && !isPaused(before),
  },
  {
    type: 'subscription.resumed',
    applies: ({ before, after }) => isPaused(before) && !isPaused(after),
  },
  {
    type: 'subscription.activated',
    applies: ({ before, after }) => wasWaiting(before) && isPaying(after),
  },
  {
    type: 'subscription.renewed',
    applies: ({ before, after }) =>
      before.current_period_end !== null &&
      after.current_period_start !== null &&
      before.stripe_subscription_id === after.stripe_subscription_id &&
      after.current_period_start >= before.current_period_end,
  },
];

const told = [
  'status', 'plan_version_id', 'quantity', 'anchor', 'current_period_start', 'current_period_end', 'trial_end', 'cancel_at',
  'canceled_at', 'past_due_since', 'pending_plan_version_id', 'pending_quantity',
  'pending_effective_at', 'pending_reason', 'checkout_url', 'stripe_subscription_id',
] as const satisfies (keyof SubscriptionState)[]; // prettier-ignore

/** Which event a change of a subscription is; null where nothing changed that anybody is told of. */
export function subscriptionEvent(
  before: SubscriptionState | null,
  after: SubscriptionState,
): EventType | null {
  if (before === null) return 'subscription.created';
  const isOther = told.some((column) => !isSame(before[column], after[column]));
  // Why it is paused is told to nobody: collection paused on top of a pause of Stripe's is no news.
  if (!isOther && isPaused(before) === isPaused(after)) return null;
  const rule = rules.find(({ applies }) => applies({ before, after }));
  return rule?.type ?? 'subscription.updated';
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : a === b;
}
