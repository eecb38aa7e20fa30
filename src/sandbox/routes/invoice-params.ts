// The parameters of /v1/invoices, apart since the preview's are many.
import { z } from 'zod';
import {
  bool,
  clearable,
  count,
  created,
  currency,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { changedItems, discounts, proration } from './subscription-params.ts';

export const listParams = z.strictObject({
  ...paging,
  collection_method: text.optional(),
  created,
  customer: text.optional(),
  due_date: z.unknown().optional(),
  status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
  subscription: text.optional(),
});

const loose = z.looseObject({}).optional();
const editable = {
  auto_advance: bool.optional(),
  automatic_tax: z.strictObject({ enabled: z.literal('false') }).optional(),
  collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
  custom_fields: clearable(
    z.array(z.strictObject({ name: z.string().max(40), value: z.string().max(140) })).max(4),
  ).optional(),
  days_until_due: count.optional(),
  default_payment_method: clearable(text).optional(),
  default_tax_rates: clearable(z.array(text).max(20)).optional(),
  description: clearable(text).optional(),
  discounts: discounts.optional(),
  due_date: timestamp.optional(),
  effective_at: clearable(timestamp).optional(),
  footer: clearable(text).optional(),
  metadata: metadata.optional(),
  number: clearable(z.string().max(26)).optional(),
  payment_settings: loose,
  rendering: loose,
  statement_descriptor: clearable(z.string().max(22)).optional(),
};

export const createParams = z.strictObject({
  ...editable,
  automatically_finalizes_at: timestamp.optional(),
  currency: currency.optional(),
  customer: text,
  pending_invoice_items_behavior: z.enum(['exclude', 'include']).optional(),
  subscription: text.optional(),
});
export const updateParams = z.strictObject(editable);

export const payParams = z.strictObject({
  forgive: bool.optional(),
  off_session: bool.optional(),
  paid_out_of_band: bool.optional(),
  payment_method: text.optional(),
});

export const previewParams = z.strictObject({
  automatic_tax: z.strictObject({ enabled: z.literal('false') }).optional(),
  currency: text.optional(),
  customer: text.optional(),
  discounts: discounts.optional(),
  preview_mode: z.enum(['next', 'recurring']).optional(),
  subscription: text.optional(),
  subscription_details: z
    .strictObject({
      billing_cycle_anchor: z.strictObject({ type: z.enum(['now', 'unchanged']) }).optional(),
      billing_mode: z.strictObject({ type: z.enum(['classic', 'flexible']) }).optional(),
      cancel_at: clearable(timestamp).optional(),
      cancel_at_period_end: bool.optional(),
      cancel_now: bool.optional(),
      items: changedItems.optional(),
      metadata: metadata.optional(),
      proration_behavior: proration.optional(),
      proration_date: timestamp.optional(),
      start_date: timestamp.optional(),
      trial_end: z.union([z.literal('now'), timestamp]).optional(),
    })
    .optional(),
});

export const paymentList = z.strictObject({
  ...paging,
  created,
  invoice: text.optional(),
  payment: z
    .strictObject({
      type: z.enum(['payment_intent', 'payment_record']),
      payment_intent: text.optional(),
    })
    .optional(),
  status: z.enum(['open', 'paid', 'canceled']).optional(),
});
