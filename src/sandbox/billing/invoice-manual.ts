// Invoices that no subscription makes: drafted for a customer, filled with items, deleted again
// (https://docs.stripe.com/invoicing/integration). Their life after that is invoice.ts.
import { invalid } from '../api/error.ts';
import { announce, change } from '../delivery/event.ts';
import { clearTimer } from '../engine/timer.ts';
import type { Invoice, InvoiceItem } from '../store/entity-invoice.ts';
import type { CollectionMethod } from '../store/entity-subscription.ts';
import type { Customer } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { redeem, type DiscountAsked } from './discount.ts';
import { createInvoice } from './invoice.ts';
import { customerItems, lineOfItem, pendingItems } from './invoice-line.ts';
import { recalculated } from './invoice-total.ts';
import { hourSeconds } from './period.ts';

export type ManualAsked = {
  currency: string;
  collection: CollectionMethod;
  includesPending: boolean;
  autoAdvance: boolean;
  discounts: DiscountAsked[];
  taxRates: string[];
  subscription: string | null;
  more: Partial<Invoice>;
};

/** A draft for the customer, with what waits for them where that was asked for. */
export const draftInvoice = (world: World, customer: Customer, asked: ManualAsked): Invoice => {
  const id = newId('in');
  const now = nowOn(world, customer.test_clock);
  const waiting = itemsFor(world, customer, asked);
  for (const item of waiting) world.store.update('invoiceitem', item.id, { invoice: id });
  const holder = { customer: customer.id, subscription: null };
  const draft = createInvoice(world, {
    id,
    subscription: {
      id: asked.subscription,
      customer: customer.id,
      test_clock: customer.test_clock,
      currency: asked.currency,
      collection_method: asked.collection,
      discounts: redeem(world, asked.discounts, holder, now),
      _tax_rates: asked.taxRates,
    },
    reason: 'manual',
    lines: waiting.map(lineOfItem),
    period: { start: now, end: now },
    finalizesAt: asked.autoAdvance ? now + hourSeconds : null,
    more: asked.more,
  });
  if (customer.currency === null) {
    const { currency } = asked;
    change(world, 'customer', customer.id, { currency }, 'customer.updated');
  }
  return draft;
};

const itemsFor = (world: World, customer: Customer, asked: ManualAsked): InvoiceItem[] => {
  if (asked.subscription !== null) {
    const items = pendingItems(world, asked.subscription);
    if (items.length > 0) return items;
    throw invalid('Nothing to invoice for subscription', {
      code: 'invoice_no_subscription_line_items',
    });
  }
  return asked.includesPending ? customerItems(world, customer.id, asked.currency) : [];
};

/** An item is put on a draft, taken off it or changed there: its line and the sums follow. */
export const refreshDraft = (world: World, id: string): void => {
  const draft = world.store.need('invoice', id);
  const place = new Map(draft._lines.map((line, i) => [line.invoiceItem, i]));
  const items = [...world.store.all('invoiceitem')]
    .filter((item) => item.invoice === id)
    .sort((a, b) => (place.get(a.id) ?? Infinity) - (place.get(b.id) ?? Infinity) || 0);
  const kept = draft._lines.filter((line) => line.invoiceItem === null);
  const lines = items.map((item) => {
    const before = draft._lines.find((line) => line.invoiceItem === item.id);
    return before === undefined ? lineOfItem(item) : { ...lineOfItem(item), id: before.id };
  });
  const changed = { ...draft, _lines: [...lines, ...kept] };
  change(world, 'invoice', id, recalculated(world, changed), 'invoice.updated');
};

/** Only a draft that no subscription made may go; its items go with it. */
export const deleteDraft = (world: World, invoice: Invoice): Record<string, unknown> => {
  if (invoice.status !== 'draft') {
    throw invalid(
      "You can only delete draft invoices. To void this invoice, use '/v1/invoices/:id/void'.",
      { code: 'invoice_not_editable' },
    );
  }
  if (invoice._subscription !== null) {
    throw invalid('You can only delete draft invoices that are not attached to a subscription.', {
      code: 'invoice_not_editable',
    });
  }
  clearTimer(world, 'invoice.finalize', invoice.id);
  announce(world, 'invoice.deleted', invoice);
  for (const item of [...world.store.all('invoiceitem')]) {
    if (item.invoice === invoice.id) world.store.remove('invoiceitem', item.id);
  }
  world.store.remove('invoice', invoice.id);
  return { id: invoice.id, object: 'invoice', deleted: true };
};
