// A paused subscription comes back: at once when nothing is due, else with the payment of the
// period that begins (https://docs.stripe.com/billing/subscriptions/pause).
import { invalid } from '../api/error.ts';
import { announce } from '../delivery/event.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { createInvoice, finalizeInvoice, takePendingLines } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { periodLines } from './invoice-line.ts';
import { boundary } from './period.ts';
import { periodEnd, rearm } from './subscription-timer.ts';

export type ResumeAsked = {
  billing_cycle_anchor?: { type: 'now' | 'unchanged' } | undefined;
  payment_behavior?: 'resume_on_payment_attempt' | 'resume_on_payment_success' | undefined;
};

export const resumeSubscription = (
  world: World,
  subscription: Subscription,
  asked: ResumeAsked,
): Subscription => {
  if (subscription.status !== 'paused') {
    throw invalid(
      `This subscription is not paused, so it cannot be resumed. It has a status of ${subscription.status}.`,
    );
  }
  const now = nowOn(world, subscription.test_clock);
  const keepsCycle =
    asked.billing_cycle_anchor?.type === 'unchanged' && periodEnd(subscription) > now;
  const invoiceId = newId('in');
  const items = subscription.items.map((item) => {
    const { recurring } = world.store.need('price', item.price);
    return keepsCycle
      ? item
      : { ...item, current_period_start: now, current_period_end: boundary(now, recurring!, 1) };
  });
  const resumed = world.store.update('subscription', subscription.id, {
    status: 'active',
    status_details: null,
    items,
    ...(keepsCycle ? {} : { billing_cycle_anchor: now, latest_invoice: invoiceId }),
  });
  announce(world, 'customer.subscription.updated', resumed);
  announce(world, 'customer.subscription.resumed', resumed);
  rearm(world, resumed, now);
  if (keepsCycle) return resumed;
  const draft = createInvoice(world, {
    id: invoiceId,
    subscription: resumed,
    reason: 'subscription_cycle',
    lines: [
      ...takePendingLines(world, resumed.id, invoiceId),
      ...periodLines(world, resumed, false),
    ],
    period: { start: now, end: now },
    finalizesAt: null,
  });
  collect(world, finalizeInvoice(world, { ...draft, auto_advance: true }), 'schedule');
  return world.store.need('subscription', subscription.id);
};
