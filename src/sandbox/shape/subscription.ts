// How Stripe shows subscriptions and schedules: the period lives on the items, prices are current.
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import type { SubscriptionSchedule } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import type { DiscountAsked } from '../billing/discount.ts';
import type { OnceItemAsked } from '../billing/once-item.ts';
import { isMetered } from '../billing/usage.ts';
import { showPlan, showPrice } from './catalog.ts';
import { showTaxRate } from './tax.ts';
import { embedded, publicPart, type Wire } from './wire.ts';

export const showItem = (world: World, item: SubscriptionItem): Wire => {
  const price = world.store.need('price', item.price);
  return {
    billing_thresholds: null,
    current_trial: null,
    discounts: item._discounts ?? [],
    tax_rates: ratesOf(world, item),
    id: item.id,
    object: item.object,
    created: item.created,
    current_period_end: item.current_period_end,
    current_period_start: item.current_period_start,
    metadata: item.metadata,
    plan: showPlan(price),
    price: showPrice(price),
    ...(isMetered(price) ? {} : { quantity: item.quantity }),
    subscription: item.subscription,
  };
};

const ratesOf = (world: World, { _tax_rates: ids = [] }: { _tax_rates?: string[] }): Wire[] =>
  ids.map((id) => showTaxRate(world.store.need('tax_rate', id)));

export const showSubscription = (world: World, subscription: Subscription): Wire => ({
  application: null,
  application_fee_percent: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  billing_cycle_anchor_config: null,
  billing_schedules: [],
  billing_thresholds: null,
  customer_account: null,
  default_source: null,
  default_tax_rates: ratesOf(world, subscription),
  invoice_settings: {
    account_tax_ids: null,
    custom_fields: null,
    description: null,
    footer: null,
    issuer: { type: 'self' },
  },
  managed_payments: null,
  next_pending_invoice_item_invoice: null,
  on_behalf_of: null,
  payment_settings: {
    payment_method_options: null,
    payment_method_types: null,
    save_default_payment_method: 'off',
  },
  pending_invoice_item_interval: null,
  transfer_data: null,
  ...visiblePart(subscription),
  items: embedded(
    `/v1/subscription_items?subscription=${subscription.id}`,
    subscription.items.map((item) => showItem(world, item)),
  ),
  pending_update: showPendingUpdate(world, subscription),
});

/** `status_details` is there only while there is something to say. */
const visiblePart = (subscription: Subscription): Wire => {
  const { status_details: details, ...rest } = publicPart(subscription);
  return details === null ? rest : { ...rest, status_details: details };
};

const showPendingUpdate = (world: World, { _pending: pending }: Subscription): Wire | null =>
  pending === null || !pending.shown
    ? null
    : {
        billing_cycle_anchor: pending.anchor,
        cancel_at_period_end: null,
        discount: null,
        discounts: null,
        expires_at: pending.expires_at,
        metadata: null,
        subscription_items: pending.items.map((item) => showItem(world, item)),
        trial_end: pending.trial_end,
        trial_from_plan: null,
      };

const showAsked = (asked: DiscountAsked): Wire => ({
  coupon: asked.coupon ?? null,
  discount: asked.discount ?? null,
  promotion_code: asked.promotion_code ?? null,
});

const showOnce = (item: OnceItemAsked): Wire => ({
  discountable: item.discountable ?? null,
  discounts: (item.discounts ?? []).map(showAsked),
  metadata: item.metadata ?? {},
  period: item.period ?? { end: { type: 'min_item_period_end' }, start: { type: 'phase_start' } },
  price: item.price,
  quantity: item.quantity ?? 1,
  tax_rates: [],
});

export const showSchedule = (world: World, schedule: SubscriptionSchedule): Wire => ({
  application: null,
  billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
  customer_account: null,
  default_settings: {
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: 'automatic',
    billing_thresholds: null,
    collection_method: 'charge_automatically',
    default_payment_method: null,
    description: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      days_until_due: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    on_behalf_of: null,
    transfer_data: null,
  },
  pause_schedules: [],
  ...publicPart(schedule),
  phases: schedule.phases.map(({ _once = [], _discounts = [], _tax_rates = [], ...phase }) => ({
    add_invoice_items: _once.map(showOnce),
    application_fee_percent: null,
    billing_cycle_anchor: null,
    billing_thresholds: null,
    collection_method: null,
    default_payment_method: null,
    default_tax_rates: _tax_rates.map((id) => showTaxRate(world.store.need('tax_rate', id))),
    description: null,
    discounts: _discounts.map(showAsked),
    invoice_settings: null,
    on_behalf_of: null,
    transfer_data: null,
    ...phase,
    items: phase.items.map((item) => ({
      billing_thresholds: null,
      metadata: {},
      plan: item.price,
      ...item,
      discounts: (item.discounts ?? []).map(showAsked),
      tax_rates: (item.tax_rates ?? []).map((id) => showTaxRate(world.store.need('tax_rate', id))),
    })),
  })),
});
