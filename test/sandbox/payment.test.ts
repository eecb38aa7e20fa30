// Payments without an invoice: intents, holds, charges of the old kind, refunds and disputes.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { day, errorOf, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

const pay = (card: string, more: Partial<Stripe.PaymentIntentCreateParams> = {}) =>
  stripe.paymentIntents.create({
    amount: 2_000,
    currency: 'usd',
    payment_method: card,
    confirm: true,
    return_url: 'https://example.com/back',
    ...more,
  });
const typesOf = async (id: string): Promise<string[]> => {
  const events = await stripe.events.list({ limit: 100 });
  return events.data
    .filter((event) => JSON.stringify(event.data.object).includes(id))
    .map((event) => event.type)
    .reverse();
};

describe('payment intents', () => {
  test('a good card pays at once, with a charge', async () => {
    const intent = await pay('pm_card_visa', { expand: ['latest_charge'] });
    expect(intent).toMatchObject({
      status: 'succeeded',
      amount_received: 2_000,
      latest_charge: { status: 'succeeded', captured: true, amount_captured: 2_000 },
    });
    expect(await typesOf(intent.id)).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
    ]);
  });

  test.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', ''],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', ''],
  ])('%s is a 402 %s that leaves a failed charge', async (card, code, declineCode) => {
    const error = await errorOf(pay(card));
    expect(error).toMatchObject({ statusCode: 402, type: 'StripeCardError', code });
    expect(error.decline_code).toBe(declineCode);
    const intent = await stripe.paymentIntents.retrieve(error.payment_intent.id);
    expect(intent.status).toBe('requires_payment_method');
    expect(intent.last_payment_error?.code).toBe(code);
    expect((await stripe.charges.retrieve(intent.latest_charge as string)).status).toBe('failed');
  });

  test.each(['succeeded', 'failed'])('3D Secure waits and is answered: %s', async (outcome) => {
    const intent = await pay('pm_card_authenticationRequired');
    expect(intent).toMatchObject({
      status: 'requires_action',
      next_action: {
        type: 'redirect_to_url',
        redirect_to_url: { return_url: 'https://example.com/back' },
      },
    });
    await stand.control('POST', `/payment_intents/${intent.id}`, { outcome });
    const after = await stripe.paymentIntents.retrieve(intent.id);
    expect(after.status).toBe(outcome === 'succeeded' ? 'succeeded' : 'requires_payment_method');
  });

  test('off session nobody can authenticate', async () => {
    const error = await errorOf(pay('pm_card_authenticationRequired', { off_session: true }));
    expect(error.code).toBe('authentication_required');
  });

  test('a debit is processing for three days', async () => {
    const { id: method } = await stripe.paymentMethods.create({
      type: 'sepa_debit',
      sepa_debit: { iban: 'AT321904300235473204' },
      billing_details: { name: 'Bob', email: 'bob@example.com' },
    });
    const intent = await pay(method, { currency: 'eur' });
    expect(intent.status).toBe('processing');
    await stand.move(3 * day + 1);
    expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('succeeded');
  });

  test('a hold is captured in part, and the rest is let go', async () => {
    const held = await pay('pm_card_visa', { capture_method: 'manual' });
    expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 2_000 });
    const paid = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 1_500 });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 1_500 });
    expect(await typesOf(held.id)).toEqual([
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.amount_capturable_updated',
      'charge.captured',
      'payment_intent.succeeded',
    ]);
    const again = await errorOf(stripe.paymentIntents.capture(held.id));
    expect(again.code).toBe('payment_intent_unexpected_state');
  });

  test('a hold that nobody captures is gone after a week', async () => {
    const held = await pay('pm_card_visa', { capture_method: 'manual' });
    await stand.move(7 * day + 1);
    expect(await stripe.paymentIntents.retrieve(held.id)).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'automatic',
    });
    expect(await typesOf(held.id)).toContain('charge.expired');
  });

  test('an intent is changed, then canceled, and then nothing more', async () => {
    const { id } = await stripe.paymentIntents.create({ amount: 500, currency: 'usd' });
    const changed = await stripe.paymentIntents.update(id, { amount: 700, description: 'two' });
    expect(changed).toMatchObject({ amount: 700, description: 'two' });
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
    for (const call of [
      stripe.paymentIntents.cancel(id),
      stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }),
      stripe.paymentIntents.update(id, { amount: 900 }),
    ]) {
      expect((await errorOf(call)).code).toBe('payment_intent_unexpected_state');
    }
  });

  test('a parameter of older versions is the CLI’s alone', async () => {
    const asked = { amount: 500, currency: 'usd', payment_method_types: ['card'] };
    const error = await errorOf(stripe.paymentIntents.create(asked));
    expect(error).toMatchObject({ code: 'parameter_unknown', param: 'payment_method_types' });
  });

  test('too little and too much are refused', async () => {
    const small = await errorOf(stripe.paymentIntents.create({ amount: 49, currency: 'usd' }));
    expect(small.code).toBe('amount_too_small');
    const large = await errorOf(
      stripe.paymentIntents.create({ amount: 100_000_000, currency: 'usd' }),
    );
    expect(large.code).toBe('amount_too_large');
  });

  test('a card kept for later belongs to the customer once it has paid', async () => {
    const { id: customer } = await stripe.customers.create();
    const intent = await pay('pm_card_visa', { customer, setup_future_usage: 'off_session' });
    const method = await stripe.paymentMethods.retrieve(intent.payment_method as string);
    expect(method.customer).toBe(customer);
    const stranger = await errorOf(pay(method.id));
    expect(stranger.param).toBe('payment_method');
  });
});

