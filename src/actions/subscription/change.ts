// Moving a subscription to another plan or quantity: at once with proration, at the period's end, or down to
// free. An upgrade that is not paid gives nothing.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe } from '../../adapters/stripe-error.ts';
import { allItems } from '../../adapters/stripe-subscription.ts';
import { toSeconds } from '../../adapters/stripe-time.ts';
import type { Context } from '../../context.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { isFinal } from '../../domain/subscription.ts';
import type { PlanVersion } from '../../generated/prisma/client.ts';
import type { Caller } from '../caller.ts';
import { recordIntent } from '../intent.ts';
import { declined } from '../purchase/pay.ts';
import { startPurchase, versionToSell } from '../purchase/purchase.ts';
import { syncNow } from '../stripe/object.ts';
import { keepAtStripe } from './cancel.ts';
import { endInFree } from './end-in-free.ts';
import { startFreeSubscription } from './free.ts';
import { lockCustomer } from './row.ts';
import { releaseSchedule, scheduleChange } from './schedule.ts';
import { getSubscription, withSubscription } from './subscription.ts';
import type { SubscriptionView, SubscriptionWithPlans } from './subscription.ts';

const previewHoldsMs = 3_600_000;

export type SubscriptionChange = {
  plan?: string | undefined;
  quantity?: number | undefined;
  effective?: 'now' | 'period_end' | undefined;
  /** The instant a preview was made for: what it said is then what is charged. */
  proration_at?: Date | undefined;
};

/** `PATCH /subscriptions/{id}`: the subscription as it then is. 402 `payment_failed` leaves the plan as it was. */
export async function changeSubscription(
  ctx: Context,
  caller: Caller,
  { id, change }: { id: string; change: SubscriptionChange },
): Promise<SubscriptionView> {
  await withSubscription(ctx, caller, id, async (row) => {
    await moveTo(ctx, caller, await moveFrom(ctx, caller, row, change));
  });
  return getSubscription(ctx, caller, id);
}

export type Move = {
  row: SubscriptionWithPlans;
  version: PlanVersion;
  quantity: number;
  effective: 'now' | 'period_end';
  prorationAt: Date | null;
};

/** What exactly is asked for, checked: the same for the change and for its preview. */
export async function moveFrom(
  ctx: Context,
  caller: Caller,
  row: SubscriptionWithPlans,
  change: SubscriptionChange,
): Promise<Move> {
  if (isFinal(row.status) || row.status === 'incomplete') {
    throw new AppError('invalid_state', 'Only a subscription that is in force can be changed.');
  }
  const version = change.plan ? await versionToSell(ctx, caller, change.plan) : row.plan_version;
  if (!version) {
    throw new AppError('invalid_state', 'Name the plan: the present one is not known here.');
  }
  const isPaid = row.stripe_subscription_id !== null && version.price_amount !== null;
  const currency = row.plan_version?.price_currency ?? version.price_currency;
  if (isPaid && currency !== version.price_currency) {
    const detail = `This subscription is paid in ${currency}; the plan is priced in ${version.price_currency}.`;
    throw new AppError('currency_mismatch', detail);
  }
  const { quantity = row.quantity, effective = 'now' } = change;
  const prorationAt = change.proration_at ?? null;
  assertRecent(row, prorationAt, ctx.now());
  return { row, version, quantity, effective, prorationAt };
}

/** Only a preview just made may say from when on is paid, and within the period that is running. */
function assertRecent(row: SubscriptionWithPlans, at: Date | null, now: Date): void {
  const age = at ? now.getTime() - at.getTime() : 0;
  const isRecent = age > -1_000 && age <= previewHoldsMs;
  const isInPeriod = !at || !row.current_period_start || at >= row.current_period_start;
  if (isRecent && isInPeriod) return;
  throw invalid({
    pointer: '/proration_at',
    detail: 'must be the instant of a preview of the last hour',
  });
}

async function moveTo(ctx: Context, caller: Caller, move: Move): Promise<void> {
  const isFree = move.version.price_amount === null;
  if (!move.row.stripe_subscription_id)
    return isFree ? switchFree(ctx, caller, move) : upgrade(ctx, caller, move);
  if (isFree) return endInFree(ctx, caller, move);
  if (!isMoved(move)) await noteMove(ctx, caller, move);
  await changeAtStripe(ctx, move);
}

