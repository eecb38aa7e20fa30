// Purchases that came to nothing: pages nobody paid on, and intents whose process died. Asks Stripe what became
// of them before anything is given up.
import { settleLeftPurchases, wantOldCheckouts } from '../src/actions/purchase/overdue.ts';
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import type { Context } from '../src/context.ts';

export async function expirePurchases(ctx: Context): Promise<Record<string, number>> {
  const adopted = await settleLeftPurchases(ctx);
  const wanted = await wantOldCheckouts(ctx);
  return { adopted, wanted, ...(await settleDueObjects(ctx)) };
}
