// Rows of money moving: payment methods, intents, charges, refunds.
import type { Kept, Metadata, Row } from './entity.ts';

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

export type Refund = Row<'refund'> & {
  created: number;
  metadata: Metadata;
  amount: number;
  charge: string;
  currency: string;
  payment_intent: string | null;
};
