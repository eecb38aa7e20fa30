// The intent to buy, saved before Stripe is called. One purchase of a customer goes on at a time, whichever
// process takes the request; what an earlier one left behind is adopted or taken back first.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import type { PlanVersion, Purchase, Subscription } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishSubscription } from '../event/subscription.ts';
import { settlePurchase } from './settle.ts';
import { endDueFreeSubscription } from '../subscription/end.ts';
import { lockCustomer, ownRow } from '../subscription/row.ts';

export type Order = {
  customerId: string;
  version: PlanVersion;
  quantity: number;
  promotionCode: string | null;
  successUrl: string | null;
  cancelUrl: string | null;
};

/** Longer than buying may take; then whoever comes next may take over. */
const leaseMs = 60_000;
const attemptsMax = 4;
const waitForOtherMs = 10_000;
const lookAgainAfterMs = 50;

type Attempt =
  | { kind: 'opened'; purchase: Purchase }
  | { kind: 'busy'; purchase: Purchase }
  | { kind: 'older'; purchase: Purchase };

/** A purchase of our own, `adopted` where an earlier call had in fact bought this very thing. 409 where none may begin. */
export async function openPurchase(
  ctx: Context,
  caller: Caller,
  order: Order,
): Promise<{ purchase: Purchase; adopted: boolean }> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const { kind, purchase } = await inTransaction(ctx, (tx) =>
      tryOpen(tx, ctx.now(), caller, order),
    );
    if (kind === 'opened') return { purchase, adopted: false };
    if (kind === 'busy') return refuseAfter(ctx, purchase);
    const settled = await settlePurchase(ctx, purchase);
    const isLeftover = purchase.state === 'open' && settled.state === 'done';
    if (isLeftover && isFor(settled, order)) return { purchase: settled, adopted: true };
  }
  throw new AppError('purchase_in_flight', 'Another purchase of this customer is under way.');
}

async function tryOpen(tx: Tx, now: Date, caller: Caller, order: Order): Promise<Attempt> {
  await lockCustomer(tx, order.customerId);
  await refuseSecond(tx, order.customerId);
  const current = await goingOn(tx, order.customerId);
  if (current) {
    return { kind: isBusy(current) ? 'busy' : 'older', purchase: current };
  }
  await endDueFreeSubscription(tx, now, order.customerId);
  const row = await rowToServe(tx, now, order);
  const purchase = await tx.purchase.create({
    data: {
      id: newId('pur'),
      customer_id: order.customerId,
      subscription_id: row.id,
      plan_version_id: order.version.id,
      quantity: order.quantity,
      promotion_code: order.promotionCode,
      success_url: order.successUrl,
      cancel_url: order.cancelUrl,
      state: 'open',
      created_at: now,
      lease_until: new Date(Date.now() + leaseMs),
    },
  });
  await audit(tx, now, caller, {
    action: 'purchase.create',
    objectId: purchase.id,
    customerId: order.customerId,
    after: { plan_version_id: order.version.id, quantity: order.quantity },
  });
  return { kind: 'opened', purchase };
}

/** The free one serves on until payment is known; without one, a row waits for its first payment. */
async function rowToServe(tx: Tx, now: Date, order: Order): Promise<Subscription> {
  const own = await ownRow(tx, order.customerId);
  const bought = { plan_version_id: order.version.id, quantity: order.quantity };
  if (own?.status === 'active') return own;
  if (own) {
    const row = await tx.subscription.update({ where: { id: own.id }, data: bought });
    await publishSubscription(tx, now, { id: own.id, before: own });
    return row;
  }
  const times = { started_at: now, created_at: now };
  const row = await tx.subscription.create({
    data: {
      ...bought,
      ...times,
      id: newId('sub'),
      customer_id: order.customerId,
      status: 'incomplete',
    },
  });
  await publishSubscription(tx, now, { id: row.id, before: null });
  return row;
}

/** 409 while a paid subscription lives: changing it is another request. */
export async function refuseSecond(tx: Tx, customerId: string): Promise<void> {
  if (!(await hasPaid(tx, customerId))) return;
  throw new AppError(
    'subscription_exists',
    'This customer has a paid subscription already; change that one.',
  );
}

async function hasPaid(tx: Tx, customerId: string): Promise<boolean> {
  const row = await tx.subscription.findFirst({
    where: {
      customer_id: customerId,
      stripe_subscription_id: { not: null },
      status: { notIn: ['incomplete', 'incomplete_expired', 'canceled'] },
    },
    select: { id: true },
  });
  return row !== null;
}

/** The purchase that is neither bought nor given up: at most one (unique index). */
export function goingOn(tx: Tx, customerId: string): Promise<Purchase | null> {
  return tx.purchase.findFirst({
    where: { customer_id: customerId, state: { in: ['open', 'checkout'] } },
  });
}

/** Somebody else is buying: how that ends decides what the loser hears. */
async function refuseAfter(ctx: Context, purchase: Purchase): Promise<never> {
  await untilNobodyBuys(ctx, purchase.customer_id);
  await refuseSecond(ctx.db, purchase.customer_id);
  throw new AppError('purchase_in_flight', 'Another purchase of this customer was under way.');
}

/** Waits, within a bound, while a process is at work on a purchase. Returns what is then left to settle, if anything. */
export async function untilNobodyBuys(ctx: Context, customerId: string): Promise<Purchase | null> {
  const until = Date.now() + waitForOtherMs;
  for (;;) {
    const current = await goingOn(ctx.db, customerId);
    if (!current || !isBusy(current)) return current;
    if (Date.now() > until) {
      throw new AppError('purchase_in_flight', 'A purchase of this customer is under way.');
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }
}

/** The process that opened it may still be calling Stripe. */
function isBusy(purchase: Purchase): boolean {
  return purchase.state === 'open' && purchase.lease_until.getTime() > Date.now();
}

function isFor(purchase: Purchase, order: Order): boolean {
  return purchase.plan_version_id === order.version.id && purchase.quantity === order.quantity;
}
