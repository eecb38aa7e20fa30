// How Stripe shows payment methods of the old kind, cards `card_…` and sources `src_…`, and the
// tokens that cards come from.
import { cardByNumber } from '../billing/card.ts';
import type { PaymentMethod, Token } from '../store/entity-payment.ts';
import { publicPart, type Wire } from './wire.ts';

const names: Record<string, string> = {
  amex: 'American Express',
  discover: 'Discover',
  jcb: 'JCB',
  mastercard: 'MasterCard',
  visa: 'Visa',
};

/** A customer's source as its id says: a card or a source around one. */
export const showSource = (source: PaymentMethod): Wire =>
  source._source === undefined ? showCard(source) : showWrapped(source, source._source);

const brandOf = (brand: string | undefined): string => names[brand ?? 'visa'] ?? 'Unknown';
const fingerprint = (number: string): string => `fp${number.slice(-14)}`;

const showCard = (source: PaymentMethod): Wire => ({
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
  brand: brandOf(source.card?.brand),
  country: 'US',
  customer: source.customer,
  cvc_check: 'pass',
  dynamic_last4: null,
  exp_month: source.card?.exp_month ?? 12,
  exp_year: source.card?.exp_year ?? 2040,
  fingerprint: fingerprint(source._number),
  funding: 'credit',
  last4: source._number.slice(-4),
  metadata: source.metadata,
  name: null,
  regulated_status: 'unregulated',
  tokenization_method: null,
  ...source._facts,
});

/** The card of a source lacks what the customer's cards have: no id, no owner. */
const showWrapped = (
  source: PaymentMethod,
  facts: NonNullable<PaymentMethod['_source']>,
): Wire => ({
  id: source.id,
  object: 'source',
  allow_redisplay: 'unspecified',
  amount: null,
  card: {
    address_line1_check: null,
    address_zip_check: null,
    brand: brandOf(source.card?.brand),
    country: 'US',
    cvc_check: 'pass',
    dynamic_last4: null,
    exp_month: source.card?.exp_month ?? 12,
    exp_year: source.card?.exp_year ?? 2040,
    fingerprint: fingerprint(source._number),
    funding: 'credit',
    last4: source._number.slice(-4),
    name: source._facts?.name ?? null,
    three_d_secure:
      cardByNumber(source._number).authenticates === undefined ? 'optional' : 'required',
    tokenization_method: null,
  },
  client_secret: facts.client_secret,
  created: source.created,
  currency: facts.currency,
  ...(source.customer === null ? {} : { customer: source.customer }),
  flow: 'none',
  livemode: false,
  metadata: source.metadata,
  owner: {
    ...facts.owner,
    verified_address: null,
    verified_email: null,
    verified_name: null,
    verified_phone: null,
  },
  statement_descriptor: null,
  status: 'chargeable',
  type: 'card',
  usage: facts.usage,
});

export const showToken = (token: Token): Wire => {
  const { id, number, expires, facts } = token._card;
  const { brand } = cardByNumber(number);
  const card = { brand, last4: number.slice(-4), exp_month: expires.month, exp_year: expires.year };
  const shown = showCard({
    id,
    object: 'payment_method',
    created: token.created,
    livemode: false,
    metadata: {},
    customer: null,
    type: 'card',
    card,
    _magic: null,
    _number: number,
    _set_up: false,
    _facts: facts,
  });
  return { ...publicPart(token), client_ip: null, card: shown };
};
