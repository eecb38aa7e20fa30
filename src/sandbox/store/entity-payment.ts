// Rows of money moving: payment methods, intents, charges, refunds.
import type { Kept, Metadata, Row } from './entity.ts';

export type BillingDetails = { address: object | null; [more: string]: unknown };

export type PaymentMethod = Kept<'payment_method'> & {
  customer: string | null;
  type: 'card' | 'sepa_debit' | 'customer_balance';
  card?: { brand: string; last4: string; exp_month: number; exp_year: number };
  billing_details?: BillingDetails;
  allow_redisplay?: 'always' | 'limited' | 'unspecified';
  _magic: string | null;
  _number: string;
  _set_up: boolean;
  /** Of the old kind, `card_…` or `src_…`, shown among the customer's sources. */
  _is_source?: boolean;
  _facts?: OldCardFacts;
  /** What a source, `src_…`, has beside its card. */
  _source?: SourceFacts;
};

export type OldCardFacts = Partial<
  Record<
    | 'address_city'
    | 'address_country'
    | 'address_line1'
    | 'address_line2'
    | 'address_state'
    | 'address_zip'
    | 'name',
    string
  >
>;
export type SourceOwner = {
  address: object | null;
  email: string | null;
  name: string | null;
  phone: string | null;
};
export type SourceFacts = {
  client_secret: string;
  currency: string | null;
  usage: 'reusable' | 'single_use';
  owner: SourceOwner;
};

export type Token = Row<'token'> & {
  created: number;
  livemode: false;
  type: 'card';
  used: boolean;
  _card: {
    id: string;
    number: string;
    expires: { month: number; year: number };
    facts: OldCardFacts;
  };
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
  _return_url?: string | null;
};

export type PaymentIntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'canceled'
  | 'succeeded';
export type CaptureMethod = 'automatic' | 'automatic_async' | 'manual';
export type PaymentIntent = Kept<'payment_intent'> & {
  amount: number;
  amount_received: number;
  currency: string;
  customer: string | null;
  client_secret: string;
  latest_charge: string | null;
  payment_method: string | null;
  status: PaymentIntentStatus;
  /** Absent where an invoice pays: captured at once. */
  capture_method?: CaptureMethod;
  amount_capturable?: number;
  setup_future_usage?: string | null;
  _invoice: string | null;
  _return_url?: string | null;
  /** What bank transfers have brought so far. */
  _funded?: number;
};

export type CashTransaction = Row<'customer_cash_balance_transaction'> & {
  created: number;
  currency: string;
  customer: string;
  ending_balance: number;
  livemode: false;
  net_amount: number;
  type: 'funded' | 'applied_to_payment';
  funded?: { bank_transfer: { reference: string | null; type: string } };
  applied_to_payment?: { payment_intent: string };
};

export type Charge = Kept<'charge'> & {
  amount: number;
  amount_refunded: number;
  currency: string;
  customer: string | null;
  payment_intent: string | null;
  refunded: boolean;
  status: 'succeeded' | 'failed' | 'pending';
  captured?: boolean;
  amount_captured?: number;
  disputed?: boolean;
};

export type DisputeStatus =
  | 'warning_needs_response'
  | 'warning_under_review'
  | 'warning_closed'
  | 'needs_response'
  | 'under_review'
  | 'won'
  | 'lost';
export type Dispute = Kept<'dispute'> & {
  amount: number;
  charge: string;
  currency: string;
  is_charge_refundable: boolean;
  payment_intent: string | null;
  reason: string;
  status: DisputeStatus;
  _evidence: Record<string, string>;
  _submissions: number;
  _due_by: number;
  _clock: string | null;
};

export type Refund = Row<'refund'> & {
  created: number;
  metadata: Metadata;
  amount: number;
  charge: string;
  currency: string;
  payment_intent: string | null;
};
