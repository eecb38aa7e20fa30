// Credit notes: what is taken off an invoice after it was finalised
// (https://docs.stripe.com/invoicing/credit-notes). Off what is still owed, else back to the card,
// to the customer's balance or outside of Stripe.
import { invalid } from '../api/error.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { CreditNote, CreditNoteLine, Invoice } from '../store/entity-invoice.ts';
import type { Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { moveBalance } from './balance.ts';
import { creditLines, type LineAsked } from './credit-note-line.ts';
import { intentOf, markPaid } from './invoice.ts';
import { cancelIntent } from './payment.ts';
import { refundCharge } from './refund.ts';
import { exclusiveTax } from './tax.ts';

export type CreditAsked = {
  amount?: number | undefined;
  lines?: LineAsked[] | undefined;
  credit_amount?: number | undefined;
  refund_amount?: number | undefined;
  out_of_band_amount?: number | undefined;
  refunds?: { refund?: string | undefined; amount_refunded?: number | undefined }[] | undefined;
  memo?: string | undefined;
  reason?: string | undefined;
  effective_at?: number | undefined;
  metadata: Metadata;
};

/** Makes the note and moves what it moves. */
export const createCreditNote = (
  world: World,
  invoice: Invoice,
  asked: CreditAsked,
): CreditNote => {
  if (invoice.status === 'draft' || invoice.status === 'void') {
    throw invalid(
      `Credit notes can only be created for finalized invoices. This invoice is ${invoice.status}.`,
      { param: 'invoice', code: 'status_transition_invalid' },
    );
  }
  const note = noteOf(world, invoice, asked, creditLines(world, invoice, asked));
  refuseTooMuch(invoice, note);
  const parts = partsOf(invoice, asked, note.total);
  const refunds = refundsOf(world, invoice, asked);
  const customer = world.store.need('customer', invoice.customer);
  const moved = moveBalance(world, customer, -(asked.credit_amount ?? 0), {
    type: 'credit_note',
    credit_note: note.id,
    invoice: invoice.id,
    currency: invoice.currency,
  });
  const made = add(
    world,
    'credit_note',
    {
      ...note,
      pre_payment_amount: parts.before,
      post_payment_amount: parts.after,
      type: parts.before === 0 ? 'post_payment' : parts.after === 0 ? 'pre_payment' : 'mixed',
      customer_balance_transaction: moved?.id ?? null,
      refunds,
    },
    'credit_note.created',
  );
  takeOff(world, invoice, parts);
  return made;
};

const noteOf = (
  world: World,
  invoice: Invoice,
  asked: CreditAsked,
  lines: CreditNoteLine[],
): CreditNote => {
  const now = nowOn(world, invoice.test_clock);
  const subtotal = sum(lines.map((line) => line.amount));
  const off = sum(lines.flatMap((line) => line.discountAmounts.map((part) => part.amount)));
  const total = subtotal - off + sum(lines.map(exclusiveTax));
  const earlier = [...world.store.all('credit_note')].filter((row) => row.invoice === invoice.id);
  return {
    id: newId('cn'),
    object: 'credit_note',
    amount: total,
    created: now,
    currency: invoice.currency,
    customer: invoice.customer,
    customer_balance_transaction: null,
    discount_amount: off,
    effective_at: asked.effective_at ?? now,
    invoice: invoice.id,
    livemode: false,
    memo: asked.memo ?? null,
    metadata: asked.metadata,
    number: `${invoice.number ?? ''}-CN-${String(earlier.length + 1).padStart(2, '0')}`,
    out_of_band_amount: asked.out_of_band_amount ?? null,
    post_payment_amount: 0,
    pre_payment_amount: 0,
    reason: asked.reason ?? null,
    refunds: [],
    status: 'issued',
    subtotal,
    total,
    type: 'pre_payment',
    voided_at: null,
    _lines: lines,
  };
};

const credited = (invoice: Invoice): number =>
  (invoice.pre_payment_credit_notes_amount ?? 0) + (invoice.post_payment_credit_notes_amount ?? 0);

const refuseTooMuch = (invoice: Invoice, note: CreditNote): void => {
  if (note.total <= 0) {
    throw invalid('The total of a credit note must be greater than zero.', { param: 'amount' });
  }
  const left = invoice.total - credited(invoice);
  if (note.total <= left) return;
  throw invalid(
    `The total of the credit note (${note.total}) is greater than the creditable amount of the invoice (${left}).`,
    { param: 'amount' },
  );
};

type Parts = { before: number; after: number };

/** What is still owed shrinks first; for the rest somebody must say where it goes. */
const partsOf = (invoice: Invoice, asked: CreditAsked, total: number): Parts => {
  const before = Math.min(total, invoice.status === 'paid' ? 0 : invoice.amount_remaining);
  const after = total - before;
  const said =
    (asked.credit_amount ?? 0) +
    (asked.refund_amount ?? 0) +
    (asked.out_of_band_amount ?? 0) +
    sum((asked.refunds ?? []).map((refund) => refund.amount_refunded ?? 0));
  if (said === after) return { before, after };
  throw invalid(
    `The sum of credit amount, refund amount and out of band amount (${said}) must equal the post-payment amount of the credit note (${after}).`,
  );
};

const refundsOf = (world: World, invoice: Invoice, asked: CreditAsked): CreditNote['refunds'] => {
  const linked = (asked.refunds ?? []).map(({ refund: id = '', amount_refunded: amount }) => {
    const refund = world.store.get('refund', id);
    if (refund === undefined) {
      throw invalid(`No such refund: '${id}'`, { param: 'refunds', code: 'resource_missing' });
    }
    return entry(refund.id, amount ?? refund.amount);
  });
  if (asked.refund_amount === undefined || asked.refund_amount === 0) return linked;
  const intent = intentOf(world, invoice);
  const charge = world.store.get('charge', intent?.latest_charge ?? '');
  if (charge === undefined) {
    throw invalid('This invoice was not paid with a charge that can be refunded.', {
      param: 'refund_amount',
    });
  }
  const asRefund = { amount: asked.refund_amount, metadata: {}, reason: null };
  const made = refundCharge(world, charge, asRefund);
  return [...linked, entry(made.id, made.amount)];
};

const entry = (refund: string, amount: number): CreditNote['refunds'][number] => ({
  amount_refunded: amount,
  payment_record_refund: null,
  refund,
  type: 'refund',
});

/** The invoice and its payment intent ask for less; nothing left to pay is paid. */
const takeOff = (world: World, invoice: Invoice, { before, after }: Parts): void => {
  const now = world.store.need('invoice', invoice.id);
  const less = change(
    world,
    'invoice',
    invoice.id,
    {
      amount_due: now.amount_due - before,
      amount_remaining: now.amount_remaining - before,
      pre_payment_credit_notes_amount: (now.pre_payment_credit_notes_amount ?? 0) + before,
      post_payment_credit_notes_amount: (now.post_payment_credit_notes_amount ?? 0) + after,
    },
    'invoice.updated',
  );
  if (before === 0) return;
  resizePayment(world, less);
  if (less.status === 'open' && less.amount_remaining === 0) markPaid(world, less, null);
};

const resizePayment = (world: World, invoice: Invoice): void => {
  const intent = intentOf(world, invoice);
  if (intent === null) return;
  if (invoice.amount_remaining <= 0) return cancelIntent(world, intent);
  change(world, 'payment_intent', intent.id, { amount: invoice.amount_remaining });
  if (invoice._payment === null) return;
  world.store.update('invoice_payment', invoice._payment, {
    amount_requested: invoice.amount_remaining,
  });
};

/** Only while its invoice is still owed: what was taken off is owed again. */
export const voidCreditNote = (world: World, note: CreditNote): CreditNote => {
  const invoice = world.store.need('invoice', note.invoice);
  if (note.status === 'void') throw invalid('This credit note has already been voided.');
  if (invoice.status !== 'open' || note.post_payment_amount > 0) {
    throw invalid('You can only void a credit note of an open invoice.', {
      code: 'status_transition_invalid',
    });
  }
  const voided = world.store.update('credit_note', note.id, {
    status: 'void',
    voided_at: nowOn(world, invoice.test_clock),
  });
  announce(world, 'credit_note.voided', voided);
  takeOff(world, invoice, { before: -note.pre_payment_amount, after: 0 });
  return voided;
};

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);
