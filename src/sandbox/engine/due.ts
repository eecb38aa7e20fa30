// What happens when something falls due: one line per kind of timer.
import { applyOutcome, collect, finalizeAndCollect } from '../billing/invoice-collect.ts';
import { expireAuthorization } from '../billing/capture.ts';
import { cancelQuote } from '../billing/quote.ts';
import { settle } from '../billing/payment.ts';
import { hourSeconds } from '../billing/period.ts';
import { cancelAtLast } from '../billing/subscription-cancel.ts';
import { expireIncomplete } from '../billing/subscription-end.ts';
import { expirePending } from '../billing/subscription-plan.ts';
import {
  renew,
  resumeCollection,
  warnTrialEnd,
  warnUpcoming,
} from '../billing/subscription-renew.ts';
import { afterInvoiceFailed } from '../billing/subscription-status.ts';
import { settlePayment } from '../billing/checkout-payment.ts';
import { expireSession } from '../billing/checkout.ts';
import { startPhase, warnExpiring } from '../billing/schedule.ts';
import { intentOf } from '../billing/invoice.ts';
import { settleSession } from '../billing/checkout-subscription.ts';
import { announce } from '../delivery/event.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { setTimer, type TimerKind } from './timer.ts';

type WhenDue = (world: World, ref: string) => void;

const subscription =
  (act: (world: World, row: Subscription) => unknown): WhenDue =>
  (world, ref) => {
    act(world, world.store.need('subscription', ref));
  };

const expireUnlessProcessing = (world: World, row: Subscription): void => {
  const invoice =
    row.latest_invoice === null ? undefined : world.store.get('invoice', row.latest_invoice);
  const intent = invoice === undefined ? null : intentOf(world, invoice);
  if (intent?.status !== 'processing') return expireIncomplete(world, row);
  const at = nowOn(world, row.test_clock) + 23 * hourSeconds;
  setTimer(world, 'subscription.incomplete_expire', row.id, { clock: row.test_clock, at });
};

export const whenDue: Record<TimerKind, WhenDue> = {
  'payment_intent.settle': (world, ref) => {
    const intent = world.store.need('payment_intent', ref);
    const outcome = settle(world, intent);
    if (intent._invoice === null) {
      settlePayment(world, outcome.intent, outcome.kind === 'succeeded');
      return;
    }
    const invoice = world.store.need('invoice', intent._invoice);
    if (invoice.status === 'open') applyOutcome(world, invoice, outcome, 'schedule', null);
    settleSession(world, invoice, outcome.kind === 'succeeded');
  },
  'payment_intent.expire': expireAuthorization,
  'invoice.finalize': (world, ref) => {
    finalizeAndCollect(world, world.store.need('invoice', ref), 'schedule');
  },
  'invoice.retry': (world, ref) => {
    collect(world, world.store.need('invoice', ref), 'retry');
  },
  'invoice.due': (world, ref) => {
    const invoice = world.store.need('invoice', ref);
    announce(world, 'invoice.overdue', invoice);
    afterInvoiceFailed(world, invoice);
  },
  'subscription.incomplete_expire': subscription(expireUnlessProcessing),
  'subscription.pending_expire': subscription(expirePending),
  'subscription.cancel': subscription(cancelAtLast),
  'subscription.trial_will_end': subscription(warnTrialEnd),
  'subscription.upcoming': subscription(warnUpcoming),
  'subscription.resume_collection': subscription(resumeCollection),
  'subscription.renew': subscription(renew),
  'schedule.expiring': warnExpiring,
  'schedule.phase': startPhase,
  'quote.expire': (world, ref) => {
    cancelQuote(world, world.store.need('quote', ref));
  },
  'checkout.expire': (world, ref) =>
    expireSession(world, world.store.need('checkout.session', ref)),
};
