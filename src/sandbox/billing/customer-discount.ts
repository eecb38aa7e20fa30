// A discount of the customer as a whole: on every invoice whose subscription has none of its own
// (https://docs.stripe.com/billing/subscriptions/coupons). One at a time.
import { missing } from '../api/error.ts';
import { announce, emit } from '../delivery/event.ts';
import { render } from '../shape/render.ts';
import type { Wire } from '../shape/wire.ts';
import type { Customer } from '../store/entity.ts';
import { nowOn, type World } from '../world.ts';
import { redeem, type DiscountAsked } from './discount.ts';

/** Gives the customer a discount; a former one gives way. */
export const discountCustomer = (world: World, customer: Customer, asked: DiscountAsked): void => {
  const now = nowOn(world, customer.test_clock);
  const former = customer._discounts[0];
  const wasSilent = world.silent;
  world.silent = true;
  const made = redeem(world, [asked], { customer: customer.id, subscription: null }, now);
  world.silent = wasSilent;
  world.store.update('customer', customer.id, { _discounts: made });
  const discount = world.store.need('discount', made[0]!);
  if (former === undefined) announce(world, 'customer.discount.created', discount);
  else {
    const before = render(world, world.store.need('discount', former));
    emit(world, 'customer.discount.updated', render(world, discount), before);
    world.store.remove('discount', former);
  }
};

/** Takes the discount away and answers what Stripe answers. */
export const undiscountCustomer = (world: World, customer: Customer): Wire => {
  const [id] = customer._discounts;
  const discount = id === undefined ? undefined : world.store.get('discount', id);
  if (discount === undefined) throw missing('discount', customer.id);
  world.store.update('customer', customer.id, { _discounts: [] });
  announce(world, 'customer.discount.deleted', discount);
  const { end: _end, ...shown } = render(world, discount);
  return { ...shown, deleted: true };
};
