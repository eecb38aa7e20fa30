// Makes sure that what should have happened at Stripe did: a period, a trial or a scheduled end has passed and
// no news came. Marks these for a look and looks; changes nothing on the clock's word alone.
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantOverdueSubscriptions } from '../src/actions/subscription/overdue.ts';
import type { Context } from '../src/context.ts';

export async function rereadSubscriptions(ctx: Context): Promise<Record<string, number>> {
  const wanted = await wantOverdueSubscriptions(ctx);
  return { wanted, ...(await settleDueObjects(ctx)) };
}
