// Free subscriptions whose end has come, which Stripe does not know. Access has ended by the clock already;
// this makes the row follow.
import { endDueFreeSubscriptions } from '../src/actions/subscription/end.ts';
import type { Context } from '../src/context.ts';

export async function expireSubscriptions(ctx: Context): Promise<Record<string, number>> {
  return { ended: await endDueFreeSubscriptions(ctx) };
}
