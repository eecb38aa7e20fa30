// What subscriptions and invoices look like on the wire, coming and going.
import { z } from 'zod';
import { id, instant, instantView, text } from './common.ts';
import { planKey } from './plan.ts';

const quantityMax = 100_000;

const quantity = z.int().min(1).max(quantityMax);
/** Where a browser is sent back to. */
export const returnUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .max(2_000)
  .meta({ examples: ['https://example.com/welcome'] });
const owner = id('cus').meta({ description: 'Needed from an operator; a customer means itself' });
export const ownerFilter = id('cus').optional();

export const subscriptionCreate = z.strictObject({
  customer_id: owner.optional(),
  plan: planKey,
  quantity: quantity.default(1),
  comped: z.boolean().default(false).meta({
    description: 'By an operator only: a paid plan as a gift, of which Stripe knows nothing',
  }),
  promotion_code: text(500).optional(),
  success_url: returnUrl.optional(),
  cancel_url: returnUrl.optional(),
});

export const subscriptionChange = z
  .strictObject({
    plan: planKey.optional(),
    quantity: quantity.optional(),
    effective: z.enum(['now', 'period_end']).default('now'),
    proration_at: instant
      .optional()
      .meta({ description: 'As a preview of the last hour named it: then just that is charged' }),
  })
  .refine(({ plan, quantity }) => plan !== undefined || quantity !== undefined, {
    path: ['plan'],
    error: 'plan or quantity is needed',
  });

export const cancellation = z
  .strictObject({
    effective: z.enum(['now', 'period_end', 'at']).default('period_end'),
    at: instant.optional(),
  })
  .refine(({ effective, at }) => (effective === 'at') === (at !== undefined), {
    path: ['at'],
    error: 'is needed with effective "at", and only then',
  })
  .transform(({ effective, at }) => (effective === 'at' ? { effective, at: at! } : { effective }));

export const paymentMethodSessionCreate = z.strictObject({
  customer_id: owner.optional(),
  return_url: returnUrl.optional(),
});

const pendingChange = z.object({
  plan: z.string().nullable(),
  quantity: z.int(),
  effective_at: instantView.nullable(),
  reason: z.string().meta({ examples: ['checkout', 'scheduled', 'payment_failed'] }),
});

export const subscriptionView = z.object({
  id: z.string(),
  customer_id: z.string(),
  plan: z.string().nullable(),
  plan_version: z.int().nullable(),
  status: z.string().meta({ description: "In Stripe's words", examples: ['active'] }),
  quantity: z.int(),
  comped: z.boolean().meta({ description: 'A paid plan as a gift' }),
  current_period_start: instantView.nullable(),
  current_period_end: instantView.nullable(),
  trial_end: instantView.nullable(),
  cancel_at: instantView.nullable(),
  canceled_at: instantView.nullable(),
  past_due_since: instantView.nullable(),
  pending_change: pendingChange.nullable(),
  checkout_url: z.string().nullable(),
  stripe_subscription_id: z.string().nullable(),
});

export const invoiceView = z.object({
  id: z.string(),
  customer_id: z.string(),
  subscription_id: z.string().nullable(),
  number: z.string().nullable(),
  status: z.string().meta({ examples: ['paid'] }),
  currency: z.string(),
  total: z.int(),
  amount_due: z.int(),
  amount_paid: z.int(),
  period_start: instantView,
  period_end: instantView,
  next_payment_attempt: instantView.nullable(),
  hosted_invoice_url: z.string().nullable(),
  invoice_pdf: z.string().nullable(),
  created_at: instantView,
});

export const changePreview = z.object({
  amount_due: z.int(),
  currency: z.string().nullable(),
  lines: z.array(
    z.object({
      description: z.string().nullable(),
      amount: z.int(),
      proration: z.boolean(),
      period_start: instantView,
      period_end: instantView,
    }),
  ),
  proration_at: instantView.nullable(),
  effective_at: instantView,
  renewal_amount: z.int(),
});
