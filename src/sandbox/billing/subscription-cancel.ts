// DELETE /v1/subscriptions/{id}: the end at once, with what is owed or given back for the period.
import { add, announce } from '../delivery/event.ts';
import type { InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { createInvoice, finalizeInvoice, takePendingLines } from './invoice.ts';
import { collect } from './invoice-collect.ts';
import { pendingItems, usageLines } from './invoice-line.ts';
import { hourSeconds } from './period.ts';
import { prorationItems } from './proration.ts';
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
    const all = { next: [], discounts: [], at: now, what: 'credits' as const };
    for (const item of prorationItems(world, subscription, all)) {
      add(world, 'invoiceitem', item, 'invoiceitem.created');
    }
  }
  if (asked.prorate !== true && asked.invoice_now !== true) dropProrations(world, subscription);
  const usage = asked.invoice_now === true ? unchargedUsage(world, subscription) : [];
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

/** At once and without an invoice, prorations that wait for one go away. */
const dropProrations = (world: World, subscription: Subscription): void => {
  for (const item of pendingItems(world, subscription.id)) {
    if (!item.proration) continue;
    world.store.remove('invoiceitem', item.id);
    announce(world, 'invoiceitem.deleted', item);
  }
};

/** What was used and not charged yet. */
const unchargedUsage = (world: World, subscription: Subscription): InvoiceLine[] =>
  subscription.items
    .filter((item) => isMetered(world.store.need('price', item.price)))
    .flatMap((item) => usageLines(world, subscription, item))
    .filter((line) => line.amount > 0);

/** The end that was asked for has come; what was used until then, and what waits, is still charged. */
export const cancelAtLast = (world: World, subscription: Subscription): void => {
  const now = nowOn(world, subscription.test_clock);
  const usage = unchargedUsage(world, subscription);
  const id = newId('in');
  const invoices = usage.length > 0 || pendingItems(world, subscription.id).length > 0;
  const ended = endSubscription(
    world,
    invoices
      ? world.store.update('subscription', subscription.id, { latest_invoice: id })
      : subscription,
    'cancellation_requested',
  );
  if (!invoices) return;
  createInvoice(world, {
    id,
    subscription: ended,
    reason: 'subscription_cycle',
    lines: [...takePendingLines(world, ended.id, id), ...usage],
    period: { start: subscription.items[0]!.current_period_start, end: now },
    finalizesAt: now + hourSeconds,
  });
};
