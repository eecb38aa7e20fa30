// Collecting an open invoice: one attempt, what its outcome means, the retries after a failure and
// what follows the last one (https://docs.stripe.com/billing/revenue-recovery/smart-retries).
import { announce, change } from '../delivery/event.ts';
import { setTimer } from '../engine/timer.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import { readSettings } from '../control/setting.ts';
import { nowOn, type World } from '../world.ts';
import { hardDeclines } from './card.ts';
import { finalizeInvoice, intentOf, markPaid } from './invoice.ts';
import { attempt, type Outcome } from './payment.ts';
import { payerOf } from './payment-method.ts';
import { days } from './period.ts';
import { endSubscription, pauseSubscription } from './subscription-end.ts';
import { afterInvoiceFailed, setStatus } from './subscription-status.ts';

/** Who asked: the first payment, the calendar, a retry, or a person. */
export type CollectBy = 'create' | 'schedule' | 'retry' | 'person';
export type Collected = Outcome | { kind: 'no_method' } | { kind: 'nothing_due' };

/** Finalises a draft and tries to collect it. */
export const finalizeAndCollect = (world: World, draft: Invoice, by: CollectBy): Collected => {
  const invoice = finalizeInvoice(world, draft);
  return collect(world, invoice, by);
};

/** One attempt to be paid with the given method, or the one whose turn it is. */
export const collect = (
  world: World,
  invoice: Invoice,
  by: CollectBy,
  given: PaymentMethod | null = null,
): Collected => {
  const intent = intentOf(world, invoice);
  if (invoice.status !== 'open' || intent === null) return { kind: 'nothing_due' };
  if (invoice.collection_method === 'send_invoice' && by !== 'person')
    return { kind: 'nothing_due' };
  if (intent.status === 'processing') return { kind: 'processing', intent };
  const method = given ?? payerOf(world, invoice);
  if (method === null) {
    if (by !== 'person') noteFailure(world, invoice, by, null);
    return { kind: 'no_method' };
  }
  if (by === 'retry' && invoice._stoppedMethod === method.id) {
    noteFailure(world, invoice, by, null, 'silent');
    return { kind: 'no_method' };
  }
  const outcome = attempt(world, intent, method, 'on');
  applyOutcome(world, world.store.need('invoice', invoice.id), outcome, by, method);
  return outcome;
};

/** What a payment's outcome does to its invoice: also when it came later, by a person or a bank. */
export const applyOutcome = (
  world: World,
  invoice: Invoice,
  outcome: Outcome,
  by: CollectBy,
  method: PaymentMethod | null,
): void => {
  switch (outcome.kind) {
    case 'succeeded':
      markPaid(world, invoice, outcome.intent);
      return;
    case 'processing':
      change(world, 'invoice', invoice.id, { attempted: true }, 'invoice.updated');
      return;
    case 'requires_action':
      announce(world, 'invoice.payment_action_required', invoice);
      noteFailure(world, invoice, by, method, by === 'create' ? 'silent' : 'announced');
      return;
    case 'failed': {
      const isHard = hardDeclines.has(outcome.decline.decline_code);
      noteFailure(world, invoice, by, isHard ? method : null);
      return;
    }
  }
};

/** Counts the failed attempt, plans the next one and tells the subscription. */
const noteFailure = (
  world: World,
  invoice: Invoice,
  by: CollectBy,
  stopped: PaymentMethod | null,
  loudness: 'announced' | 'silent' = 'announced',
): void => {
  const now = nowOn(world, invoice.test_clock);
  const isFirst = invoice._subscription !== null && isIncomplete(world, invoice._subscription);
  const first = invoice._firstFailedAt ?? now;
  const retries = invoice._retries + (by === 'retry' ? 1 : 0);
  const isChased = by !== 'person' && !isFirst && invoice.auto_advance;
  const planned = isChased ? nextAttempt(world, first, retries) : invoice.next_payment_attempt;
  const failed = change(
    world,
    'invoice',
    invoice.id,
    {
      attempted: true,
      attempt_count: invoice.attempt_count + 1,
      next_payment_attempt: planned,
      _firstFailedAt: first,
      _retries: retries,
      _stoppedMethod: stopped?.id ?? (loudness === 'silent' ? invoice._stoppedMethod : null),
    },
    'invoice.updated',
  );
  if (loudness === 'announced') announce(world, 'invoice.payment_failed', failed);
  if (planned !== null && isChased) {
    setTimer(world, 'invoice.retry', invoice.id, { clock: invoice.test_clock, at: planned });
  }
  afterInvoiceFailed(world, failed);
  if (isChased && planned === null) giveUp(world, failed);
};

const isIncomplete = (world: World, subscription: string): boolean =>
  world.store.need('subscription', subscription).status === 'incomplete';

/** Retries are spread evenly over the days; Stripe chooses its own hours and publishes none. */
const nextAttempt = (world: World, first: number, retriesDone: number): number | null => {
  const { count, days: span } = readSettings(world).retries;
  return retriesDone >= count ? null : first + Math.round((days(span) * (retriesDone + 1)) / count);
};

/** The last retry failed: the account's setting decides. */
const giveUp = (world: World, invoice: Invoice): void => {
  if (invoice._subscription === null) return;
  const subscription = world.store.need('subscription', invoice._subscription);
  if (subscription.status !== 'past_due') return;
  switch (readSettings(world).after_retries) {
    case 'past_due':
      return;
    case 'unpaid':
      return setStatus(world, subscription, 'unpaid', nowOn(world, subscription.test_clock));
    case 'cancel':
      endSubscription(world, subscription, 'payment_failed');
      return;
    case 'pause':
      pauseSubscription(world, subscription, 'final_payment_failure');
  }
};
