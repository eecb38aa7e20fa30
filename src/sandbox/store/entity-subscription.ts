// Rows of subscriptions and their items.
import type { Kept } from './entity.ts';

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
  _tax_rates?: string[];
  _discounts?: string[];
  /** Metered: since when within the period its price holds, and what was used at others before. */
  _since?: number;
  _used?: UsedStretch[];
};

/** A part of a period at a metered price that holds no more. */
export type UsedStretch = { price: string; start: number; end: number };

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
export type BillingMode =
  | { flexible: null; type: 'classic' }
  | {
      flexible: { proration_discounts: 'included' | 'itemized' };
      type: 'flexible';
      updated_at?: number;
    };
export type BillingModeAsked = {
  type: 'classic' | 'flexible';
  flexible?: { proration_discounts?: 'included' | 'itemized' | undefined } | undefined;
};
export type CollectionMethod = 'charge_automatically' | 'send_invoice';

export type Subscription = Kept<'subscription'> & {
  billing_cycle_anchor: number;
  billing_mode: BillingMode;
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
  status_details: object | null;
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
  _tax_rates?: string[];
};
