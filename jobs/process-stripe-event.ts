// Looks at every object of Stripe's that is due: because an event named it, or somebody asked. Woken by each
// webhook; the sweep finds what a lost wake left. Where a look has found another payment method, what is owed is
// tried with it at once. Decides nothing about events.
import { makeDueAttempts } from '../src/actions/dunning/attempt.ts';
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import type { Context } from '../src/context.ts';

export async function processStripeEvent(ctx: Context): Promise<Record<string, number>> {
  const looked = await settleDueObjects(ctx);
  const tried = await makeDueAttempts(ctx);
  return { settled: looked.settled, tried: tried.settled, failed: looked.failed + tried.failed };
}
