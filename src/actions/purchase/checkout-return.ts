// A payer comes back from Stripe's page: look at Stripe at once, so that what is paid opens before any webhook.
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import { syncNow } from '../stripe/object.ts';

/** Where to send the browser. 404 for a session that no purchase of ours opened. */
export async function returnFromCheckout(ctx: Context, sessionId: string): Promise<string> {
  const where = { stripe_session_id: sessionId };
  const purchase = await ctx.db.purchase.findUnique({ where });
  if (!purchase) throw notFound();
  if (purchase.state === 'checkout') {
    await syncNow(ctx, 'checkout_session', sessionId);
    const made = await subscriptionOf(ctx, sessionId);
    if (made) await syncNow(ctx, 'subscription', made);
  }
  return purchase.success_url ?? `${ctx.config.publicUrl}/checkout/done`;
}

async function subscriptionOf(ctx: Context, sessionId: string): Promise<string | null> {
  const row = await ctx.db.purchase.findUnique({ where: { stripe_session_id: sessionId } });
  return row?.stripe_subscription_id ?? null;
}
