// The two billing modes (https://docs.stripe.com/billing/subscriptions/billing-mode/compare): what a
// subscription's mode says. What follows from it is where it happens.
import type { BillingMode, BillingModeAsked } from '../store/entity-subscription.ts';

/** The mode as a row keeps it; flexible without a word, as at Stripe. */
export const billingModeOf = (asked: BillingModeAsked | undefined): BillingMode =>
  asked?.type === 'classic'
    ? { flexible: null, type: 'classic' }
    : {
        flexible: { proration_discounts: asked?.flexible?.proration_discounts ?? 'included' },
        type: 'flexible',
      };

export const isFlexible = ({ billing_mode: mode }: { billing_mode: BillingMode }): boolean =>
  mode.type === 'flexible';

/** Whether prorations show what discounts took off them, instead of being less by it. */
export const isItemized = ({ billing_mode: mode }: { billing_mode: BillingMode }): boolean =>
  mode.flexible?.proration_discounts === 'itemized';
