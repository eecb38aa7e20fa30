// The official SDK on a test's sandbox, and waiting until its webhooks have been taken.
import type Stripe from 'stripe';
import { createStripe } from '../../src/adapters/stripe.ts';
import type { TestSandbox } from './sandbox.ts';
import { until } from './until.ts';

export function stripeFor(sandbox: TestSandbox): Stripe {
  return createStripe({ stripeSecretKey: sandbox.secretKey, stripeApiBase: sandbox.url });
}

/** A call of the sandbox's controls, as in `control(sandbox, 'POST', '/_sandbox/clock', {now})`. */
export async function control(
  sandbox: TestSandbox,
  method: string,
  path: string,
  body?: unknown,
): Promise<any> {
  const response = await fetch(sandbox.url + path, {
    method,
    headers: {
      authorization: `Bearer ${sandbox.secretKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

export async function untilDelivered(sandbox: TestSandbox, limitMs = 30_000): Promise<void> {
  await until(
    'every webhook is delivered',
    async () => (await control(sandbox, 'GET', '/_sandbox/deliveries')).outstanding === 0,
    limitMs,
  );
}

/** Moves the sandbox's account clock and waits until it is there and everybody was told. */
export async function moveSandboxClock(sandbox: TestSandbox, to: Date): Promise<void> {
  await control(sandbox, 'POST', '/_sandbox/clock', { now: to.toISOString() });
  await until(
    'the sandbox clock is there',
    async () => (await control(sandbox, 'GET', '/_sandbox/clock')).status === 'ready',
    60_000,
  );
  await untilDelivered(sandbox);
}