test('a bank transfer pays in parts, and the rest stays with the customer', async () => {
  const { id: customer } = await stripe.customers.create();
  const intent = await stripe.paymentIntents.create({
    amount: 2_000,
    currency: 'usd',
    customer,
    payment_method_data: { type: 'customer_balance' },
    confirm: true,
  });
  expect(intent.next_action?.display_bank_transfer_instructions?.amount_remaining).toBe(2_000);
  await stripe.testHelpers.customers.fundCashBalance(customer, { amount: 500, currency: 'usd' });
  const part = await stripe.paymentIntents.retrieve(intent.id);
  expect(part.status).toBe('requires_action');
  expect(part.next_action?.display_bank_transfer_instructions?.amount_remaining).toBe(1_500);
  await stripe.testHelpers.customers.fundCashBalance(customer, { amount: 1_600, currency: 'usd' });
  expect((await stripe.paymentIntents.retrieve(intent.id)).status).toBe('succeeded');
  expect((await stripe.customers.retrieveCashBalance(customer)).available).toEqual({ usd: 100 });
  expect((await stripe.customers.listCashBalanceTransactions(customer)).data).toHaveLength(4);
});

describe('charges of the old kind', () => {
  test('a token pays, is held, is captured', async () => {
    const charge = await stripe.charges.create({
      amount: 900,
      currency: 'usd',
      source: 'tok_visa',
      capture: false,
    });
    expect(charge).toMatchObject({ status: 'succeeded', captured: false, amount_captured: 0 });
    expect((await stripe.charges.capture(charge.id)).captured).toBe(true);
    expect((await errorOf(stripe.charges.capture(charge.id))).code).toBe('charge_already_captured');
    const declined = await errorOf(
      stripe.charges.create({ amount: 900, currency: 'usd', source: 'tok_chargeDeclined' }),
    );
    expect(declined).toMatchObject({ statusCode: 402, charge: expect.stringMatching(/^ch_/) });
  });

  test('a card on file pays for its customer, and goes', async () => {
    const customer = await stripe.customers.create({ source: 'tok_visa' });
    const card = customer.default_source as string;
    expect(card).toMatch(/^card_/);
    const charge = await stripe.charges.create({
      amount: 900,
      currency: 'usd',
      customer: customer.id,
    });
    expect(charge.payment_method).toBe(card);
    const second = await stripe.customers.createSource(customer.id, { source: 'tok_mastercard' });
    expect((await stripe.customers.listSources(customer.id)).data).toHaveLength(2);
    await stripe.customers.deleteSource(customer.id, card);
    const after = (await stripe.customers.retrieve(customer.id, {
      expand: ['default_source', 'sources'],
    })) as Stripe.Customer;
    expect(after.default_source).toMatchObject({ id: second.id, object: 'card' });
    expect(after.sources?.data).toHaveLength(1);
  });
});

describe('refunds and disputes', () => {
  test('a payment is given back in parts, and not twice', async () => {
    const { id } = await pay('pm_card_visa');
    await stripe.refunds.create({ payment_intent: id, amount: 500 });
    const rest = await stripe.refunds.create({ payment_intent: id });
    expect(rest.amount).toBe(1_500);
    const twice = await errorOf(stripe.refunds.create({ payment_intent: id }));
    expect(twice.code).toBe('charge_already_refunded');
    const named = await stripe.refunds.update(rest.id, { metadata: { order: '1' } });
    expect(named.metadata).toEqual({ order: '1' });
  });

  test.each([
    ['winning_evidence', 'won'],
    ['losing_evidence', 'lost'],
  ])('%s makes a dispute %s', async (text, status) => {
    const intent = await pay('pm_card_createDispute');
    const { data } = await stripe.disputes.list({ payment_intent: intent.id });
    expect(data[0]).toMatchObject({
      status: 'needs_response',
      reason: 'fraudulent',
      amount: 2_000,
    });
    const refund = await errorOf(stripe.refunds.create({ payment_intent: intent.id }));
    expect(refund.code).toBe('charge_disputed');
    const decided = await stripe.disputes.update(data[0]!.id, {
      evidence: { uncategorized_text: text },
      submit: true,
    });
    expect(decided.status).toBe(status);
    expect(await typesOf(data[0]!.id)).toEqual(
      expect.arrayContaining([
        'charge.dispute.created',
        'charge.dispute.funds_withdrawn',
        'charge.dispute.closed',
      ]),
    );
  });

  test('an inquiry is closed without money', async () => {
    const intent = await pay('pm_card_createDisputeInquiry');
    const { data } = await stripe.disputes.list({ payment_intent: intent.id });
    const closed = await stripe.disputes.close(data[0]!.id);
    expect(closed.status).toBe('warning_closed');
    expect((await errorOf(stripe.disputes.close(closed.id))).statusCode).toBe(400);
  });
});
