// Payment intents and charges: one attempt with one payment method, and how it came out.
// Knows nothing of invoices; whoever asked reads the outcome.
import { add, announce, change } from '../delivery/event.ts';
import { clearTimer, setTimer } from '../engine/timer.ts';
import { render } from '../shape/render.ts';
import type { Charge, PaymentIntent, PaymentMethod } from '../store/entity-payment.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';
import { cardByNumber, type Decline } from './card.ts';
import { addCharge, settledCharge } from './charge.ts';
import { awaitTransfer } from './cash.ts';
import { openDispute } from './dispute.ts';
import { days } from './period.ts';

export type Outcome =
  | { kind: 'succeeded' | 'requires_action' | 'processing'; intent: PaymentIntent }
  | { kind: 'failed'; intent: PaymentIntent; decline: Decline };

const settleDays = 3;
const authorizationDays = 7;

const authenticationRequired: Decline = {
  code: 'authentication_required',
  decline_code: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
};
const authenticationFailed: Decline = {
  code: 'payment_intent_authentication_failure',
  decline_code: 'authentication_failure',
  message: 'The provided PaymentMethod has failed authentication.',
};

export const createIntent = (
  world: World,
  about: {
    amount: number;
    currency: string;
    customer: string | null;
    invoice: string | null;
    description: string | null;
    method: string | null;
    more?: Partial<PaymentIntent>;
  },
): PaymentIntent => {
  const id = newId('pi');
  return add(
    world,
    'payment_intent',
    {
      id,
      object: 'payment_intent',
      amount: about.amount,
      amount_received: 0,
      client_secret: `${id}_secret_${randomText(25)}`,
      created: customerNow(world, about.customer),
      currency: about.currency,
      customer: about.customer,
      ...{ description: about.description },
      latest_charge: null,
      livemode: false,
      metadata: {},
      payment_method: null,
      status: about.method === null ? 'requires_payment_method' : 'requires_confirmation',
      _invoice: about.invoice,
      ...about.more,
    },
    'payment_intent.created',
  );
};

/** Charges the method once. Off session nobody is there to authenticate. */
export const attempt = (
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  session: 'on' | 'off',
): Outcome => {
  if (method.type === 'customer_balance') return awaitTransfer(world, intent, method);
  const card = cardByNumber(method._number);
  const asks =
    card.authenticates === 'always' || (card.authenticates === 'until_set_up' && !method._set_up);
  if (asks && session === 'on') return requireAction(world, intent, method);
  if (asks) return fail(world, intent, method, authenticationRequired);
  if (card.settlesLater !== undefined) return process(world, intent, method);
  if (card.charge !== undefined) return fail(world, intent, method, card.charge);
  return succeed(world, intent, method);
};

/** The customer authenticated, or did not. */
export const authenticate = (world: World, intent: PaymentIntent, passes: boolean): Outcome => {
  const method = world.store.need('payment_method', intent.payment_method ?? '');
  const { charge } = cardByNumber(method._number);
  if (!passes) return fail(world, intent, method, authenticationFailed);
  if (charge !== undefined) return fail(world, intent, method, charge);
  world.store.update('payment_method', method.id, { _set_up: true });
  return succeed(world, intent, method);
};

/** A debit that took days comes out. */
export const settle = (world: World, intent: PaymentIntent): Outcome => {
  const method = world.store.need('payment_method', intent.payment_method ?? '');
  return cardByNumber(method._number).settlesLater === 'failed'
    ? fail(world, intent, method, {
        code: 'payment_method_provider_decline',
        decline_code: 'generic_decline',
        message: 'The payment was declined by the bank.',
      })
    : succeed(world, intent, method);
};

export const cancelIntent = (
  world: World,
  intent: PaymentIntent,
  reason: string | null = 'void_invoice',
): void => {
  if (intent.status === 'succeeded' || intent.status === 'canceled') return;
  clearTimer(world, 'payment_intent.settle', intent.id);
  clearTimer(world, 'payment_intent.expire', intent.id);
  change(world, 'payment_intent', intent.id, {
    status: 'canceled',
    amount_capturable: 0,
    ...{
      canceled_at: customerNow(world, intent.customer),
      cancellation_reason: reason,
      next_action: null,
    },
  });
  announce(world, 'payment_intent.canceled', world.store.need('payment_intent', intent.id));
};

