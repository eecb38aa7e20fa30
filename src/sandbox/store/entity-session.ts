// The rows beside billing itself: pages a person opens, schedules, events and their deliveries,
// and what the sandbox keeps about itself. A key that starts with `_` never leaves the process.
import type { PaymentIntent } from './entity-payment.ts';
import type { BillingModeAsked } from './entity-subscription.ts';
import type { DiscountAsked } from '../billing/discount.ts';
import type { OnceItemAsked } from '../billing/once-item.ts';
import type { Metadata, Row } from './entity.ts';

export type CheckoutSession = Row<'checkout.session'> & {
  allow_promotion_codes: boolean | null;
  cancel_url: string | null;
  client_reference_id: string | null;
  created: number;
  currency: string | null;
  customer: string | null;
  customer_email: string | null;
  expires_at: number;
  invoice: string | null;
  livemode: false;
  metadata: Metadata;
  mode: 'subscription' | 'setup' | 'payment';
  payment_intent?: string | null;
  customer_creation?: 'always' | 'if_required' | null;
  payment_status: 'paid' | 'unpaid' | 'no_payment_required';
  setup_intent: string | null;
  status: 'open' | 'complete' | 'expired';
  subscription: string | null;
  success_url: string | null;
  url: string | null;
  amount_subtotal: number | null;
  amount_total: number | null;
  _items: { price: string; quantity: number }[];
  _subscription_data: {
    metadata: Metadata;
    trial_period_days: number | null;
    trial_end: number | null;
    missing_payment_method: 'create_invoice' | 'pause' | 'cancel';
    description: string | null;
    billing_mode?: BillingModeAsked | undefined;
  };
  _setup_subscription: string | null;
  /** What the payment intent of a one-time payment is made with. */
  _payment_data?: Partial<PaymentIntent>;
  _discounts: { coupon?: string | undefined; promotion_code?: string | undefined }[];
  _collect: 'always' | 'if_required';
  _attempt: string | null;
  _test_clock: string | null;
};

export type PortalFlow = {
  type: string;
  subscription: string | null;
  return_url: string | null;
};
export type PortalSession = Row<'billing_portal.session'> & {
  configuration: string;
  created: number;
  customer: string;
  return_url: string | null;
  url: string;
  _flow: PortalFlow | null;
  _secret: string;
};
export type PortalConfiguration = Row<'billing_portal.configuration'> & {
  active: boolean;
  created: number;
  updated: number;
  is_default: boolean;
  metadata: Metadata;
  features?: PortalFeatures;
  business_profile?: Record<
    'headline' | 'privacy_policy_url' | 'terms_of_service_url',
    string | null
  >;
  default_return_url?: string | null;
  name?: string | null;
};

type Prorates = 'create_prorations' | 'always_invoice' | 'none';
export type PortalProduct = {
  adjustable_quantity: { enabled: boolean; maximum: number | null; minimum: number };
  prices: string[];
  product: string;
};
export type PortalFeatures = {
  customer_update: {
    allowed_updates: ('address' | 'email' | 'name' | 'phone' | 'tax_id')[];
    enabled: boolean;
  };
  invoice_history: { enabled: boolean };
  payment_method_update: { enabled: boolean; payment_method_configuration: null };
  subscription_cancel: {
    cancellation_reason: { enabled: boolean; feedback_options: null; options: string[] };
    enabled: boolean;
    mode: 'at_period_end' | 'immediately';
    proration_behavior: Prorates;
  };
  subscription_pause: {
    duration: { interval_options: never[]; type: 'indefinite' };
    enabled: boolean;
  };
  subscription_update: {
    billing_cycle_anchor: 'now' | 'unchanged' | null;
    default_allowed_updates: ('price' | 'quantity')[];
    enabled: boolean;
    products: PortalProduct[];
    proration_behavior: Prorates;
    schedule_at_period_end: { conditions: never[] };
    trial_update_behavior: 'continue_trial' | 'end_trial';
  };
};

export type PhaseItem = {
  price: string;
  quantity: number;
  metadata?: Metadata;
  tax_rates?: string[];
  discounts?: DiscountAsked[];
};
export type SchedulePhase = {
  items: PhaseItem[];
  start_date: number;
  end_date: number;
  proration_behavior: 'create_prorations' | 'always_invoice' | 'none';
  metadata: Metadata;
  currency: string;
  trial_end: number | null;
  billing_cycle_anchor?: 'automatic' | 'phase_start' | null;
  description?: string | null;
  _discounts?: DiscountAsked[];
  _tax_rates?: string[];
  _once?: OnceItemAsked[];
};
export type SubscriptionSchedule = Row<'subscription_schedule'> & {
  canceled_at: number | null;
  completed_at: number | null;
  created: number;
  current_phase: { start_date: number; end_date: number } | null;
  customer: string;
  end_behavior: 'release' | 'cancel';
  livemode: false;
  metadata: Metadata;
  phases: SchedulePhase[];
  released_at: number | null;
  released_subscription: string | null;
  status: 'not_started' | 'active' | 'completed' | 'released' | 'canceled';
  subscription: string | null;
  test_clock: string | null;
  _collection?: 'charge_automatically' | 'send_invoice';
  _days_until_due?: number | null;
  _method?: string | null;
};

export type WebhookEndpoint = Row<'webhook_endpoint'> & {
  created: number;
  description: string | null;
  enabled_events: string[];
  livemode: false;
  metadata: Metadata;
  api_version: string | null;
  status: 'enabled' | 'disabled';
  url: string;
  _secret: string;
};

export type StripeEvent = Row<'event'> & {
  api_version: string;
  created: number;
  data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> };
  livemode: false;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
  _clock: string | null;
};

export type Delivery = Row<'delivery'> & {
  event_id: string;
  endpoint: string;
  type: string;
  status: 'pending' | 'held' | 'delivered' | 'failed' | 'dropped';
  attempts: number;
  last_status: number | null;
  /** Machine time in milliseconds, as is the first attempt's. */
  next_at: number;
  first_at: number;
};

/** Something that falls due on a clock; `clock` is null for the account's. */
export type Timer = Row<'timer'> & { clock: string | null; at: number; kind: string; ref: string };

export type StoredAnswer = Row<'idempotency_key'> & {
  fingerprint: string;
  status: number;
  body: unknown;
  /** Machine time in milliseconds. */
  stored_at: number;
};

/** One row per thing the sandbox remembers about itself: key, clock, settings, faults. */
export type Fact = Row<'fact'> & { value: unknown };

export type UnknownCall = Row<'unknown_call'> & { method: string; path: string; count: number };
