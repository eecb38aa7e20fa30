// A client of Stripe's for long work in the background: no more than so many requests a second, pages and retries
// included, so that what customers wait for keeps its share of the account's rate limit
// (https://docs.stripe.com/rate-limits).
import Stripe from 'stripe';
import { createStripe } from './stripe.ts';

/** One process's bound: whoever uses this makes sure that one process at a time does. */
export function createPacedStripe(
  config: Parameters<typeof createStripe>[0],
  callsPerSecond: number,
): Stripe {
  const http = Stripe.createNodeHttpClient();
  const send = http.makeRequest.bind(http);
  const gapMs = 1_000 / callsPerSecond;
  let nextMs = 0;
  http.makeRequest = async (...request) => {
    const waitMs = nextMs - Date.now();
    nextMs = Math.max(nextMs, Date.now()) + gapMs;
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return send(...request);
  };
  return createStripe(config, http);
}
