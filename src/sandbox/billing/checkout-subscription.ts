// Checkout in subscription mode: the subscription that a person's payment makes, also where the person
// or their bank takes time. A decline leaves the session open and nothing else behind.
import { invalid } from '../api/error.ts';
import { announce } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import type { Customer } from '../store/entity.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import type { DiscountAsked } from './discount.ts';
import { intentOf } from './invoice.ts';
import { applyOutcome } from './invoice-collect.ts';
import { authenticate } from './payment.ts';
import { attach, methodByIdOrMagic } from './payment-method.ts';
import { days } from './period.ts';
import { createSubscription, type PaymentBehavior } from './subscription-create.ts';

/** Makes the subscription with the method; a decline leaves nothing behind. */
export const subscribe = (
  world: World,
  session: CheckoutSession,
  customer: Customer,
  about: { method: string; isChosen: boolean; waits: boolean; discounts: DiscountAsked[] },
): string => {
  const now = nowOn(world, customer.test_clock);
  const trialEnd = trialEndOf(session, now);
  const needsCard = session._collect === 'always' || trialEnd === null;
  const method =
    !about.isChosen && !needsCard
      ? null
      : attach(world, methodByIdOrMagic(world, about.method), customer);
  const made = createSubscription(world, {
    ...wanted(world, session, customer, method, trialEnd),
    behavior: about.waits ? 'allow_incomplete' : 'error_if_incomplete',
    discounts: about.discounts,
  });
  if (made.collected.kind === 'requires_action') {
    world.store.update('checkout.session', session.id, { _attempt: made.subscription.id });
    return `${world.publicUrl}/pay/${made.collected.intent.id}/${made.collected.intent.client_secret}`;
  }
  return complete(world, session.id, made.subscription, made.collected.kind === 'processing');
};

const wanted = (
  world: World,
  session: CheckoutSession,
  customer: Customer,
  method: PaymentMethod | null,
  trialEnd: number | null,
) => ({
  customer,
  items: session._items
    .filter((item) => recurs(world, item.price))
    .map((item) => ({ ...item, isKept: true })),
  onceItems: session._items.filter((item) => !recurs(world, item.price)),
  currency: session.currency ?? undefined,
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
  billingMode: session._subscription_data.billing_mode,
});

const recurs = (world: World, price: string): boolean =>
  world.store.need('price', price).recurring !== null;

const trialEndOf = (session: CheckoutSession, now: number): number | null => {
  const { trial_end: end, trial_period_days: length } = session._subscription_data;
  return end ?? (length === null ? null : now + days(length));
};

/** The session is done: its subscription is known from now on. */
const complete = (
  world: World,
  id: string,
  subscription: Subscription,
  isProcessing: boolean,
): string => {
  const invoice = world.store.get('invoice', subscription.latest_invoice ?? '');
  const total = invoice?.total ?? 0;
  clearTimer(world, 'checkout.expire', id);
  const done = world.store.update('checkout.session', id, {
    status: 'complete',
    url: null,
    customer: subscription.customer,
    subscription: subscription.id,
    invoice: invoice?.id ?? null,
    amount_total: total,
    payment_status: isProcessing ? 'unpaid' : total === 0 ? 'no_payment_required' : 'paid',
    _attempt: null,
  });
  announce(world, 'checkout.session.completed', done);
  return successUrl(world, done);
};

export const successUrl = (world: World, session: CheckoutSession): string =>
  (session.success_url ?? world.publicUrl).replaceAll('{CHECKOUT_SESSION_ID}', session.id);

/** The subscription that waits for its person to authenticate. */
export const pendingAttempt = (world: World, session: CheckoutSession): Subscription | null => {
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