const customerNow = (world: World, customer: string | null): number =>
  nowOn(world, customer === null ? null : world.store.need('customer', customer).test_clock);

const requireAction = (world: World, intent: PaymentIntent, method: PaymentMethod): Outcome => {
  const url = `${world.publicUrl}/pay/${intent.id}/${intent.client_secret}`;
  const waiting = world.store.update('payment_intent', intent.id, {
    status: 'requires_action',
    payment_method: method.id,
    ...{
      next_action: {
        redirect_to_url: { return_url: intent._return_url ?? null, url },
        type: 'redirect_to_url',
      },
    },
  });
  announce(world, 'payment_intent.requires_action', waiting);
  return { kind: 'requires_action', intent: waiting };
};

const process = (world: World, intent: PaymentIntent, method: PaymentMethod): Outcome => {
  const charge = addCharge(world, intent, method, { status: 'pending' });
  announce(world, 'charge.pending', charge);
  const waiting = world.store.update('payment_intent', intent.id, {
    status: 'processing',
    payment_method: method.id,
    latest_charge: charge.id,
  });
  announce(world, 'payment_intent.processing', waiting);
  wake(world, 'payment_intent.settle', intent, settleDays);
  return { kind: 'processing', intent: waiting };
};

/** What happens to an intent by itself, some days from now on its customer's clock. */
const wake = (
  world: World,
  kind: 'payment_intent.settle' | 'payment_intent.expire',
  intent: PaymentIntent,
  after: number,
): void => {
  const clock =
    intent.customer === null ? null : world.store.need('customer', intent.customer).test_clock;
  setTimer(world, kind, intent.id, { clock, at: nowOn(world, clock) + days(after) });
};

/** The bank keeps the money aside until it is captured, for a week. */
const authorize = (world: World, intent: PaymentIntent, method: PaymentMethod): Outcome => {
  const held = { status: 'succeeded', captured: false, amount_captured: 0 } as const;
  const charge = settledCharge(world, intent, method, held);
  announce(world, 'charge.succeeded', charge);
  const waiting = world.store.update('payment_intent', intent.id, {
    status: 'requires_capture',
    amount_capturable: intent.amount,
    latest_charge: charge.id,
    payment_method: method.id,
    ...{ next_action: null, last_payment_error: null },
  });
  announce(world, 'payment_intent.amount_capturable_updated', waiting);
  wake(world, 'payment_intent.expire', intent, authorizationDays);
  return { kind: 'succeeded', intent: waiting };
};

export const succeed = (world: World, intent: PaymentIntent, method: PaymentMethod): Outcome => {
  if (intent.capture_method === 'manual') return authorize(world, intent, method);
  const charge = settledCharge(world, intent, method, { status: 'succeeded' });
  announce(world, 'charge.succeeded', charge);
  const paid = world.store.update('payment_intent', intent.id, {
    status: 'succeeded',
    amount_received: intent.amount,
    latest_charge: charge.id,
    payment_method: method.id,
    ...{ next_action: null, last_payment_error: null },
  });
  announce(world, 'payment_intent.succeeded', paid);
  disputeIfAsked(world, charge, method);
  return { kind: 'succeeded', intent: paid };
};

/** Some test cards are disputed as soon as they have paid. */
export const disputeIfAsked = (world: World, charge: Charge, method: PaymentMethod): void => {
  const { disputes } = cardByNumber(method._number);
  if (disputes !== undefined) openDispute(world, charge, disputes);
};

const fail = (
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  decline: Decline,
): Outcome => {
  const failure = { failure_code: decline.code, failure_message: decline.message };
  const charge = settledCharge(world, intent, method, { status: 'failed', decline, ...failure });
  announce(world, 'charge.failed', charge);
  const failed = world.store.update('payment_intent', intent.id, {
    status: 'requires_payment_method',
    latest_charge: charge.id,
    payment_method: null,
    ...{
      next_action: null,
      last_payment_error: {
        type: 'card_error',
        code: decline.code,
        decline_code: decline.decline_code,
        message: decline.message,
        doc_url: `https://docs.stripe.com/error-codes#${decline.code.replaceAll('_', '-')}`,
        charge: charge.id,
        payment_method: render(world, method),
      },
    },
  });
  announce(world, 'payment_intent.payment_failed', failed);
  return { kind: 'failed', intent: failed, decline };
};
