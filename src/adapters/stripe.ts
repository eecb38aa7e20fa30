// The official SDK, pointed at Stripe or at the sandbox; nothing else in the code knows which.
// Calls go out with a bounded time and a bounded number of retries; their keys come from our rows.
import Stripe from 'stripe';

/** The version our code reads; the SDK's own types are of the same one. */
export const stripeApiVersion = '2026-10-28.endive';
const callTimeoutMs = 10_000;

export function createStripe(
  config: { stripeSecretKey: string; stripeApiBase?: string | undefined },
  httpClient?: Stripe.StripeConfig['httpClient'],
) {
  return new Stripe(config.stripeSecretKey, {
    apiVersion: stripeApiVersion,
    timeout: callTimeoutMs,
    maxNetworkRetries: 2,
    telemetry: false,
    appInfo: { name: 'tollgate' },
    ...(config.stripeApiBase ? hostOf(config.stripeApiBase) : {}),
    ...(httpClient ? { httpClient } : {}),
  });
}

function hostOf(base: string): { host: string; port: number; protocol: 'http' | 'https' } {
  const url = new URL(base);
  const protocol = url.protocol === 'http:' ? 'http' : 'https';
  return {
    host: url.hostname,
    port: Number(url.port) || (protocol === 'http' ? 80 : 443),
    protocol,
  };
}
