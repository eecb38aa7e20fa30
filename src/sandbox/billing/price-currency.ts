// `currency_options`: what a price costs in other currencies than its own
// (https://docs.stripe.com/payments/currencies/localize-prices/manual-currency-prices).
import { z } from 'zod';
import { invalid } from '../api/error.ts';
import { decimal, int } from '../api/params.ts';
import type { CurrencyOption, Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';
import { amountOf, tierParams, tiersOf } from './price-scheme.ts';

export const currencyOptions = z.record(
  z.string().regex(/^[a-z]{3}$/, 'Invalid currency'),
  z.strictObject({
    tax_behavior: z.enum(['exclusive', 'inclusive', 'unspecified']).optional(),
    tiers: tierParams.optional(),
    unit_amount: int.optional(),
    unit_amount_decimal: decimal.optional(),
  }),
);

/** The options as a row keeps them. */
export const optionsOf = (
  asked: z.output<typeof currencyOptions>,
): Record<string, CurrencyOption> =>
  Object.fromEntries(
    Object.entries(asked).map(([currency, { tiers, tax_behavior, ...amount }]) => [
      currency,
      {
        ...(tiers === undefined
          ? amountOf({ currency, ...amount })
          : { unit_amount: null, unit_amount_decimal: null, tiers: tiersOf(tiers) }),
        tax_behavior: tax_behavior ?? 'unspecified',
      },
    ]),
  );

/** The price as it is in a currency; its own where it has no option for that. */
export const priceIn = (price: Price, currency: string | undefined): Price => {
  const option = currency === undefined ? undefined : price._currency_options?.[currency];
  if (option === undefined || currency === price.currency) return price;
  const { tiers, unit_amount, unit_amount_decimal, tax_behavior } = option;
  return {
    ...price,
    currency: currency!,
    unit_amount,
    unit_amount_decimal,
    tax_behavior,
    ...(tiers === undefined ? {} : { _tiers: tiers }),
  };
};

/** The price that an id names, in a currency it must have where one is asked for. */
export const requireCurrency = (price: Price, currency: string | undefined): Price => {
  const own = priceIn(price, currency?.toLowerCase());
  if (currency === undefined || own.currency === currency.toLowerCase()) return own;
  throw invalid(
    `The price specified only supports \`${price.currency}\`. This doesn't match the expected currency: \`${currency}\`.`,
    { param: 'currency' },
  );
};

/** The price of a row's item in the row's currency. */
export const storedPrice = (world: World, id: string, currency: string | undefined): Price =>
  priceIn(world.store.need('price', id), currency);
