// How a price's amount and tiers are written: whole amounts and decimals beside each other
// (https://docs.stripe.com/api/prices/object). Adds nothing up.
import { z } from 'zod';
import { invalid } from '../api/error.ts';
import { count, decimal, int } from '../api/params.ts';
import type { Tier } from '../store/entity-catalog.ts';
import { tidyDecimal } from './money.ts';

export type AmountAsked = {
  currency: string;
  unit_amount?: number | undefined;
  unit_amount_decimal?: string | undefined;
  allowsNegative?: boolean;
};
export type TierAsked = {
  flat_amount?: number | undefined;
  flat_amount_decimal?: string | undefined;
  unit_amount?: number | undefined;
  unit_amount_decimal?: string | undefined;
  up_to: 'inf' | number;
};

const tier = z.strictObject({
  flat_amount: count.optional(),
  flat_amount_decimal: decimal.optional(),
  unit_amount: count.optional(),
  unit_amount_decimal: decimal.optional(),
  up_to: z.union([z.literal('inf'), int]),
});
export const tierParams = z.array(tier).min(1).max(100);

const threeDecimals = new Set(['bhd', 'jod', 'kwd', 'omr', 'tnd']);
const amountMax = 99_999_999;

/** The amount of a unit, as a number where it is whole and always as a decimal. */
export const amountOf = (
  asked: AmountAsked,
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
  if (text.startsWith('-') && asked.allowsNegative !== true)
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

/** Tiers in order, the last one without end. */
export const tiersOf = (asked: TierAsked[]): Tier[] => {
  let before = 0;
  return asked.map((tier, i) => {
    const isLast = i === asked.length - 1;
    if (isLast !== (tier.up_to === 'inf')) {
      throw invalid('Only the last tier, and it, must have `up_to=inf`.', {
        param: `tiers[${i}][up_to]`,
      });
    }
    if (tier.up_to !== 'inf' && tier.up_to <= before) {
      throw invalid('Tiers must be in ascending order of `up_to`.', {
        param: `tiers[${i}][up_to]`,
      });
    }
    const unit = both(tier.unit_amount, tier.unit_amount_decimal);
    const flat = both(tier.flat_amount, tier.flat_amount_decimal);
    if (unit.decimal === null && flat.decimal === null) {
      throw invalid('A tier needs a `unit_amount` or a `flat_amount`.', {
        param: `tiers[${i}][unit_amount]`,
        code: 'parameter_missing',
      });
    }
    if (tier.up_to !== 'inf') before = tier.up_to;
    return {
      flat_amount: flat.whole,
      flat_amount_decimal: flat.decimal,
      unit_amount: unit.whole,
      unit_amount_decimal: unit.decimal,
      up_to: tier.up_to === 'inf' ? null : tier.up_to,
    };
  });
};

/** An amount as Stripe shows it twice. */
const both = (
  whole: number | undefined,
  decimal: string | undefined,
): { whole: number | null; decimal: string | null } => {
  const text = decimal === undefined ? whole?.toString() : tidyDecimal(decimal);
  if (text === undefined) return { whole: null, decimal: null };
  return { whole: text.includes('.') ? null : Number(text), decimal: text };
};
