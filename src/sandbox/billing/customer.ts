// A customer's beginning, and what belongs to the customer beside billing: cards of the old kind
// (https://docs.stripe.com/api/cards). Charges nothing.
import { invalid, missingParam } from '../api/error.ts';
import { announce, change, emit } from '../delivery/event.ts';
import { showCard } from '../shape/source.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';
import { cardByMagic, cardByNumber } from './card.ts';
import { cardError, makeMethod } from './payment-method.ts';

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

/** A card from a token; the customer's first one becomes the default, or the given one when asked. */
export const addSource = (
  world: World,
  customer: Customer,
  token: string,
  becomesDefault: boolean,
): PaymentMethod => {
  const card = cardByMagic(token);
  if (card === undefined || !token.startsWith('tok_')) throw missingParam('token', token, 'source');
  const refusal = cardByNumber(card.number).attach;
  if (refusal !== undefined) throw cardError(refusal, {});
  const made = makeMethod(world, card, { magic: token, clock: customer.test_clock });
  world.store.remove('payment_method', made.id);
  const source = world.store.put('payment_method', {
    ...made,
    id: newId('card'),
    customer: customer.id,
    _is_source: true,
  });
  emit(world, 'customer.source.created', showCard(source));
  announce(world, 'payment_method.attached', source);
  if (becomesDefault || (customer.default_source ?? null) === null) {
    setDefaultSource(world, customer, source.id);
  }
  return source;
};

const setDefaultSource = (world: World, customer: Customer, id: string | null): void => {
  change(world, 'customer', customer.id, { default_source: id }, 'customer.updated');
};

/** Takes a card of the old kind away; the next one becomes the default. */
export const removeSource = (world: World, customer: Customer, source: PaymentMethod): void => {
  world.store.update('payment_method', source.id, { customer: null });
  emit(world, 'customer.source.deleted', showCard(source));
  if (customer.default_source !== source.id) return;
  setDefaultSource(world, customer, sourcesOf(world, customer.id)[0]?.id ?? null);
};

/** `source` or `default_source` of a customer: a token makes a card, an id chooses one. */
export const chooseSource = (world: World, customer: Customer, given: string): void => {
  if (given.startsWith('tok_')) {
    addSource(world, customer, given, true);
    return;
  }
  const source = sourcesOf(world, customer.id).find((row) => row.id === given);
  if (source === undefined) {
    throw invalid(`No such source: '${given}'`, { param: 'source', code: 'resource_missing' });
  }
  setDefaultSource(world, customer, source.id);
};
