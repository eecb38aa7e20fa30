// The parameters of /v1/payment_intents, apart since they are many. What only a bank or a page
// would look at is taken and kept as it is.
import { z } from 'zod';
import { bool, clearable, created, currency, int, metadata, paging, text } from '../api/params.ts';
import { methodData } from './payment-method.ts';

const positive = int.refine((n) => n > 0, 'Invalid positive integer');
const loose = z.looseObject({});
const shipping = clearable(
  z.strictObject({
    address: z.strictObject({
      city: text.optional(),
      country: text.optional(),
      line1: text.optional(),
      line2: text.optional(),
      postal_code: text.optional(),
      state: text.optional(),
    }),
    carrier: text.optional(),
    name: text,
    phone: text.optional(),
    tracking_number: text.optional(),
  }),
);
const offSession = z.union([bool, z.enum(['one_off', 'recurring'])]);

/** What an intent carries without a thought of its own. */
export const carried = [
  'description',
  'receipt_email',
  'setup_future_usage',
  'shipping',
  'statement_descriptor',
  'statement_descriptor_suffix',
  'transfer_group',
] as const;

const shared = {
  description: clearable(text).optional(),
  metadata: metadata.optional(),
  payment_method: text.optional(),
  payment_method_data: methodData.optional(),
  payment_method_options: loose.optional(),
  allowed_payment_method_types: z.array(text).max(20).optional(),
  receipt_email: clearable(z.string().max(512)).optional(),
  setup_future_usage: clearable(z.enum(['off_session', 'on_session'])).optional(),
  shipping: shipping.optional(),
  statement_descriptor: z.string().max(22).optional(),
  statement_descriptor_suffix: z.string().max(22).optional(),
  transfer_group: text.optional(),
};

export const createParams = z.strictObject({
  ...shared,
  amount: positive,
  currency,
  automatic_payment_methods: z
    .strictObject({ enabled: bool, allow_redirects: z.enum(['always', 'never']).optional() })
    .optional(),
  capture_method: z.enum(['automatic', 'automatic_async', 'manual']).optional(),
  confirm: bool.optional(),
  confirmation_method: z.enum(['automatic', 'manual']).optional(),
  customer: text.optional(),
  error_on_requires_action: bool.optional(),
  mandate_data: loose.optional(),
  off_session: offSession.optional(),
  /** Of older API versions. */
  payment_method_types: z.array(text).max(20).optional(),
  return_url: text.optional(),
  use_stripe_sdk: bool.optional(),
});
export const updateParams = z.strictObject({
  ...shared,
  amount: positive.optional(),
  currency: currency.optional(),
  customer: text.optional(),
});
export const confirmParams = z.strictObject({
  error_on_requires_action: bool.optional(),
  mandate_data: loose.optional(),
  off_session: offSession.optional(),
  payment_method: text.optional(),
  payment_method_data: methodData.optional(),
  payment_method_options: loose.optional(),
  receipt_email: clearable(z.string().max(512)).optional(),
  return_url: text.optional(),
  setup_future_usage: clearable(z.enum(['off_session', 'on_session'])).optional(),
  shipping: shipping.optional(),
  use_stripe_sdk: bool.optional(),
});
export const captureParams = z.strictObject({
  amount_to_capture: positive.optional(),
  final_capture: bool.optional(),
  metadata: metadata.optional(),
  statement_descriptor: z.string().max(22).optional(),
  statement_descriptor_suffix: z.string().max(22).optional(),
});
export const cancelParams = z.strictObject({
  cancellation_reason: z
    .enum(['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'])
    .optional(),
});
export const listParams = z.strictObject({ ...paging, created, customer: text.optional() });
