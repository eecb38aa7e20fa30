// How Stripe shows a card of the old kind, `card_…`, among a customer's sources.
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { Wire } from './wire.ts';

const names: Record<string, string> = {
  amex: 'American Express',
  discover: 'Discover',
  jcb: 'JCB',
  mastercard: 'MasterCard',
  visa: 'Visa',
};

export const showCard = (source: PaymentMethod): Wire => ({
  id: source.id,
  object: 'card',
  address_city: null,
  address_country: null,
  address_line1: null,
  address_line1_check: null,
  address_line2: null,
  address_state: null,
  address_zip: null,
  address_zip_check: null,
  allow_redisplay: 'unspecified',
  brand: names[source.card?.brand ?? 'visa'] ?? 'Unknown',
  country: 'US',
  customer: source.customer,
  cvc_check: 'pass',
  dynamic_last4: null,
  exp_month: source.card?.exp_month ?? 12,
  exp_year: source.card?.exp_year ?? 2040,
  fingerprint: `fp${source._number.slice(-14)}`,
  funding: 'credit',
  last4: source._number.slice(-4),
  metadata: source.metadata,
  name: null,
  regulated_status: 'unregulated',
  tokenization_method: null,
});
