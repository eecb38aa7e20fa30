// Checkout pages that nobody paid on: Stripe is asked, and what is over there ends here.
import { oldCheckouts } from '../src/actions/purchase/overdue.ts';
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantDue } from '../src/actions/stripe/want-due.ts';
import type { Context } from '../src/context.ts';

export async function expireCheckouts(ctx: Context): Promise<Record<string, number>> {
  const wanted = await wantDue(ctx, oldCheckouts);
  return { wanted, ...(await settleDueObjects(ctx)) };
}
