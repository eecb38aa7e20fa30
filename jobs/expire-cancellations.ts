// Scheduled ends that have come: of free subscriptions, which Stripe does not know, the rows follow here; of others
// Stripe is asked. Access has ended by the clock already.
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantDue } from '../src/actions/stripe/want-due.ts';
import { endDueFreeSubscriptions } from '../src/actions/subscription/end.ts';
import { overdueCancellations } from '../src/actions/subscription/overdue.ts';
import type { Context } from '../src/context.ts';

export async function expireCancellations(ctx: Context): Promise<Record<string, number>> {
  const free = await endDueFreeSubscriptions(ctx);
  const wanted = await wantDue(ctx, overdueCancellations);
  const { settled, failed } = await settleDueObjects(ctx);
  return { ended: free.settled, wanted, settled, failed: free.failed + failed };
}
