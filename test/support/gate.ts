// Holds answers of Stripe's back until a test lets them go: the request has been served and the answer is on its
// way while the world moves on.
import type Stripe from 'stripe';
import type { TestSandbox } from './sandbox.ts';
import { openStripeProxy } from './stripe-proxy.ts';
import { until } from './until.ts';

export type Gate = {
  stripe: Stripe;
  held: () => number;
  untilHeld: () => Promise<void>;
  release: () => void;
  close: () => Promise<void>;
};

/** Holds the answers to GETs whose path begins with `path`, until `release`; lets everything through after that. */
export async function openGate(sandbox: TestSandbox, path: string): Promise<Gate> {
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const proxy = await openStripeProxy(sandbox, {
    async after(call) {
      if (isOpen || call.method !== 'GET' || !call.path.startsWith(path)) return undefined;
      await new Promise<void>((resolve) => waiting.push(resolve));
      return undefined;
    },
  });
  return {
    stripe: proxy.stripe,
    held: () => waiting.length,
    untilHeld: async () => void (await until('an answer is held back', () => waiting.length > 0)),
    release() {
      isOpen = true;
      for (const go of waiting.splice(0)) go();
    },
    close: () => proxy.close(),
  };
}
