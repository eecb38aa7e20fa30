// Which subscriptions should have changed by now, going by what Stripe last said of them: a trial, a period or a
// scheduled end has passed and no news came. Asks Stripe nothing itself.
import type { Context } from '../../context.ts';
import { notWanted, wantDue } from '../stripe/want-due.ts';
import type { OverdueRows } from '../stripe/want-due.ts';

const atStripe = (dueAt: string, where: string) => `
  SELECT s.stripe_subscription_id AS id, ${dueAt} AS due_at FROM subscription s
  WHERE s.stripe_subscription_id IS NOT NULL AND s.status NOT IN ('canceled', 'incomplete_expired', 'paused')
    AND ${where} AND ${notWanted('s.stripe_subscription_id')}`;

export const overdueTrials: OverdueRows = {
  kind: 'trial',
  root: 'subscription',
  due: atStripe('s.trial_end', `s.status = 'trialing' AND s.trial_end <= $1`),
};

export const overdueCancellations: OverdueRows = {
  kind: 'cancellation',
  root: 'subscription',
  due: atStripe('s.cancel_at', 's.cancel_at <= $1'),
};

/** Periods and changes that were to come with them; trials and ends have rows of their own. */
export const overduePeriods: OverdueRows = {
  kind: 'period',
  root: 'subscription',
  due: atStripe(
    'least(s.current_period_end, s.pending_effective_at)',
    `(s.current_period_end <= $1 OR s.pending_effective_at <= $1)
     AND (s.cancel_at IS NULL OR s.cancel_at > $1) AND (s.status <> 'trialing' OR s.trial_end > $1)`,
  ),
};

/** Returns how many were marked for a look. One that is marked and not yet looked at is not marked again. */
export function wantOverdueSubscriptions(ctx: Context): Promise<number> {
  return wantDue(ctx, overduePeriods);
}
