// What a customer is told when a subscription comes to its end, or its trial does. An end for want of a payment is
// dunning's to tell. Pure.
import type { EventType } from './event.ts';

export type Ending = {
  status: string;
  /** Null where Stripe does not know it: the end of something free is told nobody. */
  stripe_subscription_id: string | null;
  trial_end: Date | null;
  ended_at: Date | null;
  ever_paid: boolean;
  paused_at_trial_end: boolean;
};

/** Which notice an event of a subscription brings with it; null: none. */
export function endingNotice(
  type: EventType,
  before: Pick<Ending, 'status'>,
  after: Ending,
): 'trial_ended' | 'subscription_canceled' | null {
  if (after.stripe_subscription_id === null) return null;
  if (type === 'subscription.paused') return after.paused_at_trial_end ? 'trial_ended' : null;
  const isLate = before.status === 'past_due' || before.status === 'unpaid';
  if (type !== 'subscription.canceled' || isLate) return null;
  return endedWithTrial(after) ? 'trial_ended' : 'subscription_canceled';
}

function endedWithTrial({ trial_end, ended_at, ever_paid }: Ending): boolean {
  return trial_end !== null && ended_at !== null && ended_at >= trial_end && !ever_paid;
}
