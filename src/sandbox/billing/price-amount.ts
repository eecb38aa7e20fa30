// What a quantity of a price costs, whatever the price's scheme
// (https://docs.stripe.com/products-prices/pricing-models). Each part is a line and rounded once.
import type { Price, Tier } from '../store/entity-catalog.ts';
import { multiply } from './money.ts';

/** A part of what is charged: some units at a unit price, or a flat fee. */
export type PricePart = {
  amount: number;
  quantity: number;
  unitAmountDecimal: string;
  /** The number of the tier, from 1; null without tiers. */
  tier: number | null;
  isFlat: boolean;
};

export const priceAmount = (price: Price, quantity: number): number =>
  price.unit_amount_decimal !== null && price.transform_quantity == null
    ? multiply(price.unit_amount_decimal, quantity)
    : priceParts(price, quantity).reduce((sum, part) => sum + part.amount, 0);

/** One part for a unit price; for tiers one per tier that is reached, and one per flat fee. */
export const priceParts = (price: Price, quantity: number): PricePart[] => {
  const { _tiers: tiers = [], unit_amount_decimal: unit } = price;
  if (unit !== null) return [unitPart(unit, packages(price, quantity), null)];
  return price.tiers_mode === 'volume' ? volume(tiers, quantity) : graduated(tiers, quantity);
};

/** `transform_quantity`: units are sold in packages. */
const packages = ({ transform_quantity: how }: Price, quantity: number): number => {
  if (how == null) return quantity;
  const exact = quantity / how.divide_by;
  return how.round === 'up' ? Math.ceil(exact) : Math.floor(exact);
};

const unitPart = (unit: string, quantity: number, tier: number | null): PricePart => ({
  amount: multiply(unit, quantity),
  quantity,
  unitAmountDecimal: unit,
  tier,
  isFlat: false,
});

const partsOfTier = (tier: Tier, quantity: number, number: number): PricePart[] => {
  const { flat_amount_decimal: flat, unit_amount_decimal: unit } = tier;
  return [
    ...(unit === null ? [] : [unitPart(unit, quantity, number)]),
    ...(flat === null ? [] : [{ ...unitPart(flat, 1, number), isFlat: true }]),
  ];
};

/** All units at the price of the tier that the whole quantity falls in. */
const volume = (tiers: Tier[], quantity: number): PricePart[] => {
  const index = tiers.findIndex((tier) => tier.up_to === null || quantity <= tier.up_to);
  const tier = tiers[index];
  return tier === undefined ? [] : partsOfTier(tier, quantity, index + 1);
};

/** Each unit at the price of its own tier; the first tier's flat fee is charged even for none. */
const graduated = (tiers: Tier[], quantity: number): PricePart[] => {
  const parts: PricePart[] = [];
  let from = 0;
  for (const [index, tier] of tiers.entries()) {
    const units = Math.min(quantity, tier.up_to ?? quantity) - from;
    if (units <= 0 && index > 0) break;
    parts.push(...partsOfTier(tier, Math.max(0, units), index + 1));
    from = tier.up_to ?? quantity;
  }
  return parts;
};
