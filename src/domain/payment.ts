// What the change of an invoice says about its payment. Pure.
import type { EventType } from './event.ts';

export type PaymentState = {
  status: string;
  attempted: boolean;
  attempt_count: number;
  amount_paid: bigint;
};

/** With what makes it the same news again. An invoice of nothing is paid by nobody. */
export function paymentEvent(
  before: PaymentState | null,
  after: PaymentState,
): { type: Extract<EventType, `payment.${string}`>; step: string } | null {
  if (after.status === 'paid') {
    const isNews = before?.status !== 'paid' && after.amount_paid > 0n;
    return isNews ? { type: 'payment.succeeded', step: 'paid' } : null;
  }
  const isAnotherAttempt = after.attempt_count > (before?.attempt_count ?? 0);
  return after.status === 'open' && after.attempted && isAnotherAttempt
    ? { type: 'payment.failed', step: String(after.attempt_count) }
    : null;
}
