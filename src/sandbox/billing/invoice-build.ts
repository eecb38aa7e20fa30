// What an invoice would be: its lines, discounts and totals. Keeps nothing.
import type { BillingReason, Invoice, InvoiceLine } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { nowOn, type World } from '../world.ts';
import { holding } from './discount.ts';
import { totalsOf } from './invoice-total.ts';

/** Who is billed: a subscription, or a customer for this once. */
export type Billed = Pick<
  Subscription,
  'customer' | 'test_clock' | 'currency' | 'collection_method' | 'discounts' | '_tax_rates'
> & { id: string | null };

export type DraftSpec = {
  id: string;
  subscription: Billed;
  reason: BillingReason;
  lines: InvoiceLine[];
  period: { start: number; end: number };
  /** When it finalises by itself; null leaves it a draft. */
  finalizesAt: number | null;
  /** What a program said about an invoice that it makes itself. */
  more?: Partial<Invoice>;
};

/** The invoice as it would be; nothing is kept. */
export const buildInvoice = (world: World, spec: DraftSpec): Invoice => {
  const { subscription } = spec;
  const now = nowOn(world, subscription.test_clock);
  const customer = world.store.need('customer', subscription.customer);
  const own = holding(world, subscription.discounts, now);
  const discounts = own.length > 0 ? own : holding(world, customer._discounts, now);
  const taxRates = subscription._tax_rates ?? [];
  const totals = totalsOf(world, {
    lines: spec.lines,
    discounts,
    taxRates,
    customer: customer.id,
  });
  return {
    id: spec.id,
    object: 'invoice',
    amount_paid: 0,
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
    starting_balance: customer.balance,
    status: 'draft',
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    test_clock: subscription.test_clock,
    _tax_rates: taxRates,
    ...totals,
    _intent: null,
    _payment: null,
    _subscription: subscription.id,
    _retries: 0,
    _firstFailedAt: null,
    _stoppedMethod: null,
    ...spec.more,
  };
};
