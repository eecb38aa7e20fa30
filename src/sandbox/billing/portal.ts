// What a person does in the billing portal: change the card, cancel and keep a subscription, pay
// an open invoice (https://docs.stripe.com/customer-management).
import { change } from '../delivery/event.ts';
import { invalid } from '../api/error.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { Customer } from '../store/entity.ts';
import type { PortalConfiguration, PortalFeatures } from '../store/entity-session.ts';
import { newId, nowOn, type World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { cardByNumber } from './card.ts';
import { attach, cardError, makeMethod } from './payment-method.ts';
import { cancelNow } from './subscription-cancel.ts';
import { updateSubscription } from './subscription-update.ts';

/** A new card becomes the customer's default, and that of subscriptions that had their own. */
export const changeCard = (world: World, customer: Customer, number: string): void => {
  const digits = number.replaceAll(/\s/g, '');
  if (!/^\d{12,19}$/.test(digits)) {
    throw cardError(
      { code: 'incorrect_number', decline_code: '', message: 'Your card number is incorrect.' },
      {},
    );
  }
  const made = makeMethod(world, cardByNumber(digits), { clock: customer.test_clock });
  const method = attach(world, made, customer);
  world.store.update('payment_method', method.id, { _set_up: true });
  change(
    world,
    'customer',
    customer.id,
    { invoice_settings: { default_payment_method: method.id } },
    'customer.updated',
  );
  for (const subscription of liveSubscriptions(world, customer.id)) {
    if (subscription.default_payment_method === null) continue;
    change(
      world,
      'subscription',
      subscription.id,
      { default_payment_method: method.id },
      'customer.subscription.updated',
    );
  }
};

export const liveSubscriptions = (world: World, customer: string): Subscription[] =>
  [...world.store.all('subscription')].filter(
    (row) =>
      row.customer === customer && row.status !== 'canceled' && row.status !== 'incomplete_expired',
  );

/**
 * At the period's end, or not after all. Flexible billing says the instant, classic billing the flag
 * (https://docs.stripe.com/billing/subscriptions/billing-mode/compare, "Cancellations").
 */
export const setCancellation = (
  world: World,
  customer: Customer,
  id: string,
  cancels: boolean,
  rules: CancelRules,
  feedback?: string,
): void => {
  const subscription = ownSubscription(world, customer, id);
  const about = feedback === undefined ? {} : { cancellation_details: { feedback } };
  if (!cancels) updateSubscription(world, subscription, { cancel_at: null });
  else if (rules.mode === 'at_period_end') {
    updateSubscription(world, subscription, { ...ending(subscription), ...about });
  } else {
    const prorate = rules.proration_behavior !== 'none';
    const invoice_now = rules.proration_behavior === 'always_invoice';
    cancelNow(world, subscription, { prorate, invoice_now, ...about });
  }
};

type CancelRules = PortalFeatures['subscription_cancel'];

const ownSubscription = (world: World, customer: Customer, id: string): Subscription => {
  const subscription = liveSubscriptions(world, customer.id).find((row) => row.id === id);
  if (subscription === undefined) throw invalid('This subscription is not yours or has ended.');
  return subscription;
};

const ending = (subscription: Subscription) =>
  isFlexible(subscription)
    ? { cancel_at: 'max_period_end' as const, proration_behavior: 'none' as const }
    : { cancel_at_period_end: true };

export type PlanChoice = { price?: string | undefined; quantity?: number | undefined };

/** Another price or quantity of a subscription with one item, as far as the configuration lets. */
export const choosePlan = (
  world: World,
  customer: Customer,
  id: string,
  choice: PlanChoice,
  rules: PortalFeatures['subscription_update'],
): void => {
  const subscription = ownSubscription(world, customer, id);
  const [item] = subscription.items;
  const price = choice.price ?? item!.price;
  const quantity = choice.quantity ?? item!.quantity;
  const offered = rules.products.find(({ prices }) => prices.includes(price));
  const may = (what: 'price' | 'quantity'): boolean => rules.default_allowed_updates.includes(what);
  const { enabled, minimum, maximum } = offered?.adjustable_quantity ?? noQuantity;
  const isAllowed =
    offered !== undefined &&
    subscription.items.length === 1 &&
    (price === item!.price || may('price')) &&
    (quantity === item!.quantity ||
      (enabled && may('quantity') && quantity >= minimum && quantity <= (maximum ?? Infinity)));
  if (!isAllowed) throw invalid('This change is not offered here.');
  const endsTrial =
    subscription.status === 'trialing' && rules.trial_update_behavior === 'end_trial';
  updateSubscription(world, subscription, {
    items: [{ id: item!.id, price, quantity }],
    proration_behavior: rules.proration_behavior,
    payment_behavior: 'error_if_incomplete',
    ...(rules.billing_cycle_anchor === null
      ? {}
      : { billing_cycle_anchor: { type: rules.billing_cycle_anchor } }),
    ...(endsTrial ? { trial_end: 'now' as const } : {}),
  });
};

const noQuantity = { enabled: false, minimum: 1, maximum: null };

/** The account's configuration of the portal; there is always one. */
export const defaultConfiguration = (world: World): PortalConfiguration => {
  for (const row of world.store.all('billing_portal.configuration')) if (row.is_default) return row;
  const now = nowOn(world, null);
  return world.store.put('billing_portal.configuration', {
    id: newId('bpc'),
    object: 'billing_portal.configuration',
    active: true,
    created: now,
    updated: now,
    is_default: true,
    metadata: {},
  });
};
