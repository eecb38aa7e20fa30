// Whether bytes were signed by Stripe, with any of the secrets that are valid now, and recently.
// Decides nothing about what the bytes say. https://docs.stripe.com/webhooks#verify-manually
import type Stripe from 'stripe';

const toleranceSeconds = 300;

/** Machine time on both sides: the signature's `t` is Stripe's wall clock, also under a moved test clock. */
export function isSignedByStripe(
  stripe: Stripe,
  delivery: { raw: Buffer; signature: string | undefined; secrets: string[]; nowMs: number },
): boolean {
  const { raw, signature, secrets, nowMs } = delivery;
  if (!signature || raw.length === 0) return false;
  // The SDK refuses what is too old and lets any future pass (stripe 23.1.0): the future is ours to check.
  const times = [...signature.matchAll(/(?:^|,)\s*t=([^,]*)/g)];
  const signedAt = Number(times[0]?.[1]);
  if (times.length !== 1 || !Number.isSafeInteger(signedAt)) return false;
  if (Math.abs(Math.floor(nowMs / 1000) - signedAt) > toleranceSeconds) return false;
  return secrets.some((secret) => {
    try {
      return stripe.webhooks.signature!.verifyHeader(raw, signature, secret, toleranceSeconds);
    } catch {
      return false;
    }
  });
}
