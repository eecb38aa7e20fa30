// Ending a subscription, now or at an instant, and taking that back. At Stripe for paid ones, with us for free
// ones; asking twice comes to the same.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe, isRefused } from '../../adapters/stripe-error.ts';
import { toSeconds } from '../../adapters/stripe-time.ts';
import type { Context } from '../../context.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { isFinal } from '../../domain/subscription.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { recordIntent } from '../intent.ts';
import { publishSubscription } from '../event/subscription.ts';
import { settlePurchase } from '../purchase/settle.ts';
import { untilNobodyBuys } from '../purchase/open.ts';
import { syncNow } from '../stripe/object.ts';
import { endFreeSubscription } from './end.ts';
import { releaseSchedule } from './schedule.ts';
import { lockCustomer } from './row.ts';
import { getSubscription, periodOf, withSubscription } from './subscription.ts';
import type { SubscriptionView, SubscriptionWithPlans } from './subscription.ts';

export type Cancellation =
  { effective: 'now' } | { effective: 'period_end' } | { effective: 'at'; at: Date };

/** `PUT …/cancellation`: the subscription as it then is. 409 where it is over already, unless that was asked for. */
export async function cancelSubscription(
  ctx: Context,
  caller: Caller,
  { id, cancellation }: { id: string; cancellation: Cancellation },
): Promise<SubscriptionView> {
  await withSubscription(ctx, caller, id, async (row) => {
    if (isFinal(row.status)) {
      if (cancellation.effective === 'now') return;
      throw new AppError('invalid_state', 'This subscription is over already.');
    }
    if (cancellation.effective === 'at' && cancellation.at <= ctx.now()) {
      throw invalid({ pointer: '/at', detail: 'must be in the future' });
    }
    if (row.stripe_subscription_id && !endsSo(row, cancellation))
      await note(ctx, caller, row, { action: 'subscription.cancel', after: cancellation });
    await end(ctx, caller, row, cancellation);
  });
  return getSubscription(ctx, caller, id);
}

/** `DELETE …/cancellation`: it goes on. Nothing to undo is fine; 409 where it is over. */
export async function undoCancellation(ctx: Context, caller: Caller, id: string): Promise<void> {
  await withSubscription(ctx, caller, id, async (row) => {
    const isOver =
      isFinal(row.status) || (row.anchor && row.cancel_at && row.cancel_at <= ctx.now());
    if (isOver) throw new AppError('invalid_state', 'This subscription is over already.');
    if (row.stripe_subscription_id) {
      if (row.cancel_at)
        await note(ctx, caller, row, { action: 'subscription.keep', after: { cancel_at: null } });
      await keepAtStripe(ctx, row.stripe_subscription_id);
    } else await setFreeEnd(ctx, caller, row, null);
  });
}

/** What a customer's deletion does first: every subscription ends now, and nothing follows it. */
export async function cancelAllSubscriptions(
  ctx: Context,
  caller: Caller,
  customerId: string,
): Promise<void> {
  await giveUpPurchase(ctx, customerId);
  const rows = await ctx.db.subscription.findMany({
    where: { customer_id: customerId, status: { notIn: ['canceled', 'incomplete_expired'] } },
    select: { id: true },
  });
  for (const { id } of rows) {
    await cancelSubscription(ctx, caller, { id, cancellation: { effective: 'now' } });
  }
}

async function giveUpPurchase(ctx: Context, customerId: string): Promise<void> {
  const purchase = await untilNobodyBuys(ctx, customerId);
  if (purchase) await settlePurchase(ctx, purchase);
}

async function end(
  ctx: Context,
  caller: Caller,
  row: SubscriptionWithPlans,
  cancellation: Cancellation,
): Promise<void> {
  if (row.stripe_subscription_id) {
    await dropFollower(ctx, row);
    await endAtStripe(ctx, row.stripe_subscription_id, cancellation);
  } else if (row.status === 'incomplete') {
    await giveUpPurchase(ctx, row.customer_id);
  } else if (cancellation.effective === 'now') {
    await inTransaction(ctx, async (tx) => {
      await lockCustomer(tx, row.customer_id);
      await endFreeSubscription(tx, { row, at: ctx.now(), now: ctx.now(), actor: caller });
    });
  } else {
    const at = cancellation.effective === 'at' ? cancellation.at : periodOf(row, ctx.now()).end;
    await setFreeEnd(ctx, caller, row, at);
  }
}

