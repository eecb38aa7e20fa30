// Which prices a subscription may have: active, recurring, of one currency and one cycle.
import { invalid, missingParam } from '../api/error.ts';
import type { Customer } from '../store/entity.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';
import { requireTogether } from './interval.ts';
import { isOwnInline } from './price-inline.ts';

/** An active price that recurs, or the refusal; `isKept` names one that was let in before. */
export const recurringPrice = (
  world: World,
  id: string | undefined,
  param: string,
  isKept = false,
): Price => {
  const price = id === undefined ? undefined : world.store.get('price', id);
  if (price === undefined) throw missingParam('price', id ?? '', param);
  if (price.recurring === null) {
    throw invalid(
      `The price specified is set to \`type=one_time\` but this field only accepts prices with \`type=recurring\`.`,
      { param },
    );
  }
  if (!price.active && !isKept && !isOwnInline(world, price)) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', {
      param,
    });
  }
  return price;
};

/** The currency all prices and the customer share. */
export const oneCurrency = (prices: Price[], customer: Customer, flexible: boolean): string => {
  requireTogether(prices, flexible);
  const { currency } = prices[0]!;
  if (customer.currency !== null && customer.currency !== currency) {
    throw invalid(
      `You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency ${customer.currency}`,
    );
  }
  return currency;
};
