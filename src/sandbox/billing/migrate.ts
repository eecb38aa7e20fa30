// POST /v1/subscriptions/{id}/migrate: from classic to flexible billing, and from discounts inside
// prorations to discounts beside them; never back
// (https://docs.stripe.com/billing/subscriptions/billing-mode).
import { invalid } from '../api/error.ts';
import { change } from '../delivery/event.ts';
import type { BillingModeAsked, Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { billingModeOf, isFlexible, isItemized } from './billing-mode.ts';

export const migrate = (
  world: World,
  subscription: Subscription,
  asked: BillingModeAsked,
): Subscription => {
  const wanted = billingModeOf(asked);
  const goesBack = isItemized(subscription) && wanted.flexible?.proration_discounts === 'included';
  const stays = isFlexible(subscription) && wanted.flexible?.proration_discounts === 'included';
  if (goesBack || stays || wanted.type === 'classic') {
    throw invalid(
      `This subscription's \`billing_mode\` cannot be changed from \`${subscription.billing_mode.type}\` in this way.`,
      { param: 'billing_mode' },
    );
  }
  const updated_at = nowOn(world, subscription.test_clock);
  return change(
    world,
    'subscription',
    subscription.id,
    { billing_mode: { ...wanted, updated_at } },
    'customer.subscription.updated',
  );
};
