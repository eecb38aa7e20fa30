// The parameters of /v1/subscriptions, in one place since create, update and preview share them.
import { z } from 'zod';
import {
  anyText,
  bool,
  clearable,
  created,
  currency,
  int,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { discountsAsked } from '../billing/discount.ts';
import { onceItems } from '../billing/once-item.ts';
import { recurringData } from '../billing/price-inline.ts';

const quantity = int.refine((n) => n >= 0 && n <= 999_999_999, 'Invalid integer');

export { discountsAsked as discounts } from '../billing/discount.ts';
export const proration = z.enum(['create_prorations', 'always_invoice', 'none']);

const paymentSettings = z.strictObject({
  payment_method_options: z.looseObject({}).optional(),
  payment_method_types: clearable(z.array(text)).optional(),
  save_default_payment_method: z.enum(['off', 'on_subscription']).optional(),
});

const flexible = z.strictObject({
  proration_discounts: z.enum(['included', 'itemized']).optional(),
});
export const billingMode = z.strictObject({
  type: z.enum(['classic', 'flexible']),
  flexible: flexible.optional(),
});
export const migrateParams = z.strictObject({
  billing_mode: z.strictObject({ type: z.literal('flexible'), flexible: flexible.optional() }),
});
const cancelAt = z.union([z.enum(['min_period_end', 'max_period_end']), timestamp]);

const shared = {
  automatic_tax: z.strictObject({ enabled: z.literal('false') }).optional(),
  cancel_at: clearable(cancelAt).optional(),
  cancel_at_period_end: bool.optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  days_until_due: int.optional(),
  default_payment_method: text.optional(),
  default_tax_rates: clearable(z.array(text).max(20)).optional(),
  description: clearable(anyText).optional(),
  add_invoice_items: onceItems.optional(),
  discounts: discountsAsked.optional(),
  metadata: metadata.optional(),
  off_session: bool.optional(),
  payment_behavior: z
    .enum([
      'allow_incomplete',
      'default_incomplete',
      'error_if_incomplete',
      'pending_if_incomplete',
    ])
    .optional(),
  payment_settings: paymentSettings.optional(),
  proration_behavior: proration.optional(),
  trial_end: z.union([z.literal('now'), timestamp]).optional(),
  trial_from_plan: z.enum(['false']).optional(),
  trial_settings: z
    .strictObject({
      end_behavior: z.strictObject({
        missing_payment_method: z.enum(['create_invoice', 'pause', 'cancel']),
      }),
    })
    .optional(),
};

export const createParams = z.strictObject({
  ...shared,
  customer: text,
  items: z
    .array(
      z.strictObject({
        discounts: discountsAsked.optional(),
        price: text.optional(),
        price_data: recurringData.optional(),
        quantity: quantity.optional(),
        metadata: metadata.optional(),
        tax_rates: clearable(z.array(text).max(20)).optional(),
      }),
    )
    .min(1)
    .max(20),
  backdate_start_date: timestamp.optional(),
  billing_cycle_anchor: timestamp.optional(),
  billing_mode: billingMode.optional(),
  currency: currency.optional(),
  trial_period_days: int.refine((n) => n >= 0 && n <= 730, 'Invalid integer').optional(),
});

export const changedItems = z
  .array(
    z.strictObject({
      discounts: discountsAsked.optional(),
      id: text.optional(),
      price: text.optional(),
      price_data: recurringData.optional(),
      quantity: quantity.optional(),
      deleted: bool.optional(),
      clear_usage: bool.optional(),
      metadata: metadata.optional(),
      tax_rates: clearable(z.array(text).max(20)).optional(),
    }),
  )
  .max(20);

export const updateParams = z.strictObject({
  ...shared,
  items: changedItems.optional(),
  billing_cycle_anchor: z.strictObject({ type: z.enum(['now', 'unchanged']) }).optional(),
  cancellation_details: z
    .strictObject({ comment: clearable(anyText).optional(), feedback: clearable(text).optional() })
    .optional(),
  pause_collection: clearable(
    z.strictObject({
      behavior: z.enum(['keep_as_draft', 'mark_uncollectible', 'void']),
      resumes_at: timestamp.optional(),
    }),
  ).optional(),
  proration_date: timestamp.optional(),
});

export const cancelParams = z.strictObject({
  cancellation_details: z
    .strictObject({ comment: clearable(anyText).optional(), feedback: clearable(text).optional() })
    .optional(),
  invoice_now: bool.optional(),
  prorate: bool.optional(),
});

export const resumeParams = z.strictObject({
  billing_cycle_anchor: z.strictObject({ type: z.enum(['now', 'unchanged']) }).optional(),
  payment_behavior: z.enum(['resume_on_payment_attempt', 'resume_on_payment_success']).optional(),
  proration_behavior: proration.optional(),
  proration_date: timestamp.optional(),
});

export const statuses = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'unpaid',
  'paused',
  'canceled',
] as const;
export const listParams = z.strictObject({
  ...paging,
  collection_method: text.optional(),
  created,
  customer: text.optional(),
  price: text.optional(),
  status: z.enum([...statuses, 'all', 'ended']).optional(),
  test_clock: text.optional(),
});
