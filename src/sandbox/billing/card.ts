// Stripe's test cards and what each does (https://docs.stripe.com/testing), as a table.

export type Decline = { code: string; decline_code: string; message: string };

const declined = (decline_code: string, message = 'Your card was declined.'): Decline => ({
  code: 'card_declined',
  decline_code,
  message,
});

export type DisputeKind = 'fraudulent' | 'product_not_received' | 'inquiry';

export type TestCard = {
  /** Ids a client may send instead of a number. */
  magic: string[];
  number: string;
  brand: string;
  /** Refused already when it is attached. */
  attach?: Decline;
  /** Refused when it is charged. */
  charge?: Decline;
  /** Asks the customer to authenticate: at each payment, or until it was set up once. */
  authenticates?: 'always' | 'until_set_up';
  /** Takes days to settle, as bank debits do. */
  settlesLater?: 'succeeded' | 'failed';
  /** Its owner goes to the bank as soon as it has paid. */
  disputes?: DisputeKind;
};

/** Refused wherever it is used. */
const refused = (decline: Decline): { attach: Decline; charge: Decline } => ({
  attach: decline,
  charge: decline,
});

const plain = (code: string, message: string): Decline => ({ code, decline_code: code, message });

const noFunds = declined('insufficient_funds', 'Your card has insufficient funds.');
const generic = declined('generic_decline');

/** Hard declines: Stripe keeps the retries on the calendar and does not charge the card again. */
export const hardDeclines = new Set([
  'incorrect_number',
  'lost_card',
  'pickup_card',
  'stolen_card',
  'revocation_of_authorization',
  'revocation_of_all_authorizations',
  'authentication_required',
  'highest_risk_level',
  'transaction_not_allowed',
]);

