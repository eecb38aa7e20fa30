// The parameters of /v1/checkout/sessions, apart since they are many. What only changes how Stripe's
// page looks is taken and ignored.
import { z } from 'zod';
import { bool, created, currency, int, metadata, paging, text, timestamp } from '../api/params.ts';
import { lineData } from '../billing/price-inline.ts';
import { billingMode } from './subscription-params.ts';

const loose = z.looseObject({}).optional();
const webAddress = z
  .string()
  .regex(/^https?:\/\/\S+$/, 'Not a valid URL')
  .max(5000);

export const createParams = z.strictObject({
  mode: z.enum(['subscription', 'setup', 'payment']),
  customer: text.optional(),
  customer_email: text.optional(),
  customer_creation: z.enum(['always', 'if_required']).optional(),
  customer_update: loose,
  client_reference_id: z.string().max(200).optional(),
  success_url: webAddress.optional(),
  cancel_url: webAddress.optional(),
  currency: currency.optional(),
  line_items: z
    .array(
      z.strictObject({
        price: text.optional(),
        price_data: lineData.optional(),
        quantity: int.refine((n) => n >= 1 && n <= 999_999, 'Invalid positive integer').optional(),
        adjustable_quantity: loose,
      }),
    )
    .min(1)
    .max(20)
    .optional(),
  subscription_data: z
    .strictObject({
      billing_mode: billingMode.optional(),
      description: text.optional(),
      metadata: metadata.optional(),
      trial_end: timestamp.optional(),
      trial_period_days: int.refine((n) => n >= 1 && n <= 730, 'Invalid integer').optional(),
      trial_settings: z
        .strictObject({
          end_behavior: z.strictObject({
            missing_payment_method: z.enum(['create_invoice', 'pause', 'cancel']),
          }),
        })
        .optional(),
    })
    .optional(),
  allowed_payment_method_types: z.array(text).max(20).optional(),
  /** Of older API versions. */
  payment_method_types: z.array(text).max(20).optional(),
  payment_intent_data: z
    .strictObject({
      capture_method: z.enum(['automatic', 'automatic_async', 'manual']).optional(),
      description: text.optional(),
      metadata: metadata.optional(),
      receipt_email: text.optional(),
      setup_future_usage: z.enum(['off_session', 'on_session']).optional(),
      shipping: loose,
      statement_descriptor: z.string().max(22).optional(),
      statement_descriptor_suffix: z.string().max(22).optional(),
      transfer_group: text.optional(),
    })
    .optional(),
  setup_intent_data: z
    .strictObject({ description: text.optional(), metadata: metadata.optional() })
    .optional(),
  discounts: z
    .array(z.strictObject({ coupon: text.optional(), promotion_code: text.optional() }))
    .max(1)
    .optional(),
  allow_promotion_codes: bool.optional(),
  payment_method_collection: z.enum(['always', 'if_required']).optional(),
  metadata: metadata.optional(),
  expires_at: timestamp.optional(),
  locale: text.optional(),
  submit_type: text.optional(),
  ui_mode: z.enum(['hosted', 'hosted_page']).optional(),
  automatic_tax: z.strictObject({ enabled: z.literal('false') }).optional(),
  billing_address_collection: text.optional(),
  tax_id_collection: loose,
  phone_number_collection: loose,
  saved_payment_method_options: loose,
  custom_text: loose,
  consent_collection: loose,
});
export const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  customer_details: z.strictObject({ email: text }).optional(),
  payment_intent: text.optional(),
  status: z.enum(['open', 'complete', 'expired']).optional(),
  subscription: text.optional(),
});
