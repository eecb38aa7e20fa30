// Checkout in payment mode: paid once, without a subscription. A decline leaves the session open and
// nothing else behind.
import { invalid } from '../api/error.ts';
import { announce } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { PaymentIntent, PaymentMethod } from '../store/entity-payment.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import { findCoupon, type DiscountAsked } from './discount.ts';
import { percent } from './money.ts';
import { attempt, authenticate, createIntent, type Outcome } from './payment.ts';
import { cardError, methodByIdOrMagic } from './payment-method.ts';
import { keepForLater } from './payment-intent.ts';

/** What a discount leaves of an amount. */
export const discounted = (
  world: World,
  amount: number,
  asked: DiscountAsked[],
  about: { customer: string | null; now: number },
): number =>
  asked.reduce((rest, one, i) => {
    const { coupon } = findCoupon(world, one, `discounts[${i}]`, about.customer, about.now);
    const off =
      coupon.percent_off === null ? (coupon.amount_off ?? 0) : percent(rest, coupon.percent_off);
    return Math.max(0, rest - off);
  }, amount);

/** Pays the session's amount with the method, and answers where the browser goes next. */
export const payOnce = (
  world: World,
  session: CheckoutSession,
  about: { customer: string | null; now: number; method: string; discounts: DiscountAsked[] },
): string => {
  const { customer } = about;
  const amount = discounted(world, session.amount_subtotal ?? 0, about.discounts, about);
  countUses(world, about);
  world.store.update('checkout.session', session.id, { customer, amount_total: amount });
  if (amount === 0) return complete(world, session.id, 'no_payment_required');
  const method = methodByIdOrMagic(world, about.method);
  const intent = createIntent(world, {
    amount,
    currency: session.currency ?? 'usd',
    customer,
    invoice: null,
    description: null,
    method: method.id,
    more: { ...session._payment_data, _return_url: session.success_url },
  });
  world.store.update('checkout.session', session.id, { payment_intent: intent.id });
  return afterAttempt(world, session.id, attempt(world, intent, method, 'on'), method);
};

const countUses = (
  world: World,
  about: { customer: string | null; now: number; discounts: DiscountAsked[] },
): void => {
  for (const one of about.discounts) {
    const { coupon, code } = findCoupon(world, one, 'discounts', about.customer, about.now);
    const used = coupon.times_redeemed + 1;
    world.store.update('coupon', coupon.id, {
      times_redeemed: used,
      valid: coupon.max_redemptions === null || used < coupon.max_redemptions,
    });
    if (code === null) continue;
    world.store.update('promotion_code', code.id, { times_redeemed: code.times_redeemed + 1 });
  }
};

const afterAttempt = (
  world: World,
  id: string,
  outcome: Outcome,
  method: PaymentMethod,
): string => {
  switch (outcome.kind) {
    case 'failed':
      throw Object.assign(cardError(outcome.decline, {}), { keeps: false });
    case 'requires_action': {
      const { intent } = outcome;
      return `${world.publicUrl}/pay/${intent.id}/${intent.client_secret}`;
    }
    case 'processing':
      return complete(world, id, 'unpaid');
    case 'succeeded':
      world.store.update('payment_method', method.id, { _set_up: true });
      keepForLater(world, outcome.intent);
      return complete(world, id, 'paid');
  }
};

const complete = (
  world: World,
  id: string,
  payment_status: CheckoutSession['payment_status'],
): string => {
  clearTimer(world, 'checkout.expire', id);
  const done = world.store.update('checkout.session', id, {
    status: 'complete',
    url: null,
    payment_status,
  });
  announce(world, 'checkout.session.completed', done);
  return (done.success_url ?? world.publicUrl).replaceAll('{CHECKOUT_SESSION_ID}', id);
};

/** The session in payment mode that an intent belongs to. */
export const sessionOfIntent = (world: World, intent: PaymentIntent): CheckoutSession | null => {
  if (intent._invoice !== null) return null;
  for (const session of world.store.all('checkout.session')) {
    if (session.payment_intent === intent.id) return session;
  }
  return null;
};

/** The person authenticated the payment, or did not: then the session stays open. */
export const authenticatePayment = (
  world: World,
  session: CheckoutSession,
  passes: boolean,
): string => {
  const intent = world.store.get('payment_intent', session.payment_intent ?? '');
  if (intent?.status !== 'requires_action') throw invalid('Nothing waits to be authenticated.');
  const outcome = authenticate(world, intent, passes);
  if (outcome.kind !== 'succeeded') return session.url ?? world.publicUrl;
  keepForLater(world, outcome.intent);
  return complete(world, session.id, 'paid');
};

/** A debit that took days came out. */
export const settlePayment = (world: World, intent: PaymentIntent, isPaid: boolean): void => {
  const session = sessionOfIntent(world, intent);
  if (session?.status !== 'complete') return;
  const settled = world.store.update('checkout.session', session.id, {
    payment_status: isPaid ? 'paid' : 'unpaid',
  });
  announce(world, `checkout.session.async_payment_${isPaid ? 'succeeded' : 'failed'}`, settled);
};
