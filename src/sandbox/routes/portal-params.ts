// The parameters of /v1/billing_portal/configurations.
import { z } from 'zod';
import { bool, clearable, int, metadata, text } from '../api/params.ts';
import { proration } from './subscription-params.ts';

const none = (value: null | unknown[]) => value ?? [];
const listOf = <T extends z.ZodType>(one: T) =>
  clearable(z.array(one).max(20)).transform((list) => none(list) as z.output<T>[]);

const features = z.strictObject({
  customer_update: z
    .strictObject({
      allowed_updates: listOf(z.enum(['address', 'email', 'name', 'phone', 'tax_id'])).optional(),
      enabled: bool.optional(),
    })
    .optional(),
  invoice_history: z.strictObject({ enabled: bool }).optional(),
  payment_method_update: z.strictObject({ enabled: bool }).optional(),
  subscription_cancel: z
    .strictObject({
      cancellation_reason: z
        .strictObject({
          enabled: bool,
          options: listOf(
            z.enum([
              'customer_service',
              'low_quality',
              'missing_features',
              'other',
              'switched_service',
              'too_complex',
              'too_expensive',
              'unused',
            ]),
          ).optional(),
        })
        .transform(({ enabled, options }) => ({
          enabled,
          feedback_options: null,
          options: options ?? [],
        }))
        .optional(),
      enabled: bool.optional(),
      mode: z.enum(['at_period_end', 'immediately']).optional(),
      proration_behavior: proration.optional(),
    })
    .optional(),
  subscription_pause: z
    .strictObject({ enabled: z.literal('false').transform(() => false) })
    .optional(),
  subscription_update: z
    .strictObject({
      billing_cycle_anchor: z.enum(['now', 'unchanged']).optional(),
      default_allowed_updates: listOf(z.enum(['price', 'quantity'])).optional(),
      enabled: bool.optional(),
      products: listOf(
        z.strictObject({
          adjustable_quantity: z
            .strictObject({
              enabled: bool,
              maximum: int.optional(),
              minimum: int.optional(),
            })
            .optional(),
          prices: z.array(text).min(1).max(20),
          product: text,
        }),
      )
        .transform((products) =>
          products.map(({ adjustable_quantity: adjustable, prices, product }) => ({
            adjustable_quantity: {
              enabled: adjustable?.enabled ?? false,
              maximum: adjustable?.maximum ?? null,
              minimum: adjustable?.minimum ?? 1,
            },
            prices,
            product,
          })),
        )
        .optional(),
      proration_behavior: proration.optional(),
      trial_update_behavior: z.enum(['continue_trial', 'end_trial']).optional(),
    })
    .optional(),
});

const shared = {
  business_profile: z
    .strictObject({
      headline: clearable(text).optional(),
      privacy_policy_url: clearable(text).optional(),
      terms_of_service_url: clearable(text).optional(),
    })
    .optional(),
  default_return_url: clearable(text).optional(),
  metadata: metadata.optional(),
  name: clearable(text).optional(),
};
export const configurationParams = z.strictObject({ ...shared, features });
export const configurationUpdate = z.strictObject({
  ...shared,
  active: bool.optional(),
  features: features.optional(),
});