export const testCards: TestCard[] = [
  { magic: ['pm_card_visa', 'tok_visa'], number: '4242424242424242', brand: 'visa' },
  { magic: ['pm_card_visa_debit', 'tok_visa_debit'], number: '4000056655665556', brand: 'visa' },
  {
    magic: ['pm_card_mastercard', 'tok_mastercard'],
    number: '5555555555554444',
    brand: 'mastercard',
  },
  { magic: ['pm_card_mastercard_debit'], number: '5200828282828210', brand: 'mastercard' },
  { magic: ['pm_card_amex', 'tok_amex'], number: '378282246310005', brand: 'amex' },
  { magic: ['pm_card_discover', 'tok_discover'], number: '6011111111111117', brand: 'discover' },
  { magic: ['pm_card_jcb', 'tok_jcb'], number: '3566002020360505', brand: 'jcb' },
  { magic: ['pm_card_us', 'tok_us'], number: '4242424242424242', brand: 'visa' },
  {
    magic: ['pm_card_createDispute', 'tok_createDispute'],
    number: '4000000000000259',
    brand: 'visa',
    disputes: 'fraudulent',
  },
  {
    magic: ['pm_card_createDisputeProductNotReceived', 'tok_createDisputeProductNotReceived'],
    number: '4000000000002685',
    brand: 'visa',
    disputes: 'product_not_received',
  },
  {
    magic: ['pm_card_createDisputeInquiry', 'tok_createDisputeInquiry'],
    number: '4000000000001976',
    brand: 'visa',
    disputes: 'inquiry',
  },
  {
    magic: ['pm_card_bypassPending', 'tok_bypassPending'],
    number: '4000000000000077',
    brand: 'visa',
  },
  {
    magic: ['pm_card_chargeCustomerFail', 'tok_chargeCustomerFail'],
    number: '4000000000000341',
    brand: 'visa',
    charge: generic,
  },
  {
    magic: [
      'pm_card_chargeDeclined',
      'pm_card_visa_chargeDeclined',
      'tok_chargeDeclined',
      'tok_visa_chargeDeclined',
    ],
    number: '4000000000000002',
    brand: 'visa',
    ...refused(generic),
  },
  {
    magic: [
      'pm_card_chargeDeclinedInsufficientFunds',
      'pm_card_visa_chargeDeclinedInsufficientFunds',
      'tok_chargeDeclinedInsufficientFunds',
    ],
    number: '4000000000009995',
    brand: 'visa',
    ...refused(noFunds),
  },
  {
    magic: ['pm_card_chargeDeclinedLostCard', 'pm_card_visa_chargeDeclinedLostCard'],
    number: '4000000000009987',
    brand: 'visa',
    ...refused(declined('lost_card')),
  },
  {
    magic: ['pm_card_chargeDeclinedStolenCard', 'pm_card_visa_chargeDeclinedStolenCard'],
    number: '4000000000009979',
    brand: 'visa',
    ...refused(declined('stolen_card')),
  },
  {
    magic: ['pm_card_chargeDeclinedFraudulent', 'tok_chargeDeclinedFraudulent'],
    number: '4100000000000019',
    brand: 'visa',
    ...refused(declined('fraudulent')),
  },
  {
    magic: [
      'pm_card_chargeDeclinedVelocityLimitExceeded',
      'pm_card_visa_chargeDeclinedVelocityLimitExceeded',
    ],
    number: '4000000000006975',
    brand: 'visa',
    ...refused(declined('card_velocity_exceeded')),
  },
  {
    magic: ['pm_card_chargeDeclinedExpiredCard', 'tok_chargeDeclinedExpiredCard'],
    number: '4000000000000069',
    brand: 'visa',
    ...refused(plain('expired_card', 'Your card has expired.')),
  },
  {
    magic: ['pm_card_chargeDeclinedIncorrectCvc', 'tok_chargeDeclinedIncorrectCvc'],
    number: '4000000000000127',
    brand: 'visa',
    ...refused(plain('incorrect_cvc', "Your card's security code is incorrect.")),
  },
  {
    magic: ['pm_card_chargeDeclinedProcessingError', 'tok_chargeDeclinedProcessingError'],
    number: '4000000000000119',
    brand: 'visa',
    ...refused(
      plain(
        'processing_error',
        'An error occurred while processing your card. Try again in a little bit.',
      ),
    ),
  },
  {
    magic: ['pm_card_threeDSecure2Required', 'tok_threeDSecure2Required'],
    number: '4000000000003220',
    brand: 'visa',
    authenticates: 'always',
  },
  {
    magic: ['pm_card_threeDSecureRequired'],
    number: '4000000000003063',
    brand: 'visa',
    authenticates: 'always',
  },
  {
    magic: ['pm_card_authenticationRequired'],
    number: '4000002760003184',
    brand: 'visa',
    authenticates: 'always',
  },
  {
    magic: [
      'pm_card_authenticationRequiredOnSetup',
      'pm_card_authenticationRequiredSetupForOffSession',
    ],
    number: '4000002500003155',
    brand: 'visa',
    authenticates: 'until_set_up',
  },
  {
    magic: ['pm_card_authenticationRequiredChargeDeclinedInsufficientFunds'],
    number: '4000008260003178',
    brand: 'visa',
    authenticates: 'always',
    charge: noFunds,
  },
  {
    magic: ['pm_sepaDebit_processing', 'pm_sepaDebit_success'],
    number: 'DE89370400440532013000',
    brand: 'sepa',
    settlesLater: 'succeeded',
  },
  {
    magic: ['pm_sepaDebit_failed'],
    number: 'DE62370400440532013001',
    brand: 'sepa',
    settlesLater: 'failed',
  },
  { magic: [], number: 'AT861904300235473202', brand: 'sepa', settlesLater: 'failed' },
];

const byNumber = new Map([...testCards].reverse().map((card) => [card.number, card]));
const byMagic = new Map(testCards.flatMap((card) => card.magic.map((id) => [id, card] as const)));

export const cardByMagic = (id: string): TestCard | undefined => byMagic.get(id);

/** Any other number that could be a card behaves as a good one, any other account as a slow one. */
export const cardByNumber = (number: string): TestCard =>
  byNumber.get(number) ??
  (/^[A-Z]/.test(number)
    ? { magic: [], number, brand: 'sepa', settlesLater: 'succeeded' }
    : { magic: [], number, brand: brandOf(number) });

const brandOf = (number: string): string =>
  number.startsWith('5') ? 'mastercard' : number.startsWith('3') ? 'amex' : 'visa';
