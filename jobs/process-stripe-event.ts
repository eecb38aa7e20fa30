// Looks at every object of Stripe's that is due: because an event named it, or somebody asked. Woken by each
// webhook; the sweep finds what a lost wake left. Decides nothing about events.
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import type { Context } from '../src/context.ts';

export function processStripeEvent(ctx: Context): Promise<{ settled: number; failed: number }> {
  return settleDueObjects(ctx);
}
