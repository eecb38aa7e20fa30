// Changes that wait for the period's end live in a schedule at Stripe, with two phases: as it is, as it will be.
// https://docs.stripe.com/billing/subscriptions/subscription-schedules
import type Stripe from 'stripe';
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';

export type Target = { price: string; quantity: number; interval: 'month' | 'year' };

/** From the period's end on, `item` is `target`; any other item stays. Replaces what was scheduled. */
export async function scheduleChange(
  ctx: Context,
  subscription: Stripe.Subscription,
  change: { itemId: string; target: Target; items: Stripe.SubscriptionItem[] },
): Promise<void> {
  const { subscriptionSchedules } = ctx.stripe;
  const attached = scheduleId(subscription);
  const schedule = await callStripe(() =>
    attached
      ? subscriptionSchedules.retrieve(attached)
      : subscriptionSchedules.create({ from_subscription: subscription.id }),
  );
  const { start_date, end_date } = schedule.current_phase ?? schedule.phases[0]!;
  const { target, items } = change;
  await callStripe(() =>
    subscriptionSchedules.update(schedule.id, {
      end_behavior: 'release',
      phases: [
        { start_date, end_date, items: items.map(keep) },
        {
          items: items.map((item) =>
            item.id === change.itemId
              ? { price: target.price, quantity: target.quantity }
              : keep(item),
          ),
          duration: { interval: target.interval, interval_count: 1 },
          proration_behavior: 'none',
        },
      ],
    }),
  );
}

/** Takes a scheduled change back: the subscription goes on as it is, and as it is is what comes back. */
export async function releaseSchedule(
  ctx: Context,
  subscriptionId: string,
): Promise<Stripe.Subscription> {
  const subscription = await callStripe(() => ctx.stripe.subscriptions.retrieve(subscriptionId));
  const attached = scheduleId(subscription);
  if (attached) await callStripe(() => ctx.stripe.subscriptionSchedules.release(attached));
  return subscription;
}

function scheduleId({ schedule }: Stripe.Subscription): string | null {
  return typeof schedule === 'string' ? schedule : (schedule?.id ?? null);
}

/** Metered ones have no quantity, and Stripe takes none for them. */
function keep({ price, quantity }: Stripe.SubscriptionItem): { price: string; quantity?: number } {
  return { price: price.id, ...(quantity === undefined ? {} : { quantity }) };
}
