// Renewals: announced some days before, made sure of once their instant has come (a webhook may have been missed:
// marked for a look, and looked at; the clock alone changes nothing of Stripe's), and made here where Stripe knows
// nothing of the subscription.
import { renewFreeSubscriptions } from '../src/actions/renewal/free.ts';
import { noticeRenewals } from '../src/actions/renewal/notice.ts';
import { settleDueObjects } from '../src/actions/stripe/object.ts';
import { wantOverdueSubscriptions } from '../src/actions/subscription/overdue.ts';
import type { Context } from '../src/context.ts';

export async function renewSubscriptions(ctx: Context): Promise<Record<string, number>> {
  const wanted = await wantOverdueSubscriptions(ctx);
  const reread = await settleDueObjects(ctx);
  const renewed = await renewFreeSubscriptions(ctx);
  const noticed = await noticeRenewals(ctx);
  return {
    wanted,
    reread: reread.settled,
    renewed: renewed.settled,
    noticed: noticed.settled,
    failed: reread.failed + renewed.failed + noticed.failed,
  };
}
