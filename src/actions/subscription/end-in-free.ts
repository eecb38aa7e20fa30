// From a paid plan down to a free one: Stripe is told to end at the period's end, and what is to follow is saved with
// us, guarded against looks that began before Stripe knew. The free plan itself is begun by the look that sees the end.
import { withLease } from '../../adapters/lease.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { Caller } from '../caller.ts';
import { publishSubscription } from '../event/subscription.ts';
import { recordIntent } from '../intent.ts';
import { syncNow } from '../stripe/object.ts';
import { want } from '../stripe/want.ts';
import { endLater } from './cancel.ts';
import type { Move } from './change.ts';
import { lockCustomer } from './row.ts';
import { releaseSchedule } from './schedule.ts';
import { endInFreeOf } from './subscription.ts';

/** What was paid for is used up; free follows the instant it ends (subscription-sync.ts starts it). */
export async function endInFree(ctx: Context, caller: Caller, move: Move): Promise<void> {
  const { row, version } = move;
  if (row.cancel_at && row.pending_plan_version_id === version.id) return;
  const stripeId = row.stripe_subscription_id!;
  const current = await releaseSchedule(ctx, stripeId);
  try {
    // While this is held, a look that found no end at Stripe yet leaves the pending plan alone. The look that ends
    // it is part of it: whatever was seen before that is then too old to be written.
    await withLease(ctx.pool, endInFreeOf(row.id), async () => {
      await saveFreePending(ctx, caller, move);
      await callStripe(() => endLater(ctx, current, { effective: 'period_end' }));
      await syncNow(ctx, 'subscription', stripeId);
    });
  } catch (error) {
    // Without an end at Stripe, the look takes the pending plan back.
    await wantSoon(ctx, stripeId);
    throw error;
  }
}

async function saveFreePending(
  ctx: Context,
  caller: Caller,
  { row, version }: Move,
): Promise<void> {
  const pending = {
    pending_plan_version_id: version.id,
    pending_quantity: 1,
    pending_effective_at: row.current_period_end,
    pending_reason: 'scheduled',
  };
  await inTransaction(ctx, async (tx) => {
    await lockCustomer(tx, row.customer_id);
    await tx.subscription.update({ where: { id: row.id }, data: pending });
    await recordIntent(tx, ctx.now(), caller, {
      action: 'subscription.change',
      objectId: row.id,
      customerId: row.customer_id,
      before: { plan_version_id: row.plan_version_id },
      after: pending,
    });
    await publishSubscription(tx, ctx.now(), { id: row.id, before: row });
  });
}

async function wantSoon(ctx: Context, stripeId: string): Promise<void> {
  await want(ctx.db, { kind: 'subscription', id: stripeId });
  await ctx.queue.wake('process-stripe-event');
}
