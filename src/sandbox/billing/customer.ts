// A customer's beginning, and what belongs to the customer beside billing: cards and sources of the
// old kind (https://docs.stripe.com/api/cards). Charges nothing.
import { invalid } from '../api/error.ts';
import { announce, change, emit } from '../delivery/event.ts';
import { showSource } from '../shape/source.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';
import { cardByNumber } from './card.ts';
import { cardError } from './payment-method.ts';
import { makeOldMethod, takeToken } from './token.ts';

/** A customer of whom nothing is known yet. */
export const blankCustomer = (world: World, clock: string | null): Customer => ({
  id: newId('cus', 14),
  object: 'customer',
  balance: 0,
  created: nowOn(world, clock),
  currency: null,
  default_source: null,
  delinquent: false,
  email: null,
  invoice_prefix: randomText(8).toUpperCase(),
  invoice_settings: { default_payment_method: null },
  livemode: false,
  metadata: {},
  name: null,
  next_invoice_sequence: 1,
  test_clock: clock,
  _deleted: false,
  _discounts: [],
});

export const sourcesOf = (world: World, customer: string): PaymentMethod[] =>
  [...world.store.all('payment_method')].filter(
    (row) => row._is_source === true && row.customer === customer,
  );

/**
 * A card from a token, or a source that nobody has yet; the customer's first one becomes the default,
 * or the given one when asked.
 */
export const addSource = (
  world: World,
  customer: Customer,
  given: string,
  becomesDefault: boolean,
): PaymentMethod => {
  const free = given.startsWith('src_')
    ? freeSource(world, given)
    : makeOldMethod(world, takeToken(world, given, 'source'), { clock: customer.test_clock });
  const refusal = cardByNumber(free._number).attach;
  if (refusal !== undefined) {
    world.store.remove('payment_method', free.id);
    throw cardError(refusal, {});
  }
  const source = world.store.update('payment_method', free.id, { customer: customer.id });
  emit(world, 'customer.source.created', showSource(source));
  announce(world, 'payment_method.attached', source);
  if (becomesDefault || (customer.default_source ?? null) === null) {
    setDefaultSource(world, customer, source.id);
  }
  return source;
};

const freeSource = (world: World, id: string): PaymentMethod => {
  const source = world.store.get('payment_method', id);
  if (source === undefined) throw noSource(id);
  if (source.customer === null) return source;
  throw invalid(`The source you provided has already been attached to a customer.`, {
    param: 'source',
  });
};

const noSource = (id: string) =>
  invalid(`No such source: '${id}'`, { param: 'source', code: 'resource_missing' });

const setDefaultSource = (world: World, customer: Customer, id: string | null): void => {
  change(world, 'customer', customer.id, { default_source: id }, 'customer.updated');
};

/** Takes a card or source of the old kind away; the next one becomes the default. */
export const removeSource = (world: World, customer: Customer, source: PaymentMethod): void => {
  world.store.update('payment_method', source.id, { customer: null });
  emit(world, 'customer.source.deleted', showSource(source));
  if (customer.default_source !== source.id) return;
  setDefaultSource(world, customer, sourcesOf(world, customer.id)[0]?.id ?? null);
};

/** `source` or `default_source` of a customer: what is new is added, an id of its own chosen. */
export const chooseSource = (world: World, customer: Customer, given: string): void => {
  const source = sourcesOf(world, customer.id).find((row) => row.id === given);
  if (source !== undefined) setDefaultSource(world, customer, source.id);
  else if (/^(tok|src)_/.test(given)) addSource(world, customer, given, true);
  else throw noSource(given);
};
