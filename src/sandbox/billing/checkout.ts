// Checkout sessions: a page's worth of intent that becomes a subscription (or a saved card) once
// its person pays (https://docs.stripe.com/payments/checkout/how-checkout-works). Declines leave
// the session open and nothing else behind.
import { invalid } from '../api/error.ts';
import { add, announce } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { Customer } from '../store/entity.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import { nowOn, type World } from '../world.ts';
import { authenticatePayment, payOnce } from './checkout-payment.ts';
import { blankCustomer } from './customer.ts';
import { intentOf } from './invoice.ts';
import { applyOutcome } from './invoice-collect.ts';
import { authenticate, cancelIntent } from './payment.ts';
import { attach, methodByIdOrMagic } from './payment-method.ts';
import { days } from './period.ts';
import { completeSetup, confirmSetup } from './setup.ts';
import { createSubscription, type PaymentBehavior } from './subscription-create.ts';
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
  if (session.mode === 'setup')
    return setUp(world, session, customer, asked.method ?? methodFor[outcome]);
  return subscribe(world, session, customer, outcome, asked);
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

const subscribe = (
  world: World,
  session: CheckoutSession,
  customer: Customer,
  outcome: Exclude<CheckoutOutcome, 'abandon'>,
  asked: { method?: string | undefined; promotion?: string | undefined },
): string => {
  const now = nowOn(world, customer.test_clock);
  const trialEnd = trialEndOf(session, now);
  const needsCard = session._collect === 'always' || trialEnd === null;
  const method =
    asked.method === undefined && !needsCard
      ? null
      : attach(world, methodByIdOrMagic(world, asked.method ?? methodFor[outcome]), customer);
  const waits = outcome === 'requires_action' || outcome === 'processing';
  const made = createSubscription(world, {
    ...wanted(session, customer, method, trialEnd),
    behavior: waits ? 'allow_incomplete' : 'error_if_incomplete',
    discounts: [...session._discounts, ...promotionDiscount(world, asked.promotion)],
  });
  if (made.collected.kind === 'requires_action') {
    world.store.update('checkout.session', session.id, { _attempt: made.subscription.id });
    return `${world.publicUrl}/pay/${made.collected.intent.id}/${made.collected.intent.client_secret}`;
  }
  return complete(world, session.id, made.subscription, made.collected.kind === 'processing');
};

const wanted = (
  session: CheckoutSession,
  customer: Customer,
  method: PaymentMethod | null,
  trialEnd: number | null,
) => ({
  customer,
  items: session._items,
  behavior: 'allow_incomplete' as PaymentBehavior,
  method,
  collection: 'charge_automatically' as const,
  daysUntilDue: null,
  trialEnd,
  trialEndBehavior: session._subscription_data.missing_payment_method,
  anchor: null,
  prorates: true,
  cancelAt: null,
  cancelAtPeriodEnd: false,
  metadata: session._subscription_data.metadata,
  description: session._subscription_data.description,
  billingMode: undefined,
});

const trialEndOf = (session: CheckoutSession, now: number): number | null => {
  const { trial_end: end, trial_period_days: length } = session._subscription_data;
  return end ?? (length === null ? null : now + days(length));
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

/** The session is done: its subscription is known from now on. */
const complete = (
  world: World,
  id: string,
  subscription: Subscription,
  isProcessing: boolean,
): string => {
  const invoice = world.store.need('invoice', subscription.latest_invoice ?? '');
  clearTimer(world, 'checkout.expire', id);
  const done = world.store.update('checkout.session', id, {
    status: 'complete',
    url: null,
    customer: subscription.customer,
    subscription: subscription.id,
    invoice: invoice.id,
    amount_total: invoice.total,
    payment_status: isProcessing ? 'unpaid' : invoice.total === 0 ? 'no_payment_required' : 'paid',
    _attempt: null,
  });
  announce(world, 'checkout.session.completed', done);
  return successUrl(world, done);
};

const successUrl = (world: World, session: CheckoutSession): string =>
  (session.success_url ?? world.publicUrl).replaceAll('{CHECKOUT_SESSION_ID}', session.id);

/** The subscription that waits for its person to authenticate. */
const pendingAttempt = (world: World, session: CheckoutSession): Subscription | null => {
  const row =
    session._attempt === null ? undefined : world.store.get('subscription', session._attempt);
  return row?.status === 'incomplete' ? row : null;
};

/** The person at the page authenticated, or did not; null where no session waits for this invoice. */
export const authenticateAttempt = (
  world: World,
  session: CheckoutSession,
  passes: boolean,
): string => {
  const subscription = pendingAttempt(world, session);
  const invoice = world.store.get('invoice', subscription?.latest_invoice ?? '');
  const intent = invoice === undefined ? null : intentOf(world, invoice);
  if (subscription === null || invoice === undefined || intent?.status !== 'requires_action') {
    throw invalid('Nothing waits to be authenticated.');
  }
  const outcome = authenticate(world, intent, passes);
  applyOutcome(world, invoice, outcome, 'person', null);
  if (outcome.kind !== 'succeeded') return session.url ?? world.publicUrl;
  return complete(world, session.id, world.store.need('subscription', subscription.id), false);
};

/** The open session whose payment is this invoice's. */
export const sessionOfInvoice = (world: World, invoice: Invoice): CheckoutSession | null => {
  for (const session of world.store.all('checkout.session')) {
    if (
      session.status === 'open' &&
      session._attempt !== null &&
      session._attempt === invoice._subscription
    ) {
      return session;
    }
  }
  return null;
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

/** The bank answered after days: the session's payment is known. */
export const settleSession = (world: World, invoice: Invoice, isPaid: boolean): void => {
  for (const session of world.store.all('checkout.session')) {
    if (session.invoice !== invoice.id || session.payment_status !== 'unpaid') continue;
    const settled = world.store.update('checkout.session', session.id, {
      payment_status: isPaid ? 'paid' : 'unpaid',
    });
    announce(world, `checkout.session.async_payment_${isPaid ? 'succeeded' : 'failed'}`, settled);
    return;
  }
};
