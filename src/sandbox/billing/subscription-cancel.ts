// DELETE /v1/subscriptions/{id}: the end at once, with what is owed or given back for the period.
import { add } from '../delivery/event.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { createInvoice, finalizeInvoice, takePendingLines } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { pendingItems, prorationItems } from './invoice-line.ts';
import { endSubscription } from './subscription-end.ts';

export type CancelAsked = {
  cancellation_details?:
    { comment?: string | null | undefined; feedback?: string | null | undefined } | undefined;
  invoice_now?: boolean | undefined;
  prorate?: boolean | undefined;
};

export const cancelNow = (
  world: World,
  subscription: Subscription,
  asked: CancelAsked,
): Subscription => {
  const now = nowOn(world, subscription.test_clock);
  const isBilled = subscription.status === 'active' || subscription.status === 'past_due';
  if (asked.prorate === true && isBilled) {
    for (const item of prorationItems(world, subscription, [], now, 'credits')) {
      add(world, 'invoiceitem', item, 'invoiceitem.created');
    }
  }
  const ended = endSubscription(
    world,
    subscription,
    'cancellation_requested',
    asked.cancellation_details ?? {},
  );
  if (asked.invoice_now !== true || pendingItems(world, subscription.id).length === 0) return ended;
  const id = newId('in');
  const draft = createInvoice(world, {
    id,
    subscription: ended,
    reason: 'subscription_update',
    lines: takePendingLines(world, ended.id, id),
    period: { start: now, end: now },
    finalizesAt: null,
  });
  collect(world, finalizeInvoice(world, { ...draft, auto_advance: true }), 'schedule');
  return world.store.update('subscription', ended.id, { latest_invoice: id });
};
