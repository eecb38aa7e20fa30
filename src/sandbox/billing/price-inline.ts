// `price_data`: a price made on the way, for this one use
// (https://docs.stripe.com/products-prices/how-products-and-prices-work). It is inactive from the
// start, so that nobody else can name it.
import { z } from 'zod';
import { invalid } from '../api/error.ts';
import { anyText, currency, decimal, int, metadata, text } from '../api/params.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';
import { createPrice, cycleParams } from './price.ts';
import { productFor } from './product.ts';

const shared = {
  currency,
  tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
  unit_amount: int.optional(),
  unit_amount_decimal: decimal.optional(),
};
/** Paid once: invoice items and what is added to an invoice. */
export const onceData = z.strictObject({ ...shared, product: text });
/** What a subscription's item recurs by. */
export const recurringData = z.strictObject({ ...shared, product: text, recurring: cycleParams });
/** Checkout also makes the product. */
export const lineData = z.strictObject({
  ...shared,
  product: text.optional(),
  product_data: z
    .strictObject({
      name: text,
      description: anyText.optional(),
      images: z.array(text).max(8).optional(),
      metadata: metadata.optional(),
      tax_code: text.optional(),
      unit_label: text.optional(),
    })
    .optional(),
  recurring: cycleParams.optional(),
});

export type PriceData = z.output<typeof lineData>;
type Asked = { price?: string | undefined; price_data?: PriceData | undefined };

/** The id of the price that is named, or of the one made for it; undefined where neither is. */
export const priceOf = (world: World, asked: Asked, param: string): string | undefined => {
  const { price, price_data: data } = asked;
  if (data === undefined) return price;
  if (price !== undefined) {
    throw invalid('You may only specify one of these parameters: price, price_data.', {
      param: `${param}[price]`,
      code: 'parameters_exclusive',
    });
  }
  return inlinePrice(world, data, param).id;
};

const inlinePrice = (world: World, data: PriceData, param: string): Price => {
  const { product, product_data: made, ...rest } = data;
  if ((product === undefined) === (made === undefined)) {
    throw invalid('You must provide exactly one of `product` or `product_data`.', {
      param: `${param}[price_data][product]`,
      code: 'parameter_missing',
    });
  }
  const price = createPrice(world, {
    ...rest,
    product: product ?? productFor(world, made!),
    active: false,
    allowsNegative: true,
  });
  return world.store.update('price', price.id, { _inline: world.request.id });
};

/** Whether this very request made the price, which nobody else may use. */
export const isOwnInline = (world: World, price: Price): boolean =>
  price._inline != null && price._inline === world.request.id;

/** The items with every `price_data` made into a price. */
export const withPrices = <A extends Asked>(
  world: World,
  asked: A[],
  param: string,
): (Omit<A, 'price_data'> & { price?: string | undefined })[] =>
  asked.map((one, i) => {
    const { price_data: _, ...rest } = one;
    const price = priceOf(world, one, `${param}[${i}]`);
    return { ...rest, ...(price === undefined ? {} : { price }) };
  });
