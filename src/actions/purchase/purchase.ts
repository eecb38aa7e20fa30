// Buying: one live subscription per customer, however many ask at once and whatever dies on the way. The intent
// is saved, then Stripe is called, then the result is read back from Stripe; money is never assumed.
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError, invalid } from '../../domain/error.ts';
import type { PlanVersion } from '../../generated/prisma/client.ts';
import type { Caller } from '../caller.ts';
import { findPlan } from '../plan/view.ts';
import { goingOn, openPurchase, refuseSecond } from './open.ts';
import type { Order } from './open.ts';
import { buyWithCard, openCheckout } from './pay.ts';
import { settlePurchase } from './settle.ts';
import { ensurePayer } from '../customer/stripe.ts';
import { startFreeSubscription } from '../subscription/free.ts';
import { endDueFreeSubscription } from '../subscription/end.ts';
import { lockCustomer, ownRow } from '../subscription/row.ts';
import { customerToServe, getSubscription } from '../subscription/subscription.ts';
import type { SubscriptionView } from '../subscription/subscription.ts';
import { inTransaction } from '../../adapters/postgres.ts';

export type PurchaseInput = {
  customer_id?: string | undefined;
  plan: string;
  quantity?: number | undefined;
  /** A paid plan as a gift; an operator's to give. */
  comped?: boolean | undefined;
  promotion_code?: string | undefined;
  success_url?: string | undefined;
  cancel_url?: string | undefined;
};

/** What `POST /subscriptions` does: the subscription as it then is; 402 `payment_failed`, 409 where one is there. */
export async function startPurchase(
  ctx: Context,
  caller: Caller,
  input: PurchaseInput,
): Promise<SubscriptionView> {
  const customerId = await customerToServe(ctx, caller, input.customer_id);
  const version = await versionToSell(ctx, caller, input.plan);
  if (input.comped) assertGift(caller, version);
  const id =
    version.price_amount === null || input.comped
      ? await takeFree(ctx, caller, { customerId, version, input })
      : await buy(ctx, caller, { customerId, version, input });
  return getSubscription(ctx, caller, id);
}

function assertGift(caller: Caller, version: PlanVersion): void {
  if (caller.kind !== 'operator') {
    throw invalid({ pointer: '/comped', detail: 'is for operators to give' });
  }
  if (version.price_amount === null) {
    throw invalid({ pointer: '/comped', detail: 'is of no use on a free plan' });
  }
}

type Wish = { customerId: string; version: PlanVersion; input: PurchaseInput };

/** The version new subscribers get of a plan this caller may choose; an unknown one is 422. */
export async function versionToSell(
  ctx: Context,
  caller: Caller,
  key: string,
): Promise<PlanVersion> {
  const found = await findPlan(ctx.db, key);
  const mayChoose =
    found && !found.plan.archived && (found.plan.public || caller.kind === 'operator');
  if (!mayChoose) throw invalid({ pointer: '/plan', detail: 'is no plan that can be chosen' });
  return found.version;
}

async function buy(ctx: Context, caller: Caller, wish: Wish): Promise<string> {
  const { customerId, version, input } = wish;
  await refuseSecond(ctx.db, customerId);
  const promotionId = await promotionCodeId(ctx, input.promotion_code);
  const payer = await ensurePayer(ctx, caller, customerId);
  if (payer.currency && payer.currency !== version.price_currency) {
    const detail = `This customer pays in ${payer.currency}; the plan is priced in ${version.price_currency}.`;
    throw new AppError('currency_mismatch', detail);
  }
  const { purchase, adopted } = await openPurchase(ctx, caller, toOrder(wish));
  if (adopted) return purchase.subscription_id;
  const sale = { purchase, version, stripeCustomer: payer.stripeCustomer, promotionId };
  await (payer.paymentMethod ? buyWithCard(ctx, sale) : openCheckout(ctx, sale));
  return purchase.subscription_id;
}

function toOrder({ customerId, version, input }: Wish): Order {
  return {
    customerId,
    version,
    quantity: input.quantity ?? 1,
    promotionCode: input.promotion_code ?? null,
    successUrl: input.success_url ?? null,
    cancelUrl: input.cancel_url ?? null,
  };
}

/** Only Stripe knows whether a code is good now. */
async function promotionCodeId(ctx: Context, code: string | undefined): Promise<string | null> {
  if (code === undefined) return null;
  const { data } = await callStripe(() =>
    ctx.stripe.promotionCodes.list({ code, active: true, limit: 1 }),
  );
  if (!data[0])
    throw invalid({ pointer: '/promotion_code', detail: 'is not known or no longer valid' });
  return data[0].id;
}

/** A free plan, or a gift, lives with us alone: the first one, or another instead of the one there is. */
async function takeFree(ctx: Context, caller: Caller, wish: Wish): Promise<string> {
  const { customerId, version, input } = wish;
  if (input.promotion_code !== undefined) {
    throw invalid({ pointer: '/promotion_code', detail: 'cannot be used where nothing is paid' });
  }
  const waiting = await goingOn(ctx.db, customerId);
  if (waiting?.state === 'checkout') await settlePurchase(ctx, waiting);
  return inTransaction(ctx, async (tx) => {
    const now = ctx.now();
    await lockCustomer(tx, customerId);
    await refuseSecond(tx, customerId);
    if (await goingOn(tx, customerId)) {
      throw new AppError('purchase_in_flight', 'A purchase of this customer is under way.');
    }
    await endDueFreeSubscription(tx, now, customerId);
    const own = await ownRow(tx, customerId);
    if (own?.status === 'active' && own.plan_version_id === version.id) {
      throw new AppError('subscription_exists', 'This customer is on that plan already.');
    }
    const { quantity } = input;
    const start = { now, actor: caller, customerId, versionId: version.id, quantity, at: now };
    return (await startFreeSubscription(tx, start)).id;
  });
}
