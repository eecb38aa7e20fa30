// What is fetched for each kind of root object, and what is then written: a table. When to look and whose
// look counts is decided by stripe-object.ts alone.
import type { RootKind } from '../../domain/stripe-event.ts';
import { checkoutSessionReader } from './checkout-session.ts';
import { chargeReader } from './charge.ts';
import { priceReader, productReader } from './price.ts';
import { stripeCustomerReader } from './customer.ts';
import type { Reader } from './want.ts';
import { subscriptionReader } from './subscription.ts';

export const readers: { [kind in RootKind]: Reader<unknown> } = {
  subscription: subscriptionReader,
  customer: stripeCustomerReader,
  checkout_session: checkoutSessionReader,
  price: priceReader,
  product: productReader,
  charge: chargeReader,
};