/** Whether our row says already what is asked for. */
function isMoved({ row, version, quantity, effective }: Move): boolean {
  if (effective === 'now' || row.pending_reason === null) {
    const isThere = row.plan_version_id === version.id && row.quantity === quantity;
    return isThere && row.pending_reason === null;
  }
  const isPlanned = row.pending_plan_version_id === version.id && row.pending_quantity === quantity;
  return isPlanned && row.pending_reason === 'scheduled';
}

async function noteMove(
  ctx: Context,
  caller: Caller,
  { row, version, quantity, effective }: Move,
): Promise<void> {
  const entry = {
    action: 'subscription.change',
    objectId: row.id,
    customerId: row.customer_id,
    before: { plan_version_id: row.plan_version_id, quantity: row.quantity },
    after: { plan_version_id: version.id, quantity, effective },
  };
  await inTransaction(ctx, (tx) => recordIntent(tx, ctx.now(), caller, entry));
}

/** From one free plan to another: with us alone, at once. */
async function switchFree(ctx: Context, caller: Caller, { row, version }: Move): Promise<void> {
  if (row.plan_version_id === version.id) return;
  await inTransaction(ctx, async (tx) => {
    await lockCustomer(tx, row.customer_id);
    const now = ctx.now();
    const start = {
      now,
      actor: caller,
      customerId: row.customer_id,
      versionId: version.id,
      at: now,
    };
    await startFreeSubscription(tx, start);
  });
}

/** From free to paid is a purchase, as if by POST. */
async function upgrade(
  ctx: Context,
  caller: Caller,
  { row, version, quantity }: Move,
): Promise<void> {
  const { key } = await ctx.db.plan.findUniqueOrThrow({ where: { id: version.plan_id } });
  await startPurchase(ctx, caller, { customer_id: row.customer_id, plan: key, quantity });
}

async function changeAtStripe(ctx: Context, move: Move): Promise<void> {
  const { row, version, quantity } = move;
  const stripeId = row.stripe_subscription_id!;
  const staysPaid =
    row.pending_reason === 'scheduled' && row.pending_plan_version?.price_amount === null;
  if (staysPaid) await keepAtStripe(ctx, stripeId);
  const current = await callStripe(() => ctx.stripe.subscriptions.retrieve(stripeId));
  const items = await callStripe(() => allItems(ctx.stripe, current));
  const item = planItem(items, row.plan_version?.stripe_price_id);
  const isThere = item.price.id === version.stripe_price_id && (item.quantity ?? 1) === quantity;
  if (move.effective === 'now' || isThere) await releaseSchedule(ctx, stripeId);
  const change = { itemId: item.id, target: targetOf(version, quantity), at: move.prorationAt };
  if (!isThere && move.effective === 'period_end')
    await scheduleChange(ctx, current, { ...change, items });
  const changed =
    isThere || move.effective === 'period_end' ? null : await payForChange(ctx, stripeId, change);
  await syncNow(ctx, 'subscription', stripeId);
  if (changed?.pending_update) throw await declined(ctx, latestInvoice(changed));
}

/** With `pending_if_incomplete` nothing changes until the difference is paid; Stripe drops it after 23 h. */
function payForChange(
  ctx: Context,
  stripeId: string,
  change: { itemId: string; target: { price: string; quantity: number }; at: Date | null },
): Promise<Stripe.Subscription> {
  const { itemId, target, at } = change;
  return callStripe(() =>
    ctx.stripe.subscriptions.update(stripeId, {
      ...(at ? { proration_date: toSeconds(at) } : {}),
      items: [{ id: itemId, price: target.price, quantity: target.quantity }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    }),
  );
}

function targetOf(version: PlanVersion, quantity: number) {
  const interval: 'month' | 'year' = version.price_interval === 'year' ? 'year' : 'month';
  return { price: version.stripe_price_id!, quantity, interval };
}

/** The item that is the plan, among others that may be metered extras. */
export function planItem(items: Stripe.SubscriptionItem[], priceId: string | null | undefined) {
  return items.find((item) => item.price.id === priceId) ?? items[0]!;
}

function latestInvoice({ latest_invoice: latest }: Stripe.Subscription): string | null {
  return typeof latest === 'string' ? latest : (latest?.id ?? null);
}
