// Pausing: Stripe goes on counting periods but voids their invoices, and access stops as the settings say.
// Resuming ends that, and also wakes a subscription that Stripe itself has paused.
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../domain/error.ts';
import { isFinal } from '../../domain/subscription.ts';
import type { Caller } from '../caller.ts';
import { recordIntent } from '../intent.ts';
import { publishSubscription } from '../event/subscription.ts';
import { syncNow } from '../stripe/object.ts';
import { lockCustomer } from './row.ts';
import { getSubscription, withSubscription } from './subscription.ts';
import type { SubscriptionView, SubscriptionWithPlans } from './subscription.ts';

/** `PUT …/pause`. Paused already is fine. */
export async function pauseSubscription(
  ctx: Context,
  caller: Caller,
  id: string,
): Promise<SubscriptionView> {
  await setPaused(ctx, caller, id, true);
  return getSubscription(ctx, caller, id);
}

/** `DELETE …/pause`. Not paused is fine. */
export async function resumeSubscription(
  ctx: Context,
  caller: Caller,
  id: string,
): Promise<SubscriptionView> {
  await setPaused(ctx, caller, id, false);
  return getSubscription(ctx, caller, id);
}

async function setPaused(ctx: Context, caller: Caller, id: string, paused: boolean): Promise<void> {
  await withSubscription(ctx, caller, id, async (row) => {
    if (isFinal(row.status) || row.status === 'incomplete') {
      throw new AppError(
        'invalid_state',
        'Only a subscription that is in force can be paused or resumed.',
      );
    }
    await inTransaction(ctx, async (tx) => {
      await lockCustomer(tx, row.customer_id);
      if (row.collection_paused === paused && row.status !== 'paused') return;
      await recordIntent(tx, ctx.now(), caller, {
        action: paused ? 'subscription.pause' : 'subscription.resume',
        objectId: id,
        customerId: row.customer_id,
        before: { collection_paused: row.collection_paused, status: row.status },
        after: { collection_paused: paused },
      });
      // Of Stripe's own, the look writes and tells it.
      if (row.stripe_subscription_id) return;
      await tx.subscription.update({ where: { id }, data: { collection_paused: paused } });
      await publishSubscription(tx, ctx.now(), { id, before: row });
    });
    if (row.stripe_subscription_id) await setAtStripe(ctx, row, paused);
  });
}

async function setAtStripe(
  ctx: Context,
  row: SubscriptionWithPlans,
  paused: boolean,
): Promise<void> {
  const { subscriptions } = ctx.stripe;
  const id = row.stripe_subscription_id!;
  const current = await callStripe(() => subscriptions.retrieve(id));
  if (!paused && current.status === 'paused') await callStripe(() => subscriptions.resume(id));
  if (paused !== (current.pause_collection !== null)) {
    await callStripe(() =>
      subscriptions.update(id, { pause_collection: paused ? { behavior: 'void' } : '' }),
    );
  }
  await syncNow(ctx, 'subscription', id);
}
