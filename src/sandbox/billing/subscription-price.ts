// Which prices a subscription may have: active, recurring, of one currency and one cycle.
import { invalid, missingParam } from '../api/error.ts';
import type { Customer } from '../store/entity.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';

/** An active price that recurs, or the refusal. */
export const recurringPrice = (world: World, id: string | undefined, param: string): Price => {
  const price = id === undefined ? undefined : world.store.get('price', id);
  if (price === undefined) throw missingParam('price', id ?? '', param);
  if (price.recurring === null) {
    throw invalid(
      `The price specified is set to \`type=one_time\` but this field only accepts prices with \`type=recurring\`.`,
      { param },
    );
  }
  if (!price.active) {
    throw invalid('The price specified is inactive. This field only accepts active prices.', {
      param,
    });
  }
  return price;
};

/** The currency all prices and the customer share; one cycle for all of them. */
export const oneCurrency = (prices: Price[], customer: Customer): string => {
  const [first] = prices;
  const differs = prices.find(
    (price) =>
      price.currency !== first!.currency ||
      price.recurring!.interval !== first!.recurring!.interval ||
      price.recurring!.interval_count !== first!.recurring!.interval_count,
  );
  if (differs !== undefined) {
    throw invalid(
      'Currency and interval fields must match across all plans on this subscription.',
      { param: 'items' },
    );
  }
  if (customer.currency !== null && customer.currency !== first!.currency) {
    throw invalid(
      `You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, discount, quote, or invoice item with currency ${customer.currency}`,
    );
  }
  return first!.currency;
};
