// An invoice's life without its payment: drafted, finalised, paid, voided
// (https://docs.stripe.com/invoicing/integration/workflow-transitions).
import { add, announce, change, emit } from '../delivery/event.ts';
import { clearTimer, setTimer } from '../engine/timer.ts';
import { render } from '../shape/render.ts';
import type { Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { PaymentIntent } from '../store/entity-payment.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';
import { moveBalance } from './balance.ts';
import { spend, spendCustomers } from './discount.ts';
import { withLatestUsage } from './draft-usage.ts';
import { buildInvoice, type DraftSpec } from './invoice-build.ts';
import { amountDue } from './invoice-total.ts';
import { lineOfItem, pendingItems } from './invoice-line.ts';
import { cancelIntent, createIntent } from './payment.ts';
import { payerOf } from './payment-method.ts';
import { days } from './period.ts';
import { afterInvoicePaid, afterInvoiceSettled } from './subscription-status.ts';

/** Lines for the subscription's waiting prorations, which the invoice takes with it. */
export const takePendingLines = (
  world: World,
  subscription: string,
  invoice: string,
  leaves: ReadonlySet<string> = new Set(),
): InvoiceLine[] =>
  pendingItems(world, subscription)
    .filter((item) => !leaves.has(item.id))
    .map((item) => {
      world.store.update('invoiceitem', item.id, { invoice });
      return lineOfItem(item);
    });

export const createInvoice = (world: World, spec: DraftSpec): Invoice => {
  const invoice = add(world, 'invoice', buildInvoice(world, spec), 'invoice.created');
  if (spec.finalizesAt !== null) {
    setTimer(world, 'invoice.finalize', invoice.id, {
      clock: invoice.test_clock,
      at: spec.finalizesAt,
    });
  }
  if (spec.subscription.id !== null) spend(world, spec.subscription.id, invoice.created);
  spendCustomers(world, invoice);
  return invoice;
};

/** Draft to open, with a number, a page and a payment intent; one that costs nothing is paid at once. */
export const finalizeInvoice = (world: World, asked: Invoice): Invoice => {
  const draft = withLatestUsage(world, asked);
  clearTimer(world, 'invoice.finalize', draft.id);
  const now = nowOn(world, draft.test_clock);
  const customer = world.store.need('customer', draft.customer);
  const due = amountDue(draft.total, customer.balance);
  const ending = customer.balance + draft.total - due;
  moveBalance(world, customer, ending - customer.balance, {
    type: 'applied_to_invoice',
    invoice: draft.id,
    currency: draft.currency,
  });
  world.store.update('customer', customer.id, {
    next_invoice_sequence: customer.next_invoice_sequence + 1,
  });
  const url = `${world.publicUrl}/invoice/${draft.id}/${randomText(32)}`;
  const { subtotal, total, _lines } = draft;
  const invoice = world.store.update('invoice', draft.id, {
    subtotal,
    total,
    _lines,
    status: 'open',
    number:
      draft.number ??
      `${customer.invoice_prefix}-${String(customer.next_invoice_sequence).padStart(4, '0')}`,
    amount_due: due,
    amount_remaining: due,
    automatically_finalizes_at: null,
    auto_advance: draft.auto_advance,
    next_payment_attempt: null,
    starting_balance: customer.balance,
    ending_balance: ending,
    due_date: dueDate(world, draft, now),
    hosted_invoice_url: url,
    invoice_pdf: `${url}/pdf`,
    status_transitions: { ...draft.status_transitions, finalized_at: now },
  });
  announce(world, 'invoice.finalized', due > 0 ? addIntent(world, invoice, now) : invoice);
  if (due === 0) return markPaid(world, invoice, null);
  if (invoice.due_date !== null) {
    if (invoice._subscription !== null || invoice.auto_advance) {
      announce(world, 'invoice.sent', invoice);
    }
    setTimer(world, 'invoice.due', invoice.id, { clock: invoice.test_clock, at: invoice.due_date });
  }
  return world.store.need('invoice', invoice.id);
};

const dueDate = (world: World, draft: Invoice, now: number): number | null => {
  if (draft.collection_method !== 'send_invoice') return null;
  if (draft.due_date !== null) return draft.due_date;
  const subscription =
    draft._subscription === null ? undefined : world.store.get('subscription', draft._subscription);
  return now + days(draft._days_until_due ?? subscription?.days_until_due ?? 30);
};

const purposes: Partial<Record<Invoice['billing_reason'], string>> = {
  manual: 'Payment for Invoice',
  subscription_create: 'Subscription creation',
};

const addIntent = (world: World, invoice: Invoice, now: number): Invoice => {
  const intent = createIntent(world, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    invoice: invoice.id,
    description: purposes[invoice.billing_reason] ?? 'Subscription update',
    method: payerOf(world, invoice)?.id ?? null,
  });
  const payment = world.store.put('invoice_payment', {
    id: newId('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { type: 'payment_intent', payment_intent: intent.id },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  });
  return world.store.update('invoice', invoice.id, { _intent: intent.id, _payment: payment.id });
};

/** The payment intent that pays an open invoice, if it costs anything. */
export const intentOf = (world: World, { id }: Invoice): PaymentIntent | null => {
  const { _intent: intent } = world.store.need('invoice', id);
  return intent === null ? null : world.store.need('payment_intent', intent);
};

/** Open to paid: by an intent, or by nothing (free, or out of band). */
export const markPaid = (world: World, open: Invoice, intent: PaymentIntent | null): Invoice => {
  const now = nowOn(world, open.test_clock);
  clearTimer(world, 'invoice.retry', open.id);
  clearTimer(world, 'invoice.due', open.id);
  const before = world.store.need('invoice', open.id);
  const paid = change(
    world,
    'invoice',
    open.id,
    {
      status: 'paid',
      amount_paid: before.amount_due,
      amount_remaining: 0,
      attempted: true,
      attempt_count: before.attempt_count + (intent === null ? 0 : 1),
      auto_advance: false,
      next_payment_attempt: null,
      status_transitions: { ...before.status_transitions, paid_at: now },
    },
    before.amount_due > 0 ? 'invoice.updated' : undefined,
  );
  announce(world, 'invoice.paid', paid);
  announce(world, 'invoice.payment_succeeded', paid);
  if (intent !== null) markPaymentPaid(world, paid, now);
  afterInvoicePaid(world, paid);
  return world.store.need('invoice', open.id);
};

const markPaymentPaid = (world: World, invoice: Invoice, now: number): void => {
  if (invoice._payment === null) return;
  const payment = world.store.need('invoice_payment', invoice._payment);
  const paid = world.store.update('invoice_payment', payment.id, {
    status: 'paid',
    amount_paid: payment.amount_requested,
    status_transitions: { canceled_at: null, paid_at: now },
  });
  announce(world, 'invoice_payment.paid', paid);
};

/** Open (or uncollectible) to void; nobody owes it any more. */
export const voidInvoice = (world: World, open: Invoice): Invoice => {
  const now = nowOn(world, open.test_clock);
  haltInvoice(world, open);
  const voided = world.store.update('invoice', open.id, {
    status: 'void',
    amount_remaining: open.amount_due,
    status_transitions: { ...open.status_transitions, voided_at: now },
  });
  announce(world, 'invoice.voided', voided);
  const applied = (voided.ending_balance ?? 0) - voided.starting_balance;
  if (voided.ending_balance !== null) {
    moveBalance(world, world.store.need('customer', voided.customer), -applied, {
      type: 'unapplied_from_invoice',
      invoice: voided.id,
      currency: voided.currency,
    });
  }
  const intent = intentOf(world, voided);
  if (intent !== null) cancelIntent(world, intent);
  if (voided._payment !== null) {
    world.store.update('invoice_payment', voided._payment, {
      status: 'canceled',
      status_transitions: { canceled_at: now, paid_at: null },
    });
  }
  afterInvoiceSettled(world, voided);
  return voided;
};

export const markUncollectible = (world: World, open: Invoice): Invoice => {
  haltInvoice(world, open);
  const marked = world.store.update('invoice', open.id, {
    status: 'uncollectible',
    status_transitions: {
      ...open.status_transitions,
      marked_uncollectible_at: nowOn(world, open.test_clock),
    },
  });
  announce(world, 'invoice.marked_uncollectible', marked);
  afterInvoiceSettled(world, marked);
  return marked;
};

/** Stops everything that would happen to an invoice by itself. */
export const haltInvoice = (world: World, invoice: Invoice, type?: string): void => {
  for (const kind of ['invoice.finalize', 'invoice.retry', 'invoice.due'] as const) {
    clearTimer(world, kind, invoice.id);
  }
  change(
    world,
    'invoice',
    invoice.id,
    { auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null },
    type,
  );
};

/** The announcement of what the next invoice will be, a week before it is made. */
export const announceUpcoming = (world: World, invoice: Invoice): void => {
  const { id: _id, ...upcoming } = render(world, {
    ...invoice,
    billing_reason: 'subscription_cycle',
  });
  emit(world, 'invoice.upcoming', upcoming);
};
