// The rows the sandbox keeps: the fields its logic reads, named as Stripe names them.
// A key that starts with `_` is ours alone and never leaves the process.

export type Metadata = Record<string, string>;
type Row<O extends string> = { id: string; object: O };
type Kept<O extends string> = Row<O> & { created: number; livemode: false; metadata: Metadata };

export type Interval = 'day' | 'week' | 'month' | 'year';

export type TestClock = Row<'test_helpers.test_clock'> & {
  created: number;
  frozen_time: number;
  name: string | null;
  status: 'ready' | 'advancing';
  _target: number | null;
};

export type Customer = Kept<'customer'> & {
  email: string | null;
  name: string | null;
  balance: number;
  currency: string | null;
  delinquent: boolean;
  invoice_prefix: string;
  next_invoice_sequence: number;
  invoice_settings: { default_payment_method: string | null };
  test_clock: string | null;
  _deleted: boolean;
  _discounts: string[];
};

export type Product = Kept<'product'> & {
  name: string;
  active: boolean;
  default_price: string | null;
  updated: number;
  _deleted: boolean;
};

export type Recurring = { interval: Interval; interval_count: number };
export type Price = Kept<'price'> & {
  active: boolean;
  currency: string;
  product: string;
  nickname: string | null;
  lookup_key: string | null;
  recurring: Recurring | null;
  type: 'one_time' | 'recurring';
  unit_amount: number | null;
  unit_amount_decimal: string;
};

export type Coupon = Kept<'coupon'> & {
  amount_off: number | null;
  currency: string | null;
  duration: 'forever' | 'once' | 'repeating';
  duration_in_months: number | null;
  max_redemptions: number | null;
  percent_off: number | null;
  redeem_by: number | null;
  times_redeemed: number;
  valid: boolean;
  _deleted: boolean;
};

export type PromotionCode = Kept<'promotion_code'> & {
  active: boolean;
  code: string;
  customer: string | null;
  expires_at: number | null;
  max_redemptions: number | null;
  promotion: { coupon: string; type: 'coupon' };
  times_redeemed: number;
};

export type Discount = Row<'discount'> & {
  customer: string | null;
  end: number | null;
  start: number;
  invoice: string | null;
  promotion_code: string | null;
  checkout_session: string | null;
  source: { coupon: string; type: 'coupon' };
  subscription: string | null;
  _used: boolean;
};

export type PaymentMethod = Kept<'payment_method'> & {
  customer: string | null;
  type: 'card' | 'sepa_debit';
  card?: { brand: string; last4: string; exp_month: number; exp_year: number };
  _magic: string | null;
  _number: string;
  _set_up: boolean;
};

export type SetupIntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'canceled'
  | 'succeeded';
export type SetupIntent = Kept<'setup_intent'> & {
  customer: string | null;
  client_secret: string;
  payment_method: string | null;
  status: SetupIntentStatus;
  usage: string;
};

export type PaymentIntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'canceled'
  | 'succeeded';
export type PaymentIntent = Kept<'payment_intent'> & {
  amount: number;
  amount_received: number;
  currency: string;
  customer: string | null;
  client_secret: string;
  latest_charge: string | null;
  payment_method: string | null;
  status: PaymentIntentStatus;
  _invoice: string | null;
};

export type Charge = Kept<'charge'> & {
  amount: number;
  amount_refunded: number;
  currency: string;
  customer: string | null;
  payment_intent: string | null;
  refunded: boolean;
  status: 'succeeded' | 'failed' | 'pending';
};

export type Refund = Kept<'refund'> & {
  amount: number;
  charge: string;
  currency: string;
  payment_intent: string | null;
};

export type SubscriptionStatus =
  | 'incomplete'
  | 'incomplete_expired'
  | 'trialing'
  | 'active'
  | 'past_due'
  | 'unpaid'
  | 'paused'
  | 'canceled';

export type SubscriptionItem = Kept<'subscription_item'> & {
  current_period_start: number;
  current_period_end: number;
  price: string;
  quantity: number;
  subscription: string;
};

export type PendingUpdate = {
  expires_at: number;
  items: SubscriptionItem[];
  trial_end: number | null;
  anchor: number;
  invoice: string;
  /** False while its payment is being tried for the first time. */
  shown: boolean;
};

export type PauseCollection = {
  behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  resumes_at: number | null;
};
export type CollectionMethod = 'charge_automatically' | 'send_invoice';

export type Subscription = Kept<'subscription'> & {
  billing_cycle_anchor: number;
  billing_mode: { flexible: object | null; type: 'classic' | 'flexible' };
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  cancellation_details: {
    comment: string | null;
    feedback: string | null;
    feedback_option: string | null;
    reason: string | null;
  };
  collection_method: CollectionMethod;
  currency: string;
  customer: string;
  days_until_due: number | null;
  default_payment_method: string | null;
  description: string | null;
  discounts: string[];
  ended_at: number | null;
  items: SubscriptionItem[];
  latest_invoice: string | null;
  pause_collection: PauseCollection | null;
  pending_setup_intent: string | null;
  schedule: string | null;
  start_date: number;
  status: SubscriptionStatus;
  status_details: object;
  test_clock: string | null;
  trial_start: number | null;
  trial_end: number | null;
  trial_settings: {
    end_behavior: {
      billing_cycle_anchor: null;
      missing_payment_method: 'create_invoice' | 'pause' | 'cancel';
    };
  };
  _pending: PendingUpdate | null;
};

/** What one line of an invoice charges for; `subscription` and `item` are null for one-off lines. */
export type InvoiceLine = {
  id: string;
  amount: number;
  description: string;
  period: { start: number; end: number };
  proration: boolean;
  price: string;
  quantity: number;
  subscription: string | null;
  subscriptionItem: string | null;
  invoiceItem: string | null;
  discountAmounts: { amount: number; discount: string }[];
};

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
  _subscription: string;
  _item: string;
  _price: string;
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
