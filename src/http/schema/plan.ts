// What a plan looks like on the wire, coming and going. Cross-field rules that need the stored plan are the
// action's.
import { z } from 'zod';
import { currencyMultiple, isCurrency } from '../../domain/currency.ts';
import { instantView, text } from './common.ts';

/** Keys and features alike: short, and safe in paths, headers and scopes. */
export const namePattern = '[a-z0-9_-]{1,40}';
const name = z.string().regex(new RegExp(`^${namePattern}$`), `must match ${namePattern}`);
export const planKey = name.meta({ examples: ['pro'] });
export const featureName = name.meta({ examples: ['reports'] });

/** Stripe takes at most eight digits (API reference, prices: unit_amount). */
const amountMax = 99_999_999;
const featuresMax = 200;
const limitsMax = 10;
const poolsMax = 50;
const poolCostMax = 1_000_000;
const ladderStepsMax = 20;
const tenYearsInHours = 87_600;
/** Stripe's longest trial (docs, "Use trial periods on subscriptions"). */
const trialDaysMax = 730;

export const price = z
  .strictObject({
    amount: z.int().min(1).max(amountMax),
    currency: z
      .string()
      .regex(/^[a-z]{3}$/, { abort: true, error: 'must be three lower-case letters' })
      .refine(isCurrency, 'is no currency that Stripe takes'),
    interval: z.enum(['month', 'year']),
  })
  .refine(({ amount, currency }) => amount % currencyMultiple(currency) === 0, {
    path: ['amount'],
    error: 'must end in 0 (or 00) in this currency',
  })
  .meta({ examples: [{ amount: 4900, currency: 'usd', interval: 'month' }] });

export const windowKind = z.enum(['minute', 'hour', 'day', 'month', 'billing_period']);

const limit = z.strictObject({
  window: windowKind,
  max: z.int().min(0),
  on_exceed: z.enum(['payment', 'wait']).default('payment'),
  overage: z
    .strictObject({
      unit_amount_decimal: z
        .string()
        .regex(/^\d{1,12}(\.\d{1,12})?$/, 'must be a decimal in minor units, up to 12 places'),
    })
    .nullable()
    .default(null),
});

const limits = z
  .array(limit)
  .max(limitsMax)
  .refine((all) => isUnique(all.map(({ window }) => window)), 'may name a window only once')
  .default([]);

const draw = z
  .strictObject({ pool: featureName, cost: z.int().min(1).max(poolCostMax).default(1) })
  .nullable()
  .default(null)
  .meta({ description: 'The pool that this feature draws on, and its units per unit' });

const feature = z.strictObject({ feature: featureName, limits, pool: draw });

const pools = z
  .array(z.strictObject({ pool: featureName, limits }))
  .max(poolsMax)
  .refine((all) => isUnique(all.map(({ pool }) => pool)), 'may name a pool only once')
  .meta({ description: 'Balances that several features draw on' });

const features = z
  .array(feature)
  .max(featuresMax)
  .refine((all) => isUnique(all.map((one) => one.feature)), 'may name a feature only once')
  .meta({
    examples: [
      [{ feature: 'reports', limits: [{ window: 'month', max: 10_000, on_exceed: 'payment' }] }],
    ],
  });

export const ladder = z
  .array(
    z.strictObject({
      after_hours: z.int().min(0).max(tenYearsInHours),
      access: z.enum(['full', 'warn', 'read_only', 'deny', 'cancel']),
    }),
  )
  .min(1)
  .max(ladderStepsMax)
  .refine(
    (steps) => steps.every((step, at) => at === 0 || step.after_hours > steps[at - 1]!.after_hours),
    {
      error: 'must rise in after_hours from step to step',
    },
  )
  .refine((steps) => steps.slice(0, -1).every(({ access }) => access !== 'cancel'), {
    error: 'may cancel only in the last step',
  });

const changeable = {
  name: text(250),
  description: text(2_000).nullable(),
  price: price.nullable(),
  trial_days: z.int().min(0).max(trialDaysMax),
  features,
  pools,
  ladder,
  public: z.boolean(),
};

export const planCreate = z.strictObject({
  key: planKey,
  name: changeable.name,
  description: changeable.description.default(null),
  price: changeable.price.default(null),
  trial_days: changeable.trial_days.default(0),
  features: changeable.features.default([]),
  pools: changeable.pools.default([]),
  ladder: ladder
    .optional()
    .meta({ description: 'Unless given, the default_ladder of the settings' }),
  public: changeable.public.default(true),
});

export const planChange = z.strictObject({ ...changeable, archived: z.boolean() }).partial();

export const planView = z.object({
  id: z.string(),
  key: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  version: z.int(),
  public: z.boolean(),
  archived: z.boolean(),
  price: price.nullable(),
  trial_days: z.int(),
  features: z.array(
    z.object({
      feature: z.string(),
      limits: z.array(limit.required()),
      pool: z.object({ pool: z.string(), cost: z.int() }).nullish(),
    }),
  ),
  pools: z.array(z.object({ pool: z.string(), limits: z.array(limit.required()) })),
  ladder,
  created_at: instantView,
  stripe_product_id: z.string().nullable().optional().meta({ description: 'For operators only' }),
  stripe_price_id: z.string().nullable().optional().meta({ description: 'For operators only' }),
});

function isUnique(names: string[]): boolean {
  return new Set(names).size === names.length;
}
