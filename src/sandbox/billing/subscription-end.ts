// The ends of a subscription: canceled, expired before it was paid, paused. Ends nothing by itself;
// a request, a timer or the last failed payment calls.
import { announce, change } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { SubscriptionSchedule } from '../store/entity-session.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { haltInvoice, voidInvoice } from './invoice.ts';
import { rearm } from './subscription-timer.ts';

export type CancelReason = 'cancellation_requested' | 'payment_failed' | null;

/** Ends it for good; its invoices stay owed but nobody collects them any more. */
export const endSubscription = (
  world: World,
  subscription: Subscription,
  reason: CancelReason,
  more: { comment?: string | null | undefined; feedback?: string | null | undefined } = {},
): Subscription => {
  const now = nowOn(world, subscription.test_clock);
  const isUnpaidStart = subscription.status === 'incomplete';
  for (const invoice of openInvoices(world, subscription.id)) {
    if (isUnpaidStart && invoice.status === 'open') voidInvoice(world, invoice);
    else haltInvoice(world, invoice, 'invoice.updated');
  }
  const details = subscription.cancellation_details;
  const ended = world.store.update('subscription', subscription.id, {
    status: isUnpaidStart ? 'incomplete_expired' : 'canceled',
    canceled_at: subscription.canceled_at ?? now,
    cancel_at_period_end: false,
    cancellation_details: {
      ...details,
      comment: more.comment ?? details.comment,
      feedback: more.feedback ?? details.feedback,
      reason: details.reason ?? reason,
    },
    ended_at: now,
    pause_collection: null,
    _pending: null,
  });
  rearm(world, ended, now);
  announce(world, 'customer.subscription.deleted', ended);
  if (subscription.schedule !== null) {
    cancelScheduleRow(world, world.store.need('subscription_schedule', subscription.schedule));
  }
  return ended;
};

/** 23 hours without the first payment: the invoice is void and the subscription never was. */
export const expireIncomplete = (world: World, subscription: Subscription): void => {
  const now = nowOn(world, subscription.test_clock);
  for (const invoice of openInvoices(world, subscription.id)) {
    if (invoice.status === 'open') voidInvoice(world, invoice);
  }
  const expired = change(
    world,
    'subscription',
    subscription.id,
    { status: 'incomplete_expired', ended_at: now },
    'customer.subscription.updated',
  );
  rearm(world, expired, now);
};

/** Why Stripe paused it: `status_details` since 2026-09-30.endive. */
export type PauseCause =
  'final_payment_failure' | 'pause_requested' | 'trial_end_without_payment_method';

export const pauseSubscription = (
  world: World,
  subscription: Subscription,
  cause: PauseCause,
): Subscription => {
  const now = nowOn(world, subscription.test_clock);
  const paused = world.store.update('subscription', subscription.id, {
    status: 'paused',
    status_details: {
      paused: { subscription: { type: cause }, transitioned_at: now, type: 'subscription' },
    },
  });
  announce(world, 'customer.subscription.updated', paused);
  announce(world, 'customer.subscription.paused', paused);
  rearm(world, paused, now);
  return paused;
};

/** Drafts and open invoices of a subscription. */
export const openInvoices = (world: World, subscription: string): Invoice[] =>
  [...world.store.all('invoice')].filter(
    (invoice) =>
      invoice._subscription === subscription &&
      (invoice.status === 'draft' || invoice.status === 'open'),
  );

/** A schedule has nothing left to do. */
export const cancelScheduleRow = (world: World, schedule: SubscriptionSchedule): void => {
  clearTimer(world, 'schedule.phase', schedule.id);
  clearTimer(world, 'schedule.expiring', schedule.id);
  const canceled = world.store.update('subscription_schedule', schedule.id, {
    status: 'canceled',
    canceled_at: nowOn(world, schedule.test_clock),
    current_phase: null,
  });
  announce(world, 'subscription_schedule.canceled', canceled);
};
