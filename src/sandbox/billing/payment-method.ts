// Payment methods: made from a test id or a number, attached to one customer for life. Decides
// which one pays an invoice; charges nothing.
import { announce, change } from '../delivery/event.ts';
import { invalid, missingParam, StripeError } from '../api/error.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { cardByMagic, cardByNumber, type Decline, type TestCard } from './card.ts';

/** A payment method of its own for a test card. */
export const makeMethod = (
  world: World,
  card: TestCard,
  more: { magic?: string; expires?: { month: number; year: number }; clock?: string | null } = {},
): PaymentMethod => {
  const isDebit = card.settlesLater !== undefined;
  return world.store.put('payment_method', {
    id: newId('pm'),
    object: 'payment_method',
    created: nowOn(world, more.clock ?? null),
    livemode: false,
    metadata: {},
    customer: null,
    type: isDebit ? 'sepa_debit' : 'card',
    ...(isDebit
      ? {}
      : {
          card: {
            brand: card.brand,
            last4: card.number.slice(-4),
            exp_month: more.expires?.month ?? 12,
            exp_year: more.expires?.year ?? 2040,
          },
        }),
    _magic: more.magic ?? null,
    _number: card.number,
    _set_up: false,
  });
};

/** Bank transfers into the customer's cash balance. */
export const makeTransferMethod = (world: World): PaymentMethod =>
  world.store.put('payment_method', {
    id: newId('pm'),
    object: 'payment_method',
    created: nowOn(world, null),
    livemode: false,
    metadata: {},
    customer: null,
    type: 'customer_balance',
    _magic: null,
    _number: '',
    _set_up: false,
  });

/** The payment method an id names; a test id makes a new one each time, as at Stripe. */
export const methodByIdOrMagic = (
  world: World,
  id: string,
  param = 'payment_method',
): PaymentMethod => {
  const kept = world.store.get('payment_method', id);
  if (kept !== undefined) return kept;
  const card = cardByMagic(id);
  if (card === undefined) throw missingParam('PaymentMethod', id, param);
  return makeMethod(world, card, { magic: id });
};

/** The customer's own payment method that an id or test id names, for defaults. */
export const attachedMethod = (
  world: World,
  customer: Customer,
  id: string,
  param: string,
): PaymentMethod => {
  const kept = world.store.get('payment_method', id);
  if (kept?.customer === customer.id) return kept;
  const twins = methodsOf(world, customer.id).filter((method) => method._magic === id);
  const twin = twins.at(-1);
  if (twin !== undefined) return twin;
  if (kept === undefined && cardByMagic(id) === undefined) {
    throw missingParam('PaymentMethod', id, param);
  }
  throw invalid(
    `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
    { param, code: 'resource_missing' },
  );
};

export const methodsOf = (world: World, customer: string): PaymentMethod[] =>
  [...world.store.all('payment_method')].filter((method) => method.customer === customer);

/** Gives the method to the customer; some test cards are refused here already. */
export const attach = (world: World, method: PaymentMethod, customer: Customer): PaymentMethod => {
  if (method.customer === customer.id) return method;
  if (method.customer !== null) {
    throw invalid('The payment method you provided has already been attached to a customer.');
  }
  const refusal = cardByNumber(method._number).attach;
  if (refusal !== undefined) throw cardError(refusal, {});
  const attached = world.store.update('payment_method', method.id, { customer: customer.id });
  announce(world, 'payment_method.attached', attached);
  return attached;
};

/** Takes the method away for good and out of every default that named it. */
export const detach = (world: World, method: PaymentMethod): PaymentMethod => {
  const { customer } = method;
  if (customer === null) {
    throw invalid(
      'The payment method you provided is not attached to a customer so detachment is impossible.',
    );
  }
  const owner = world.store.need('customer', customer);
  if (owner.invoice_settings.default_payment_method === method.id) {
    change(
      world,
      'customer',
      owner.id,
      { invoice_settings: { default_payment_method: null } },
      'customer.updated',
    );
  }
  for (const subscription of world.store.all('subscription')) {
    if (subscription.default_payment_method !== method.id) continue;
    change(
      world,
      'subscription',
      subscription.id,
      { default_payment_method: null },
      'customer.subscription.updated',
    );
  }
  return change(world, 'payment_method', method.id, { customer: null }, 'payment_method.detached');
};

/** Who pays by Stripe's order: the subscription's method, then the customer's default, then the card of the old kind. */
export const defaultMethod = (
  world: World,
  customer: string,
  own: { default_payment_method: string | null } | null,
): PaymentMethod | null => {
  const owner = world.store.need('customer', customer);
  const id =
    own?.default_payment_method ??
    owner.invoice_settings.default_payment_method ??
    owner.default_source ??
    null;
  return id === null ? null : (world.store.get('payment_method', id) ?? null);
};

export const payerOf = (world: World, invoice: Invoice): PaymentMethod | null => {
  const subscription =
    invoice._subscription === null ? null : world.store.need('subscription', invoice._subscription);
  const own = invoice.default_payment_method ?? subscription?.default_payment_method ?? null;
  return defaultMethod(world, invoice.customer, { default_payment_method: own });
};

/** 402 with what Stripe says about the card; what was done so far stays done. */
export const cardError = (decline: Decline, more: Record<string, unknown>): StripeError =>
  new StripeError(
    402,
    {
      type: 'card_error',
      code: decline.code,
      ...(decline.code === 'card_declined' || decline.code === 'authentication_required'
        ? { decline_code: decline.decline_code }
        : {}),
      message: decline.message,
      ...more,
    },
    { keeps: true },
  );