/** Also where a change to a free plan was pending: cancelling means that nothing follows. */
async function dropFollower(ctx: Context, { id }: SubscriptionWithPlans): Promise<void> {
  await ctx.db.subscription.updateMany({
    where: { id, pending_reason: 'scheduled' },
    data: {
      pending_plan_version_id: null,
      pending_quantity: null,
      pending_effective_at: null,
      pending_reason: null,
    },
  });
}

async function endAtStripe(ctx: Context, id: string, cancellation: Cancellation): Promise<void> {
  const { subscriptions } = ctx.stripe;
  const current = await releaseSchedule(ctx, id);
  try {
    if (cancellation.effective === 'now') await callStripe(() => subscriptions.cancel(id));
    else await callStripe(() => endLater(ctx, current, cancellation));
  } catch (error) {
    // Over at Stripe already: the look that follows says so.
    if (!isRefused(error) || cancellation.effective !== 'now') throw error;
  }
  await syncNow(ctx, 'subscription', id);
}

/** Saying again what Stripe knows already would move `canceled_at`. */
export async function endLater(
  ctx: Context,
  current: Stripe.Subscription,
  cancellation: { effective: 'period_end' } | { effective: 'at'; at: Date },
): Promise<void> {
  const { subscriptions } = ctx.stripe;
  if (cancellation.effective === 'period_end') {
    if (current.cancel_at_period_end) return;
    await subscriptions.update(current.id, { cancel_at_period_end: true });
    return;
  }
  const at = toSeconds(cancellation.at);
  if (current.cancel_at === at && !current.cancel_at_period_end) return;
  await subscriptions.update(current.id, { cancel_at: at, proration_behavior: 'none' });
}

/** Stripe takes back what it was told in the form it was told. */
export async function keepAtStripe(ctx: Context, id: string): Promise<void> {
  const { subscriptions } = ctx.stripe;
  const current = await callStripe(() => subscriptions.retrieve(id));
  if (current.cancel_at_period_end) {
    await callStripe(() => subscriptions.update(id, { cancel_at_period_end: false }));
  } else if (current.cancel_at !== null) {
    await callStripe(() => subscriptions.update(id, { cancel_at: '' }));
  }
  await syncNow(ctx, 'subscription', id);
}

/** Whether that is already known to come, and nothing after it. */
function endsSo(row: SubscriptionWithPlans, cancellation: Cancellation): boolean {
  if (cancellation.effective === 'now' || !row.cancel_at || row.pending_reason) return false;
  const at = cancellation.effective === 'at' ? cancellation.at : row.current_period_end;
  return at !== null && toSeconds(at) === toSeconds(row.cancel_at);
}

/** Who asked; what changed at Stripe is noted by the look. */
async function note(
  ctx: Context,
  caller: Caller,
  row: SubscriptionWithPlans,
  what: { action: string; after: object },
): Promise<void> {
  const { id: objectId, customer_id: customerId, status, cancel_at } = row;
  const entry = { ...what, objectId, customerId, before: { status, cancel_at } };
  await inTransaction(ctx, (tx) => recordIntent(tx, ctx.now(), caller, entry));
}

async function setFreeEnd(
  ctx: Context,
  caller: Caller,
  row: SubscriptionWithPlans,
  at: Date | null,
): Promise<void> {
  if (row.cancel_at?.getTime() === at?.getTime()) return;
  await inTransaction(ctx, async (tx) => {
    const now = ctx.now();
    await lockCustomer(tx, row.customer_id);
    const data = { cancel_at: at, canceled_at: at ? now : null };
    await tx.subscription.update({ where: { id: row.id }, data });
    await audit(tx, now, caller, {
      action: at ? 'subscription.cancel' : 'subscription.keep',
      objectId: row.id,
      customerId: row.customer_id,
      before: { cancel_at: row.cancel_at },
      after: { cancel_at: at },
    });
    await publishSubscription(tx, now, { id: row.id, before: row });
  });
}
