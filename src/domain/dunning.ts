// What is owed to a debtor and when: which steps of the ladder are due, which of them is told, and when a card is
// tried again. Counted from `past_due_since` alone, so that no retry prolongs it. Sends and charges nothing.
import type { LadderAccess, LadderStep } from './plan.ts';

export type DunningStep = { afterHours: number; access: LadderAccess };

const hourMs = 3_600_000;

/** Where a ladder starts later, its first step is still that somebody is told of the failed payment. */
const firstStep: LadderStep = { after_hours: 0, access: 'full' };

/** All steps of a ladder, the first of them always at the very beginning. */
export function stepsOf(ladder: LadderStep[]): DunningStep[] {
  const steps = ladder[0]?.after_hours === 0 ? ladder : [firstStep, ...ladder];
  return steps.map(({ after_hours, access }) => ({ afterHours: after_hours, access }));
}

/** The instant from which a step holds, itself included. */
export function dueAt(step: DunningStep, pastDueSince: number): number {
  return pastDueSince + step.afterHours * hourMs;
}

/** The steps that hold by `now` and have not been taken, in their order. */
export function stepsDue(
  ladder: LadderStep[],
  pastDueSince: number,
  now: number,
  taken: ReadonlySet<number>,
): DunningStep[] {
  return stepsOf(ladder).filter(
    (step) => !taken.has(step.afterHours) && dueAt(step, pastDueSince) <= now,
  );
}

/** What a step says to the customer; the words are the notice's. */
export type DunningNotice =
  | 'payment_failed'
  | 'payment_method_needed'
  | 'payment_action_required'
  | 'payment_past_due'
  | 'access_read_only'
  | 'access_denied'
  | 'subscription_canceled_unpaid';

const notices: Record<LadderAccess, DunningNotice> = {
  full: 'payment_failed',
  warn: 'payment_past_due',
  read_only: 'access_read_only',
  deny: 'access_denied',
  cancel: 'subscription_canceled_unpaid',
};

/** How the last attempt to collect ended: declined, and why, or waiting for the payer (3D Secure). */
export type LastAttempt = { declineCode: string | null; needsAction: boolean };

/**
 * Which notice a step sends. What no retry can cure is said at once, instead of asking for patience first: the later
 * steps then say only what changes.
 */
export function noticeOf(access: LadderAccess, last: LastAttempt): DunningNotice {
  if (access !== 'full') return notices[access];
  if (last.needsAction) return 'payment_action_required';
  return isHardDecline(last.declineCode) ? 'payment_method_needed' : 'payment_failed';
}

/**
 * Declines after which the same card is not to be tried again
 * (https://docs.stripe.com/billing/revenue-recovery/smart-retries, "hard decline codes").
 */
const hardDeclines = new Set([
  'incorrect_number',
  'lost_card',
  'pickup_card',
  'stolen_card',
  'revocation_of_authorization',
  'revocation_of_all_authorizations',
  'authentication_required',
  'highest_risk_level',
  'transaction_not_allowed',
]);

/** Whether only another payment method helps. */
export function isHardDecline(declineCode: string | null): boolean {
  return declineCode !== null && hardDeclines.has(declineCode);
}

/** The latest retry of our own schedule that is due and not made; those before it are passed over, not made up for. */
export function retryDue(
  retryHours: number[],
  pastDueSince: number,
  now: number,
  made: ReadonlySet<number>,
): number | null {
  const due = retryHours.filter((hours) => pastDueSince + hours * hourMs <= now);
  const latest = due.length > 0 ? Math.max(...due) : null;
  return latest === null || made.has(latest) ? null : latest;
}
