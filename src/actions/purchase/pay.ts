// The two ways a purchase is paid: at once with the card on file, or by a person on Stripe's page. Each calls
// Stripe under a key made from the purchase's id, and believes only what a look at Stripe says afterwards.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe, isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import type { PlanVersion, Purchase } from '../../generated/prisma/client.ts';
import { endPurchase } from './end.ts';
import { cancelUnpaid } from './settle.ts';
import { publishActionRequired } from '../event/payment.ts';
import { waitForPayer } from './wait.ts';
import { syncNow } from '../stripe/object.ts';

export type Sale = {
  purchase: Purchase;
  version: PlanVersion;
  stripeCustomer: string;
  promotionId: string | null;
};

/** Paid, or waiting for the payer; a decline is 402 and leaves nothing that lives. */
export async function buyWithCard(ctx: Context, sale: Sale): Promise<void> {
  const { purchase } = sale;
  const made = await callForPurchase(ctx, purchase, async () =>
    ctx.stripe.subscriptions.create(
      {
        customer: sale.stripeCustomer,
        items: [{ price: sale.version.stripe_price_id!, quantity: purchase.quantity }],
        // Tries the card at once, and leaves an `incomplete` one to look at where that does not succeed.
        payment_behavior: 'allow_incomplete',
        metadata: marks(purchase),
        ...(await trial(ctx, sale)),
        ...discounts(sale),
      },
      { idempotencyKey: `purchase-${purchase.id}` },
    ),
  );
  await syncNow(ctx, 'subscription', made.id);
  if (made.status !== 'incomplete') return;
  const invoice = await openInvoice(ctx, made);
  if (invoice.needsPayer && invoice.url) {
    const page = { now: ctx.now(), url: invoice.url, stripeSubscriptionId: made.id };
    await inTransaction(ctx, async (tx) => {
      await waitForPayer(tx, purchase, page);
      const row = await tx.invoice.findUnique({ where: { stripe_invoice_id: invoice.id } });
      if (row && invoice.needsAction) await publishActionRequired(tx, page.now, row);
    });
    return;
  }
  await cancelUnpaid(ctx, made.id);
  await syncNow(ctx, 'subscription', made.id);
  throw await declined(ctx, invoice.id);
}

/** A page at Stripe where the customer enters a card; nothing changes until they have. */
export async function openCheckout(ctx: Context, sale: Sale): Promise<void> {
  const { purchase } = sale;
  const back = `${ctx.config.publicUrl}/checkout/return?session_id={CHECKOUT_SESSION_ID}`;
  const session = await callForPurchase(ctx, purchase, async () =>
    ctx.stripe.checkout.sessions.create(
      {
        mode: 'subscription',
        customer: sale.stripeCustomer,
        client_reference_id: purchase.customer_id,
        line_items: [{ price: sale.version.stripe_price_id!, quantity: purchase.quantity }],
        success_url: back,
        cancel_url: purchase.cancel_url ?? `${ctx.config.publicUrl}/checkout/canceled`,
        metadata: marks(purchase),
        subscription_data: { metadata: marks(purchase), ...(await trial(ctx, sale)) },
        ...discounts(sale),
      },
      { idempotencyKey: `checkout-${purchase.id}` },
    ),
  );
  if (!session.url)
    throw new AppError('stripe_unavailable', 'Stripe has opened no page to pay on.');
  const page = { now: ctx.now(), url: session.url, sessionId: session.id };
  await inTransaction(ctx, (tx) => waitForPayer(tx, purchase, page));
}

/** By these we know our own again, whatever was lost on the way back. */
function marks(purchase: Purchase) {
  return { tollgate_subscription: purchase.subscription_id, tollgate_purchase: purchase.id };
}

function discounts({ promotionId }: Sale): { discounts?: { promotion_code: string }[] } {
  return promotionId ? { discounts: [{ promotion_code: promotionId }] } : {};
}

async function trial(ctx: Context, sale: Sale): Promise<{ trial_period_days?: number }> {
  const days = await trialDaysFor(ctx, sale.purchase.customer_id, sale.version);
  return days > 0 ? { trial_period_days: days } : {};
}

/** One trial per customer, whatever became of it. */
export async function trialDaysFor(
  ctx: Context,
  customerId: string,
  version: PlanVersion,
): Promise<number> {
  if (version.trial_days === 0) return 0;
  const former = await ctx.db.subscription.count({
    where: { customer_id: customerId, trial_end: { not: null } },
  });
  return former > 0 ? 0 : version.trial_days;
}

/** Refused: the purchase is over. Unknown: it stays open, free for the next attempt to adopt what was made. */
async function callForPurchase<T>(
  ctx: Context,
  purchase: Purchase,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await callStripe(call);
  } catch (error) {
    const isOver =
      isRefused(error) || (error instanceof AppError && error.code === 'payment_failed');
    if (isOver) {
      const end = { id: purchase.id, state: 'failed' as const, now: ctx.now() };
      await inTransaction(ctx, (tx) => endPurchase(tx, end));
    } else {
      const { id } = purchase;
      await ctx.db.purchase.update({ where: { id }, data: { lease_until: new Date() } });
    }
    throw error;
  }
}

/** The first invoice: where it can be paid, and whether it waits for an action or for the bank rather than was declined. */
async function openInvoice(ctx: Context, made: Stripe.Subscription) {
  const { latest_invoice: latest } = made;
  const id = typeof latest === 'string' ? latest : latest!.id;
  const invoice = await callStripe(() =>
    ctx.stripe.invoices.retrieve(id, { expand: ['payments'] }),
  );
  const intentId = invoice.payments?.data
    .map(({ payment }) => payment.payment_intent)
    .map((intent) => (typeof intent === 'string' ? intent : intent?.id))
    .find((intent) => intent !== undefined);
  const intent = intentId
    ? await callStripe(() => ctx.stripe.paymentIntents.retrieve(intentId))
    : null;
  const needsAction = intent?.status === 'requires_action';
  const needsPayer = needsAction || intent?.status === 'processing';
  return { id, url: invoice.hosted_invoice_url, needsPayer, needsAction };
}

/** 402 with our invoice's id. */
export async function declined(ctx: Context, stripeInvoiceId: string | null): Promise<AppError> {
  const row = stripeInvoiceId
    ? await ctx.db.invoice.findUnique({ where: { stripe_invoice_id: stripeInvoiceId } })
    : null;
  return new AppError('payment_failed', 'The payment was declined.', {
    invoice_id: row?.id ?? null,
  });
}
