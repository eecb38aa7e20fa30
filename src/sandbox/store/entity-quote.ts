// Rows of quotes: what was offered, and what became of it.
import type { CollectionMethod } from './entity-subscription.ts';
import type { Kept, Metadata } from './entity.ts';

export type QuoteLine = { id: string; price: string; quantity: number; taxRates: string[] };

export type Quote = Kept<'quote'> & {
  collection_method: CollectionMethod;
  customer: string | null;
  description: string | null;
  discounts: string[];
  expires_at: number;
  footer: string | null;
  header: string | null;
  invoice: string | null;
  number: string | null;
  status: 'draft' | 'open' | 'accepted' | 'canceled';
  status_transitions: {
    accepted_at: number | null;
    canceled_at: number | null;
    finalized_at: number | null;
  };
  subscription: string | null;
  test_clock: string | null;
  _lines: QuoteLine[];
  _tax_rates: string[];
  _days_until_due: number | null;
  _subscription_data: {
    description: string | null;
    metadata: Metadata;
    trial_period_days: number | null;
  };
};
