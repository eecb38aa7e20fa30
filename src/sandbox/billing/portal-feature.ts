// What a configuration of the portal lets people do (https://docs.stripe.com/api/customer_portal/configurations):
// what was asked over what was there. Does none of it.
import { invalid } from '../api/error.ts';
import type { PortalConfiguration, PortalFeatures } from '../store/entity-session.ts';
import type { World } from '../world.ts';

/** Where nobody said anything: people may pay, change their card and cancel at the period's end. */
export const usualFeatures: PortalFeatures = {
  customer_update: { allowed_updates: [], enabled: false },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true, payment_method_configuration: null },
  subscription_cancel: {
    cancellation_reason: { enabled: false, feedback_options: null, options: [] },
    enabled: true,
    mode: 'at_period_end',
    proration_behavior: 'none',
  },
  subscription_pause: { duration: { interval_options: [], type: 'indefinite' }, enabled: false },
  subscription_update: {
    billing_cycle_anchor: null,
    default_allowed_updates: [],
    enabled: false,
    products: [],
    proration_behavior: 'none',
    schedule_at_period_end: { conditions: [] },
    trial_update_behavior: 'end_trial',
  },
};

/** What a new configuration begins with: nothing that was not asked for. */
export const noFeatures: PortalFeatures = {
  ...usualFeatures,
  invoice_history: { enabled: false },
  payment_method_update: { ...usualFeatures.payment_method_update, enabled: false },
  subscription_cancel: { ...usualFeatures.subscription_cancel, enabled: false },
};

type Given = {
  [F in keyof PortalFeatures]?:
    { [K in keyof PortalFeatures[F]]?: PortalFeatures[F][K] | undefined } | undefined;
};

/** Field by field, so that a change of one leaves the others. */
export const mergeFeatures = (
  world: World,
  before: PortalFeatures,
  asked: Given,
): PortalFeatures => {
  const merged = Object.fromEntries(
    Object.entries(before).map(([name, fields]) => {
      const given = Object.entries(asked[name as keyof PortalFeatures] ?? {});
      const said = given.filter(([, value]) => value !== undefined);
      return [name, { ...fields, ...Object.fromEntries(said) }];
    }),
  ) as PortalFeatures;
  requireWhole(world, merged);
  return merged;
};

/** What is enabled needs to be said in full. */
const requireWhole = (world: World, features: PortalFeatures): void => {
  const { customer_update: customer, subscription_update: update } = features;
  const lacks = (param: string) =>
    invalid(`Missing required param: ${param}.`, { param, code: 'parameter_missing' });
  if (customer.enabled && customer.allowed_updates.length === 0) {
    throw lacks('features[customer_update][allowed_updates]');
  }
  if (!update.enabled) return;
  if (update.default_allowed_updates.length === 0) {
    throw lacks('features[subscription_update][default_allowed_updates]');
  }
  if (update.products.length === 0) throw lacks('features[subscription_update][products]');
  for (const [i, { product, prices }] of update.products.entries()) {
    const param = `features[subscription_update][products][${i}]`;
    for (const id of prices) {
      const price = world.store.get('price', id);
      if (price?.product !== product || price.recurring === null) {
        throw invalid(`The price ${id} is no recurring price of the product ${product}.`, {
          param: `${param}[prices]`,
        });
      }
    }
  }
};

export const featuresOf = (configuration: PortalConfiguration): PortalFeatures =>
  configuration.features ?? usualFeatures;
