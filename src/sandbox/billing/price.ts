// Making a price: what it may be and how its amount is written. Prices never change their amount.
import { z } from 'zod';
import { invalid, missingParam } from '../api/error.ts';
import { int, mergeMetadata } from '../api/params.ts';
import { add, change } from '../delivery/event.ts';
import type { Interval, Price } from '../store/entity-catalog.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { tidyDecimal } from './money.ts';

export const recurringParams = z.strictObject({
  interval: z.enum(['day', 'week', 'month', 'year']),
  interval_count: int.refine((n) => n >= 1 && n <= 1095, 'Invalid interval count').optional(),
  usage_type: z.enum(['licensed']).optional(),
});

export type PriceAsked = {
  currency: string;
  product: string;
  unit_amount?: number | undefined;
  unit_amount_decimal?: string | undefined;
  recurring?: { interval: Interval; interval_count?: number | undefined } | undefined;
  metadata?: Metadata | null | undefined;
  nickname?: string | undefined;
  lookup_key?: string | undefined;
  transfer_lookup_key?: boolean | undefined;
  active?: boolean | undefined;
};

const threeDecimals = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
const amountMax = 99_999_999;

export const createPrice = (world: World, asked: PriceAsked): Price => {
  const product = world.store.get('product', asked.product);
  if (product === undefined || product._deleted)
    throw missingParam('product', asked.product, 'product');
  const price: Price = {
    id: newId('price'),
    object: 'price',
    active: asked.active ?? true,
    created: nowOn(world, null),
    currency: asked.currency,
    livemode: false,
    lookup_key: asked.lookup_key ?? null,
    metadata: mergeMetadata({}, asked.metadata),
    nickname: asked.nickname ?? null,
    product: asked.product,
    recurring:
      asked.recurring === undefined
        ? null
        : {
            interval: asked.recurring.interval,
            interval_count: asked.recurring.interval_count ?? 1,
          },
    type: asked.recurring === undefined ? 'one_time' : 'recurring',
    ...amountOf(asked),
  };
  takeLookupKey(world, price, asked.transfer_lookup_key ?? false);
  return add(world, 'price', price, 'price.created');
};

const amountOf = (
  asked: PriceAsked,
): { unit_amount: number | null; unit_amount_decimal: string } => {
  const { unit_amount: whole, unit_amount_decimal: decimal } = asked;
  if (whole !== undefined && decimal !== undefined) {
    throw invalid(
      'You may only specify one of these parameters: unit_amount, unit_amount_decimal.',
      { code: 'parameters_exclusive' },
    );
  }
  const text = tidyDecimal(decimal ?? (whole === undefined ? '' : String(whole)));
  if (text === '') {
    throw invalid(
      'You must provide one of `unit_amount`, `unit_amount_decimal` or `custom_unit_amount`.',
      { param: 'unit_amount', code: 'parameter_missing' },
    );
  }
  if (text.startsWith('-'))
    throw invalid('Invalid non-negative integer', {
      param: 'unit_amount',
      code: 'parameter_invalid_integer',
    });
  if (Number(text) > amountMax)
    throw invalid('Amount must be no more than 999,999.99', {
      param: 'unit_amount',
      code: 'amount_too_large',
    });
  const isWhole = !text.includes('.');
  if (isWhole && threeDecimals.has(asked.currency) && Number(text) % 10 !== 0) {
    throw invalid(`Invalid amount: amounts in ${asked.currency} must be divisible by 10.`, {
      param: 'unit_amount',
      code: 'invalid_charge_amount',
    });
  }
  return { unit_amount: isWhole ? Number(text) : null, unit_amount_decimal: text };
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
