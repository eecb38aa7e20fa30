// Making a price: what it may be and how its amount is written. Prices never change their amount.
import { z } from 'zod';
import { invalid, missingParam } from '../api/error.ts';
import { int, mergeMetadata, text } from '../api/params.ts';
import { add, change } from '../delivery/event.ts';
import type { CurrencyOption, Interval, Price, Recurring } from '../store/entity-catalog.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { amountOf, tierParams, tiersOf, type TierAsked } from './price-scheme.ts';

const cycle = {
  interval: z.enum(['day', 'week', 'month', 'year']),
  interval_count: int.refine((n) => n >= 1 && n <= 1095, 'Invalid interval count').optional(),
};
export const recurringParams = z.strictObject({
  ...cycle,
  meter: text.optional(),
  usage_type: z.enum(['licensed', 'metered']).optional(),
});
/** Of a product's default price, which no meter counts. */
export const cycleParams = z.strictObject(cycle);

/** What a price may be besides an amount per unit. */
export const schemeParams = {
  billing_scheme: z.enum(['per_unit', 'tiered']).optional(),
  tiers: tierParams.optional(),
  tiers_mode: z.enum(['graduated', 'volume']).optional(),
  transform_quantity: z
    .strictObject({
      divide_by: int.refine((n) => n > 0, 'Invalid positive integer'),
      round: z.enum(['up', 'down']),
    })
    .optional(),
};

export type RecurringAsked = {
  interval: Interval;
  interval_count?: number | undefined;
  meter?: string | undefined;
  usage_type?: 'licensed' | 'metered' | undefined;
};

export type PriceAsked = {
  currency: string;
  product: string;
  unit_amount?: number | undefined;
  unit_amount_decimal?: string | undefined;
  recurring?: RecurringAsked | undefined;
  billing_scheme?: 'per_unit' | 'tiered' | undefined;
  tiers?: TierAsked[] | undefined;
  tiers_mode?: 'graduated' | 'volume' | undefined;
  transform_quantity?: { divide_by: number; round: 'up' | 'down' } | undefined;
  tax_behavior?: Price['tax_behavior'] | undefined;
  id?: string | undefined;
  isPlan?: boolean;
  metadata?: Metadata | null | undefined;
  nickname?: string | undefined;
  lookup_key?: string | undefined;
  transfer_lookup_key?: boolean | undefined;
  active?: boolean | undefined;
  currencyOptions?: Record<string, CurrencyOption> | undefined;
  /** Of `price_data`, which may take something off. */
  allowsNegative?: boolean;
};

export const createPrice = (world: World, asked: PriceAsked): Price => {
  const product = world.store.get('product', asked.product);
  if (product === undefined || product._deleted)
    throw missingParam('product', asked.product, 'product');
  const price: Price = {
    id: asked.id ?? newId('price'),
    object: 'price',
    active: asked.active ?? true,
    created: nowOn(world, null),
    currency: asked.currency,
    livemode: false,
    lookup_key: asked.lookup_key ?? null,
    metadata: mergeMetadata({}, asked.metadata),
    nickname: asked.nickname ?? null,
    product: asked.product,
    recurring: asked.recurring === undefined ? null : recurringOf(world, asked.recurring),
    type: asked.recurring === undefined ? 'one_time' : 'recurring',
    ...schemeOf(asked),
    ...(asked.tax_behavior === undefined ? {} : { tax_behavior: asked.tax_behavior }),
    ...(asked.isPlan === true ? { _is_plan: true } : {}),
    ...(asked.currencyOptions === undefined ? {} : { _currency_options: asked.currencyOptions }),
  };
  takeLookupKey(world, price, asked.transfer_lookup_key ?? false);
  return add(world, 'price', price, 'price.created');
};

const recurringOf = (world: World, asked: RecurringAsked): Recurring => {
  const base = { interval: asked.interval, interval_count: asked.interval_count ?? 1 };
  if (asked.usage_type !== 'metered') {
    if (asked.meter === undefined) return base;
    throw invalid('You may only specify `recurring[meter]` when `recurring[usage_type]=metered`.', {
      param: 'recurring[meter]',
    });
  }
  if (asked.meter === undefined) {
    throw invalid('Metered prices must be backed by a meter: pass `recurring[meter]`.', {
      param: 'recurring[meter]',
      code: 'parameter_missing',
    });
  }
  const meter = world.store.get('billing.meter', asked.meter);
  if (meter === undefined) throw missingParam('meter', asked.meter, 'recurring[meter]');
  return { ...base, usage_type: 'metered', meter: meter.id };
};

type Scheme = Pick<Price, 'unit_amount' | 'unit_amount_decimal'> & Partial<Price>;

/** A unit price, packages of units, or tiers. */
const schemeOf = (asked: PriceAsked): Scheme => {
  const { transform_quantity: packs } = asked;
  if (asked.billing_scheme !== 'tiered') {
    for (const key of ['tiers', 'tiers_mode'] as const) {
      if (asked[key] === undefined) continue;
      throw invalid(`You may only specify \`${key}\` when \`billing_scheme=tiered\`.`, {
        param: key,
      });
    }
    const amount = amountOf(asked);
    return packs === undefined ? amount : { ...amount, transform_quantity: packs };
  }
  if (asked.tiers === undefined || asked.tiers_mode === undefined) {
    const param = asked.tiers === undefined ? 'tiers' : 'tiers_mode';
    throw invalid(`Missing required param: ${param}.`, { param, code: 'parameter_missing' });
  }
  if (packs !== undefined || (asked.unit_amount ?? asked.unit_amount_decimal) !== undefined) {
    throw invalid(
      'You cannot specify `unit_amount` or `transform_quantity` when `billing_scheme=tiered`.',
      { param: 'unit_amount', code: 'parameters_exclusive' },
    );
  }
  return {
    unit_amount: null,
    unit_amount_decimal: null,
    billing_scheme: 'tiered',
    tiers_mode: asked.tiers_mode,
    _tiers: tiersOf(asked.tiers),
  };
};

/** A lookup key names one active price; it moves only when asked to. */
export const takeLookupKey = (world: World, price: Price, transfers: boolean): void => {
  if (price.lookup_key === null) return;
  for (const other of world.store.all('price')) {
    if (other.lookup_key !== price.lookup_key || other.id === price.id || !other.active) continue;
    if (!transfers) {
      throw invalid(
        `A price (\`${other.id}\`) already uses that lookup key. Use \`transfer_lookup_key=true\` to transfer the lookup key to this price.`,
        { param: 'lookup_key', code: 'resource_already_exists' },
      );
    }
    change(world, 'price', other.id, { lookup_key: null }, 'price.updated');
  }
};
