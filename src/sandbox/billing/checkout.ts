// Checkout sessions: a page's worth of intent that becomes a subscription (or a saved card) once
// its person pays (https://docs.stripe.com/payments/checkout/how-checkout-works). Declines leave
// the session open and nothing else behind.
import { invalid } from '../api/error.ts';
import { add, announce } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { Customer } from '../store/entity.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import { nowOn, type World } from '../world.ts';
import { authenticatePayment, payOnce } from './checkout-payment.ts';
import {
  authenticateAttempt,
  pendingAttempt,
  subscribe,
  successUrl,
} from './checkout-subscription.ts';
import { blankCustomer } from './customer.ts';
import { cancelIntent } from './payment.ts';
import { completeSetup, confirmSetup } from './setup.ts';
import { endSubscription } from './subscription-end.ts';

export type CheckoutOutcome = 'paid' | 'declined' | 'requires_action' | 'processing' | 'abandon';

const methodFor: Record<Exclude<CheckoutOutcome, 'abandon'>, string> = {
  paid: 'pm_card_visa',
  declined: 'pm_card_chargeDeclined',
  requires_action: 'pm_card_threeDSecure2Required',
  processing: 'pm_sepaDebit_processing',
};

/** Does what a person does on the page and answers where their browser goes next. */
export const actOnSession = (
  world: World,
  session: CheckoutSession,
  outcome: CheckoutOutcome,
  asked: { method?: string | undefined; promotion?: string | undefined } = {},
): string => {
  if (session.status !== 'open') throw notOpen(session);
  if (outcome === 'abandon') return session.cancel_url ?? session.url ?? world.publicUrl;
  if (session.mode === 'payment') return payNow(world, session, outcome, asked);
  const pending = pendingAttempt(world, session);
  if (pending !== null && outcome === 'paid' && asked.method === undefined) {
    return authenticateAttempt(world, session, true);
  }
  if (pending !== null) endSubscription(world, pending, null);
  const customer = customerOf(world, session);
  const method = asked.method ?? methodFor[outcome];
  if (session.mode === 'setup') return setUp(world, session, customer, method);
  return subscribe(world, session, customer, {
    method,
    isChosen: asked.method !== undefined,
    waits: outcome === 'requires_action' || outcome === 'processing',
    discounts: [...session._discounts, ...promotionDiscount(world, asked.promotion)],
  });
};

export const notOpen = (session: CheckoutSession, verb: 'expired' | 'used' = 'used') =>
  invalid(
    `Only Checkout Sessions with a status in ["open"] can be ${verb}. This Checkout Session has a status of \`${session.status}\`.`,
  );

const payNow = (
  world: World,
  session: CheckoutSession,
  outcome: Exclude<CheckoutOutcome, 'abandon'>,
  asked: { method?: string | undefined; promotion?: string | undefined },
): string => {
  const waiting = world.store.get('payment_intent', session.payment_intent ?? '');
  if (waiting?.status === 'requires_action') {
    if (outcome === 'paid' && asked.method === undefined) {
      return authenticatePayment(world, session, true);
    }
    cancelIntent(world, waiting, 'abandoned');
  }
  const makesOne = session.customer !== null || session.customer_creation === 'always';
  return payOnce(world, session, {
    customer: makesOne ? customerOf(world, session).id : null,
    now: nowOn(world, session._test_clock),
    method: asked.method ?? methodFor[outcome],
    discounts: [...session._discounts, ...promotionDiscount(world, asked.promotion)],
  });
};

/** A session without a customer makes one when it is used. */
const customerOf = (world: World, session: CheckoutSession): Customer => {
  if (session.customer !== null) return world.store.need('customer', session.customer);
  const customer = add(
    world,
    'customer',
    { ...blankCustomer(world, null), email: session.customer_email },
    'customer.created',
  );
  world.store.update('checkout.session', session.id, { customer: customer.id });
  return customer;
};

/** The code a person typed, where the session allows one. */
const promotionDiscount = (
  world: World,
  code: string | undefined,
): { promotion_code: string }[] => {
  if (code === undefined) return [];
  const found = [...world.store.all('promotion_code')].find(
    (row) => row.active && row.code.toLowerCase() === code.toLowerCase(),
  );
  if (found === undefined) throw invalid('This code is invalid.', { code: 'resource_missing' });
  return [{ promotion_code: found.id }];
};

const setUp = (
  world: World,
  session: CheckoutSession,
  customer: Customer,
  method: string,
): string => {
  const intent = world.store.need('setup_intent', session.setup_intent ?? '');
  const confirmed = confirmSetup(world, { ...intent, customer: customer.id }, method);
  if (confirmed.status === 'requires_action')
    completeSetup(world, { ...confirmed, customer: customer.id });
  clearTimer(world, 'checkout.expire', session.id);
  const done = world.store.update('checkout.session', session.id, {
    status: 'complete',
    url: null,
    customer: customer.id,
    payment_status: 'no_payment_required',
  });
  announce(world, 'checkout.session.completed', done);
  return successUrl(world, done);
};

/** Nobody came, or the client gave up: the page is gone. */
export const expireSession = (world: World, session: CheckoutSession): CheckoutSession => {
  const pending = pendingAttempt(world, session);
  if (pending !== null) endSubscription(world, pending, null);
  const intent = world.store.get('payment_intent', session.payment_intent ?? '');
  if (intent !== undefined) cancelIntent(world, intent, 'automatic');
  clearTimer(world, 'checkout.expire', session.id);
  const expired = world.store.update('checkout.session', session.id, {
    status: 'expired',
    url: null,
    _attempt: null,
  });
  announce(world, 'checkout.session.expired', expired);
  return expired;
};
