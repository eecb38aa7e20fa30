// DELETE /v1/subscriptions/{id}: the end at once, with what is owed or given back for the period.
import { add } from '../delivery/event.ts';
import type { InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { createInvoice, finalizeInvoice, takePendingLines } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { pendingItems, periodLines, prorationItems } from './invoice-line.ts';
import { hourSeconds } from './period.ts';
import { isMetered } from './usage.ts';
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
  const usage = asked.invoice_now === true ? usageLines(world, subscription) : [];
  const waits = pendingItems(world, subscription.id).length > 0 || usage.length > 0;
  const invoices = asked.invoice_now === true && waits;
  const id = newId('in');
  const ended = endSubscription(
    world,
    invoices
      ? world.store.update('subscription', subscription.id, { latest_invoice: id })
      : subscription,
    'cancellation_requested',
    asked.cancellation_details ?? {},
  );
  if (!invoices) return ended;
  const draft = createInvoice(world, {
    id,
    subscription: ended,
    reason: 'subscription_update',
    lines: [...takePendingLines(world, ended.id, id), ...usage],
    period: { start: now, end: now },
    finalizesAt: null,
  });
  collect(world, finalizeInvoice(world, { ...draft, auto_advance: true }), 'schedule');
  return world.store.need('subscription', ended.id);
};

/** What was used and not charged yet. */
const usageLines = (world: World, subscription: Subscription): InvoiceLine[] => {
  const counted = subscription.items.filter((item) =>
    isMetered(world.store.need('price', item.price)),
  );
  const lines = periodLines(world, { ...subscription, items: counted }, false, counted);
  return lines.filter((line) => line.amount > 0);
};

/** The end that was asked for has come; what was used until then is still charged. */
export const cancelAtLast = (world: World, subscription: Subscription): void => {
  const now = nowOn(world, subscription.test_clock);
  const usage = usageLines(world, subscription);
  const id = newId('in');
  const ended = endSubscription(
    world,
    usage.length === 0
      ? subscription
      : world.store.update('subscription', subscription.id, { latest_invoice: id }),
    'cancellation_requested',
  );
  if (usage.length === 0) return;
  createInvoice(world, {
    id,
    subscription: ended,
    reason: 'subscription_cycle',
    lines: usage,
    period: { start: subscription.items[0]!.current_period_start, end: now },
    finalizesAt: now + hourSeconds,
  });
};
