// What access somebody has, worked out from Stripe's objects as they are in the end, with nothing of Tollgate's:
// slow, naive, and written from the published table alone. Where that leaves a choice, any of them is right.
import type Stripe from 'stripe';

export type Answer = {
  access: 'full' | 'warn' | 'read_only' | 'deny';
  code: string | null;
  /** Named where somebody is served. */
  plan: string | null;
};
type Owned = { subscription: Stripe.Subscription; invoices: Stripe.Invoice[] };

const hour = 3_600;
const ladder = [
  { from: 720 * hour, access: 'deny' },
  { from: 336 * hour, access: 'deny' },
  { from: 168 * hour, access: 'read_only' },
  { from: 72 * hour, access: 'warn' },
  { from: 0, access: 'full' },
] as const;

const deny = (code: string): Answer => ({ access: 'deny', code, plan: null });

/** `now` in seconds since 1970. Several answers where two subscriptions began or ended in the same second. */
export function rightAnswers(owned: Owned[], planOf: Map<string, string>, now: number): Answer[] {
  const isOver = ({ subscription: { status, cancel_at } }: Owned) =>
    status === 'canceled' ||
    status === 'incomplete_expired' ||
    (cancel_at !== null && cancel_at <= now);
  const alive = owned.filter((one) => !isOver(one));
  const serving = alive.filter(({ subscription }) => subscription.status !== 'incomplete');
  if (serving.length > 0) {
    return firstBy(serving, ({ subscription }) => subscription.start_date).map((one) =>
      whileAlive(one, planOf, now),
    );
  }
  if (alive.length > 0) return [deny('payment_incomplete')];
  const ended = owned.filter(({ subscription }) => subscription.status !== 'incomplete_expired');
  if (ended.length === 0) return [deny('no_subscription')];
  const last = firstBy(
    ended,
    ({ subscription: { ended_at, cancel_at } }) => -(ended_at ?? cancel_at!),
  );
  return last.map(afterTheEnd);
}

function whileAlive(
  { subscription, invoices }: Owned,
  planOf: Map<string, string>,
  now: number,
): Answer {
  const { status, pause_collection } = subscription;
  if (pause_collection !== null) return deny('subscription_paused');
  if (status === 'unpaid') return deny('payment_past_due');
  if (status === 'paused') {
    const cause = subscription.status_details?.paused?.subscription?.type;
    const isByTrial = cause === 'trial_end_without_payment_method';
    return deny(isByTrial ? 'trial_ended' : 'subscription_paused');
  }
  const plan = subscription.items.data
    .map(({ price }) => planOf.get(price.id))
    .find((key) => key !== undefined);
  if (plan === undefined) return deny('no_subscription');
  if (status === 'active' || status === 'trialing') return { access: 'full', code: null, plan };
  if (status !== 'past_due') throw new Error(`the oracle does not know ${status}`);
  const since = invoices
    .filter((invoice) => invoice.status === 'open' && invoice.attempted)
    .map((invoice) => invoice.status_transitions.finalized_at!);
  const late = since.length === 0 ? 0 : now - Math.min(...since);
  const { access } = ladder.find(({ from }) => late >= from)!;
  return access === 'deny' ? deny('payment_past_due') : { access, code: null, plan };
}

function afterTheEnd({ subscription, invoices }: Owned): Answer {
  const { trial_end } = subscription;
  const ended = subscription.ended_at ?? subscription.cancel_at!;
  const isPaid = invoices.some(({ amount_paid }) => amount_paid > 0);
  const withTrial = trial_end !== null && ended >= trial_end && ended - trial_end <= hour;
  return deny(withTrial && !isPaid ? 'trial_ended' : 'subscription_canceled');
}

/** Those with the smallest rank. */
function firstBy<T>(list: T[], rank: (item: T) => number): T[] {
  const least = Math.min(...list.map(rank));
  return list.filter((item) => rank(item) === least);
}
