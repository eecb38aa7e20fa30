// Rows of what is owed: invoices, their lines, what waits for the next one, and what pays them.
import type { CollectionMethod } from './entity-subscription.ts';
import type { Kept, Metadata, Row } from './entity.ts';

/** What a discount took off an amount. */
export type DiscountPart = { amount: number; discount: string };

/** What one line of an invoice charges for; `subscription` and `item` are null for one-off lines. */
export type InvoiceLine = {
  id: string;
  amount: number;
  description: string;
  period: { start: number; end: number };
  proration: boolean;
  /** Null for an amount that no price stands behind. */
  price: string | null;
  quantity: number;
  subscription: string | null;
  subscriptionItem: string | null;
  invoiceItem: string | null;
  discountAmounts: DiscountPart[];
  /** Discounts of the item alone, before those of the whole invoice. */
  discounts?: string[];
  /** What a proration brings along: discounts were taken off it when it was made. */
  ownDiscounts?: DiscountPart[];
  /** Rates of its own; without any the invoice's hold. */
  taxRates?: string[];
  /** The very rates of the debit that a credit gives back; an empty list is none. */
  taxed?: string[];
  /** What a credit gives back. */
  credited?: Credited;
  taxes?: TaxAmount[];
  discountable?: boolean;
  metadata?: Metadata;
  /** Of a tier, where the price alone does not say it. */
  unitAmountDecimal?: string;
};

export type TaxAmount = {
  amount: number;
  rate: string;
  inclusive: boolean;
  taxable: number;
  reason: 'not_available' | 'customer_exempt' | 'reverse_charge';
};

/** The debit behind a credit: an item that waits still, or lines of an invoice. */
export type Credited = { invoiceItem: string } | { invoice: string; lines: string[] };

export type InvoiceItem = Row<'invoiceitem'> & {
  date: number;
  amount: number;
  currency: string;
  customer: string;
  description: string;
  invoice: string | null;
  metadata: Metadata;
  period: { start: number; end: number };
  proration: boolean;
  quantity: number;
  _subscription: string | null;
  _item: string | null;
  _price: string | null;
  _tax_rates?: string[];
  _discountable?: boolean;
  /** Discounts of its own, to be applied when it is invoiced. */
  _discounts?: string[];
  /** Of a proration: what discounts took off it, and whether `amount` is before that. */
  _taken?: DiscountPart[];
  _itemized?: boolean;
  _taxed?: string[];
  _credited?: Credited;
};

export type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
export type BillingReason =
  'subscription_create' | 'subscription_cycle' | 'subscription_update' | 'manual';

export type Invoice = Kept<'invoice'> & {
  amount_due: number;
  amount_paid: number;
  amount_remaining: number;
  attempt_count: number;
  attempted: boolean;
  auto_advance: boolean;
  automatically_finalizes_at: number | null;
  billing_reason: BillingReason;
  collection_method: CollectionMethod;
  currency: string;
  customer: string;
  default_payment_method: string | null;
  discounts: string[];
  due_date: number | null;
  ending_balance: number | null;
  hosted_invoice_url: string | null;
  invoice_pdf: string | null;
  next_payment_attempt: number | null;
  number: string | null;
  period_start: number;
  period_end: number;
  starting_balance: number;
  status: InvoiceStatus;
  status_transitions: {
    finalized_at: number | null;
    marked_uncollectible_at: number | null;
    paid_at: number | null;
    voided_at: number | null;
  };
  subtotal: number;
  total: number;
  test_clock: string | null;
  _lines: InvoiceLine[];
  _intent: string | null;
  _payment: string | null;
  _subscription: string | null;
  _retries: number;
  _firstFailedAt: number | null;
  _stoppedMethod: string | null;
  _tax_rates?: string[];
  _days_until_due?: number | null;
  pre_payment_credit_notes_amount?: number;
  post_payment_credit_notes_amount?: number;
};

export type InvoicePayment = Row<'invoice_payment'> & {
  amount_paid: number | null;
  amount_requested: number;
  created: number;
  currency: string;
  invoice: string;
  is_default: boolean;
  livemode: false;
  payment: { type: 'payment_intent'; payment_intent: string };
  status: 'open' | 'paid' | 'canceled';
  status_transitions: { canceled_at: number | null; paid_at: number | null };
};

export type CreditNoteLine = {
  id: string;
  amount: number;
  description: string | null;
  quantity: number | null;
  unit_amount: number | null;
  invoice_line_item: string | null;
  discountAmounts: DiscountPart[];
  taxes: TaxAmount[];
};
export type CreditNote = Kept<'credit_note'> & {
  amount: number;
  currency: string;
  customer: string;
  customer_balance_transaction: string | null;
  discount_amount: number;
  effective_at: number | null;
  invoice: string;
  memo: string | null;
  number: string;
  out_of_band_amount: number | null;
  post_payment_amount: number;
  pre_payment_amount: number;
  reason: string | null;
  refunds: {
    amount_refunded: number;
    payment_record_refund: null;
    refund: string;
    type: 'refund';
  }[];
  status: 'issued' | 'void';
  subtotal: number;
  total: number;
  type: 'pre_payment' | 'post_payment' | 'mixed';
  voided_at: number | null;
  _lines: CreditNoteLine[];
};
