// Payment intents as a program makes them, without an invoice: created, changed and confirmed
// (https://docs.stripe.com/payments/paymentintents/lifecycle). The attempt itself is payment.ts.
import { invalid } from '../api/error.ts';
import { render } from '../shape/render.ts';
import type { PaymentIntent, PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';
import { applyOutcome } from './invoice-collect.ts';
import { attempt } from './payment.ts';
import { attach, cardError, methodByIdOrMagic } from './payment-method.ts';

export type ConfirmAsked = {
  payment_method?: string | undefined;
  return_url?: string | undefined;
  /** Nobody is there to authenticate, or may not be asked. */
  offSession?: boolean;
};

/** Tries to be paid; a decline is a 402 that leaves its failed charge behind. */
export const confirmIntent = (
  world: World,
  intent: PaymentIntent,
  asked: ConfirmAsked,
): PaymentIntent => {
  refuseState(intent);
  const method = methodFor(world, intent, asked);
  const ready = world.store.update('payment_intent', intent.id, {
    _return_url: asked.return_url ?? intent._return_url ?? null,
  });
  if (intent._invoice !== null && intent.customer !== null && method.customer === null) {
    attach(world, method, world.store.need('customer', intent.customer));
  }
  const outcome = attempt(world, ready, method, asked.offSession === true ? 'off' : 'on');
  if (intent._invoice !== null) {
    applyOutcome(world, world.store.need('invoice', intent._invoice), outcome, 'person', method);
  }
  if (outcome.kind === 'failed') {
    throw cardError(outcome.decline, {
      charge: outcome.intent.latest_charge,
      payment_intent: render(world, outcome.intent),
    });
  }
  if (outcome.kind === 'succeeded') keepForLater(world, outcome.intent);
  return world.store.need('payment_intent', intent.id);
};

/** `setup_future_usage`: once it has paid, the method belongs to the customer. */
export const keepForLater = (world: World, intent: PaymentIntent): void => {
  const { customer, payment_method: id, setup_future_usage: usage } = intent;
  if (usage == null || customer === null || id === null) return;
  const method = world.store.need('payment_method', id);
  world.store.update('payment_method', id, { _set_up: true });
  if (method.customer === null) {
    attach(world, world.store.need('payment_method', id), world.store.need('customer', customer));
  }
};

const refuseState = (intent: PaymentIntent): void => {
  if (!['succeeded', 'canceled', 'processing', 'requires_capture'].includes(intent.status)) return;
  throw invalid(
    `You cannot confirm this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, requires_action.`,
    { code: 'payment_intent_unexpected_state' },
  );
};

const methodFor = (world: World, intent: PaymentIntent, asked: ConfirmAsked): PaymentMethod => {
  const fallback =
    intent._invoice === null || intent.customer === null
      ? null
      : world.store.need('customer', intent.customer).invoice_settings.default_payment_method;
  const id = asked.payment_method ?? intent.payment_method ?? fallback;
  if (id === null) {
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state' },
    );
  }
  return ownMethod(world, id, intent.customer);
};

/** A method that the customer may pay with: theirs, or nobody's yet. */
export const ownMethod = (
  world: World,
  id: string,
  customer: Customer['id'] | null,
): PaymentMethod => {
  const method = methodByIdOrMagic(world, id);
  if (method.customer === null || method.customer === customer) return method;
  throw invalid(
    customer === null
      ? `The PaymentMethod ${method.id} belongs to the Customer ${method.customer}. Please include the Customer in the \`customer\` parameter on the PaymentIntent.`
      : `The PaymentMethod ${method.id} does not belong to the Customer you supplied ${customer}. Please use this PaymentMethod with the Customer that it belongs to.`,
    { param: 'payment_method' },
  );
};
