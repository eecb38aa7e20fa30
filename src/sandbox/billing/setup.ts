// Setup intents: a payment method made ready for later, without money
// (https://docs.stripe.com/api/setup_intents).
import { invalid } from '../api/error.ts';
import { add, announce } from '../delivery/event.ts';
import { render } from '../shape/render.ts';
import type { PaymentMethod, SetupIntent } from '../store/entity-payment.ts';
import type { Customer, Metadata } from '../store/entity.ts';
import { newId, randomText, type World } from '../world.ts';
import { cardByNumber, type Decline } from './card.ts';
import { attach, cardError, methodByIdOrMagic } from './payment-method.ts';

export const createSetup = (
  world: World,
  customer: Customer | null,
  asked: {
    method: string | null;
    metadata: Metadata;
    usage: string;
    now: number;
    more?: Partial<SetupIntent>;
  },
): SetupIntent => {
  const id = newId('seti');
  const method = asked.method === null ? null : methodByIdOrMagic(world, asked.method);
  return add(
    world,
    'setup_intent',
    {
      id,
      object: 'setup_intent',
      client_secret: `${id}_secret_${randomText(25)}`,
      created: asked.now,
      customer: customer?.id ?? null,
      livemode: false,
      metadata: asked.metadata,
      payment_method: method?.id ?? null,
      status: method === null ? 'requires_payment_method' : 'requires_confirmation',
      usage: asked.usage,
      ...asked.more,
    },
    'setup_intent.created',
  );
};

/** Sets the method up: attached to the customer, or waiting for authentication. */
export const confirmSetup = (
  world: World,
  intent: SetupIntent,
  given: string | null,
): SetupIntent => {
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw invalid(
      `You cannot confirm this SetupIntent because it has a status of ${intent.status}.`,
      { code: 'setup_intent_unexpected_state' },
    );
  }
  const id = given ?? intent.payment_method;
  if (id === null) {
    throw invalid(
      "You cannot confirm this SetupIntent because it's missing a payment method. You can either update the SetupIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.",
      { code: 'setup_intent_unexpected_state' },
    );
  }
  const method = methodByIdOrMagic(world, id);
  const card = cardByNumber(method._number);
  if (card.authenticates !== undefined) {
    const waiting = world.store.update('setup_intent', intent.id, {
      status: 'requires_action',
      payment_method: method.id,
      ...{
        next_action: {
          redirect_to_url: {
            return_url: intent._return_url ?? null,
            url: `${world.publicUrl}/setup/${intent.id}/${intent.client_secret}`,
          },
          type: 'redirect_to_url',
        },
      },
    });
    announce(world, 'setup_intent.requires_action', waiting);
    return waiting;
  }
  if (card.attach !== undefined) {
    const failed = world.store.update('setup_intent', intent.id, {
      status: 'requires_payment_method',
      payment_method: null,
      ...{ last_setup_error: setupError(world, card.attach, method) },
    });
    announce(world, 'setup_intent.setup_failed', failed);
    throw cardError(card.attach, { setup_intent: render(world, failed) });
  }
  return completeSetup(world, { ...intent, payment_method: method.id });
};

const setupError = (world: World, decline: Decline, method: PaymentMethod): object => ({
  type: 'card_error',
  code: decline.code,
  decline_code: decline.decline_code,
  message: decline.message,
  doc_url: `https://docs.stripe.com/error-codes#${decline.code.replaceAll('_', '-')}`,
  payment_method: render(world, method),
});

/** The method is set up: it belongs to the customer from now on. */
export const completeSetup = (world: World, intent: SetupIntent): SetupIntent => {
  const method = methodByIdOrMagic(world, intent.payment_method ?? '');
  world.store.update('payment_method', method.id, { _set_up: true });
  const done = world.store.update('setup_intent', intent.id, {
    status: 'succeeded',
    payment_method: method.id,
    ...{ next_action: null, last_setup_error: null },
  });
  if (intent.customer !== null) {
    attach(
      world,
      world.store.need('payment_method', method.id),
      world.store.need('customer', intent.customer),
    );
  }
  announce(world, 'setup_intent.succeeded', done);
  return done;
};

export const cancelSetup = (
  world: World,
  intent: SetupIntent,
  reason: string | null,
): SetupIntent => {
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw invalid(
      `You cannot cancel this SetupIntent because it has a status of ${intent.status}.`,
      { code: 'setup_intent_unexpected_state' },
    );
  }
  const canceled = world.store.update('setup_intent', intent.id, {
    status: 'canceled',
    ...{ cancellation_reason: reason, next_action: null },
  });
  announce(world, 'setup_intent.canceled', canceled);
  return canceled;
};
