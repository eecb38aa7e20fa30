// First payments that never came, and intents to buy whose process died. Stripe is asked what became of them before
// anything is given up.
import { oldFirstPayments, settleLeftPurchases } from '../src/actions/purchase/overdue.ts';
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantDue } from '../src/actions/stripe/want-due.ts';
import type { Context } from '../src/context.ts';

export async function expireIncomplete(ctx: Context): Promise<Record<string, number>> {
  const left = await settleLeftPurchases(ctx);
  const wanted = await wantDue(ctx, oldFirstPayments);
  const { settled, failed } = await settleDueObjects(ctx);
  return { adopted: left.settled, wanted, settled, failed: left.failed + failed };
}
