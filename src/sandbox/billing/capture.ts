// Money that a bank keeps aside: captured, let go, or expired after a week
// (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
import { invalid } from '../api/error.ts';
import { announce } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { Charge, PaymentIntent } from '../store/entity-payment.ts';
import type { World } from '../world.ts';
import { cancelIntent, disputeIfAsked } from './payment.ts';

/** Takes the money, or a part of it; the rest is let go. */
export const captureIntent = (
  world: World,
  intent: PaymentIntent,
  asked: number | undefined,
): PaymentIntent => {
  if (intent.status !== 'requires_capture') {
    throw invalid(
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const amount = asked ?? intent.amount;
  if (amount > intent.amount) {
    throw invalid(
      `This PaymentIntent could not be captured because the amount to capture (${amount}) is greater than the capturable amount (${intent.amount}).`,
      { param: 'amount_to_capture', code: 'amount_too_large' },
    );
  }
  clearTimer(world, 'payment_intent.expire', intent.id);
  const charge = captureCharge(
    world,
    world.store.need('charge', intent.latest_charge ?? ''),
    amount,
  );
  const paid = world.store.update('payment_intent', intent.id, {
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: amount,
  });
  announce(world, 'payment_intent.succeeded', paid);
  const method = world.store.get('payment_method', intent.payment_method ?? '');
  if (method !== undefined) disputeIfAsked(world, charge, method);
  return paid;
};

/** The charge's side of a capture. */
export const captureCharge = (world: World, charge: Charge, amount: number): Charge => {
  if (charge.captured !== false) {
    throw invalid(`Charge ${charge.id} has already been captured.`, {
      code: 'charge_already_captured',
    });
  }
  if (charge.refunded) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (amount > charge.amount) {
    throw invalid('Amount to capture is greater than the amount of the charge.', {
      param: 'amount',
      code: 'amount_too_large',
    });
  }
  const captured = world.store.update('charge', charge.id, {
    captured: true,
    amount_captured: amount,
    amount_refunded: charge.amount - amount,
  });
  announce(world, 'charge.captured', captured);
  return captured;
};

/** Nobody wants the money any more: the bank lets go of it. */
export const cancelStandalone = (
  world: World,
  intent: PaymentIntent,
  reason: string | null,
): PaymentIntent => {
  if (intent._invoice !== null) {
    throw invalid(
      'You cannot cancel this PaymentIntent because it belongs to an invoice. Void the invoice instead.',
      { code: 'payment_intent_unexpected_state' },
    );
  }
  if (intent.status === 'succeeded' || intent.status === 'canceled') {
    throw invalid(
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  if (intent.status === 'requires_capture') release(world, intent, 'charge.refunded');
  cancelIntent(world, intent, reason);
  return world.store.need('payment_intent', intent.id);
};

const release = (world: World, intent: PaymentIntent, type: string): void => {
  const charge = world.store.need('charge', intent.latest_charge ?? '');
  const released = world.store.update('charge', charge.id, {
    refunded: true,
    amount_refunded: charge.amount,
  });
  announce(world, type, released);
};

/** A week without a capture: the authorization is gone. */
export const expireAuthorization = (world: World, id: string): void => {
  const intent = world.store.need('payment_intent', id);
  if (intent.status !== 'requires_capture') return;
  release(world, intent, 'charge.expired');
  cancelIntent(world, intent, 'automatic');
};
