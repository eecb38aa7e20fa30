// Trials that are over and of which no news came: Stripe is asked what became of them. Access has followed the clock.
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantDue } from '../src/actions/stripe/want-due.ts';
import { overdueTrials } from '../src/actions/subscription/overdue.ts';
import type { Context } from '../src/context.ts';

export async function expireTrials(ctx: Context): Promise<Record<string, number>> {
  const wanted = await wantDue(ctx, overdueTrials);
  return { wanted, ...(await settleDueObjects(ctx)) };
}
