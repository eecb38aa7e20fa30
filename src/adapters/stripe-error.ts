// The one place that reads errors of the SDK and says what they mean to us. Stripe's own words never leave:
// they may quote parameters, ids of other objects, or advice for whoever holds the secret key.
import Stripe from 'stripe';
import { AppError } from '../domain/error.ts';

/** Stripe knows no such object. By itself that changes nothing of ours. */
export function isMissing(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === 'resource_missing';
}

/** The card, or whatever else was to pay, was refused. */
export function isDeclined(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeCardError;
}

/** Why a card was declined, in the bank's words or else in Stripe's; null where the error is no decline. */
export function declineCodeOf(error: unknown): string | null {
  if (!(error instanceof Stripe.errors.StripeCardError)) return null;
  return error.decline_code ?? error.code ?? 'generic_decline';
}

/** Stripe said no and did nothing; asking the same again would be refused again. */
export function isRefused(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError;
}

/** What to tell our caller. Errors that are not the SDK's pass unchanged. */
export function stripeFailure(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  if (isDeclined(error)) {
    return new AppError('payment_failed', 'The payment was declined.', { invoice_id: null });
  }
  if (isRefused(error) || error instanceof Stripe.errors.StripeAuthenticationError) {
    // Ours to mend, not the caller's: it is logged as it is and shown as `internal`.
    return error;
  }
  return new AppError(
    'stripe_unavailable',
    'Stripe cannot be reached now. Nothing is lost; try again.',
  );
}

/** Runs one call to Stripe and translates its failure. */
export async function callStripe<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw stripeFailure(error);
  }
}
