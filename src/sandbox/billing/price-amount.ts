// What a quantity of a price costs, whatever the price's scheme
// (https://docs.stripe.com/products-prices/pricing-models). Rounded once.
import type { Price } from '../store/entity-catalog.ts';
import { multiply } from './money.ts';

export const priceAmount = (price: Price, quantity: number): number =>
  multiply(price.unit_amount_decimal, quantity);
