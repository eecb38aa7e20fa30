// What an invoice would be: its lines, discounts and totals. Keeps nothing.
import type { BillingReason, Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { applyDiscounts, holding } from './discount.ts';

export type DraftSpec = {
  id: string;
  subscription: Subscription;
  reason: BillingReason;
  lines: InvoiceLine[];
  period: { start: number; end: number };
  /** When it finalises by itself; null leaves it a draft. */
  finalizesAt: number | null;
};

/** The invoice as it would be; nothing is kept. */
export const buildInvoice = (world: World, spec: DraftSpec): Invoice => {
  const { subscription } = spec;
  const now = nowOn(world, subscription.test_clock);
  const discounts = holding(world, subscription.discounts, now);
  const lines = applyDiscounts(world, spec.lines, discounts);
  const subtotal = sum(lines.map((line) => line.amount));
  const off = sum(lines.flatMap((line) => line.discountAmounts.map((part) => part.amount)));
  const { balance } = world.store.need('customer', subscription.customer);
  const total = subtotal - off;
  const due = amountDue(total, balance);
  return {
    id: spec.id,
    object: 'invoice',
    amount_due: due,
    amount_paid: 0,
    amount_remaining: due,
    attempt_count: 0,
    attempted: false,
    auto_advance: spec.finalizesAt !== null,
    automatically_finalizes_at: spec.finalizesAt,
    billing_reason: spec.reason,
    collection_method: subscription.collection_method,
    created: now,
    currency: subscription.currency,
    customer: subscription.customer,
    default_payment_method: null,
    discounts: discounts.map((discount) => discount.id),
    due_date: null,
    ending_balance: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    livemode: false,
    metadata: {},
    next_payment_attempt:
      subscription.collection_method === 'charge_automatically' ? spec.finalizesAt : null,
    number: null,
    period_start: spec.period.start,
    period_end: spec.period.end,
    starting_balance: balance,
    status: 'draft',
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal,
    total,
    test_clock: subscription.test_clock,
    _lines: lines,
    _intent: null,
    _payment: null,
    _subscription: subscription.id,
    _retries: 0,
    _firstFailedAt: null,
    _stoppedMethod: null,
  };
};

const sum = (amounts: number[]): number => amounts.reduce((total, amount) => total + amount, 0);

/** A credit balance (negative) pays first; a debt (positive) is added. */
export const amountDue = (total: number, balance: number): number =>
  total <= 0 ? 0 : Math.max(0, total + balance);
