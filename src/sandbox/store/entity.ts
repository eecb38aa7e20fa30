// The rows the sandbox keeps, with the fields its logic reads, named as Stripe names them.
// A key that starts with `_` is ours alone and never leaves the process.

export type Metadata = Record<string, string>;
export type Row<O extends string> = { id: string; object: O };
export type Kept<O extends string> = Row<O> & {
  created: number;
  livemode: false;
  metadata: Metadata;
};

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
  default_source?: string | null;
  test_clock: string | null;
  _deleted: boolean;
  _discounts: string[];
};

export type TaxId = Row<'tax_id'> & {
  country: string | null;
  created: number;
  customer: string;
  livemode: false;
  type: string;
  value: string;
};

export type BalanceReason =
  'adjustment' | 'applied_to_invoice' | 'unapplied_from_invoice' | 'credit_note';
export type BalanceTransaction = Kept<'customer_balance_transaction'> & {
  amount: number;
  credit_note: string | null;
  currency: string;
  customer: string;
  description: string | null;
  ending_balance: number;
  invoice: string | null;
  type: BalanceReason;
};
