// Cards handed on as tokens and sources, as clients of the old kind do.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

/** The SDK's types leave the number to Stripe.js; the API takes it. */
const tokenOf = (number: string, more: object = {}): Promise<Stripe.Token> =>
  stripe.tokens.create({
    card: { number, exp_month: '8', exp_year: '31', cvc: '314', name: 'Ada', ...more },
  });

test('a token keeps its card’s id, and becomes the card of a customer once', async () => {
  const token = await tokenOf('5555555555554444', { address_zip: '94103' });
  expect(token).toMatchObject({
    type: 'card',
    used: false,
    card: { brand: 'MasterCard', last4: '4444', exp_month: 8, exp_year: 2031, name: 'Ada' },
  });
  const customer = await stripe.customers.create({ source: token.id, expand: ['default_source'] });
  expect(customer.default_source).toMatchObject({
    id: token.card?.id,
    object: 'card',
    address_zip: '94103',
    customer: customer.id,
  });
  expect((await stripe.tokens.retrieve(token.id)).used).toBe(true);
  expect(
    await errorOf(stripe.customers.createSource(customer.id, { source: token.id })),
  ).toMatchObject({ statusCode: 400, code: 'token_already_used' });
});

test('a token is the card of a payment method, and pays a charge', async () => {
  const token = await tokenOf('4000000000009995');
  const method = await stripe.paymentMethods.create({ type: 'card', card: { token: token.id } });
  expect(method.card).toMatchObject({ last4: '9995', exp_month: 8, exp_year: 2031 });
  const again = stripe.paymentMethods.create({ type: 'card', card: { token: token.id } });
  expect((await errorOf(again)).code).toBe('token_already_used');
  const paid = await stripe.charges.create({
    amount: 500,
    currency: 'usd',
    source: (await tokenOf('4242424242424242')).id,
  });
  expect(paid).toMatchObject({ status: 'succeeded', source: { object: 'card', last4: '4242' } });
});

test('a test token stands for its card as often as one likes', async () => {
  for (const last4 of ['4242', '4242']) {
    const source = await stripe.sources.create({ type: 'card', token: 'tok_visa' });
    expect(source).toMatchObject({ status: 'chargeable', card: { brand: 'Visa', last4 } });
  }
});

test('a source pays for the subscription of the customer it is given to', async () => {
  const source = await stripe.sources.create({
    type: 'card',
    token: (await tokenOf('4242424242424242')).id,
    owner: { email: 'ada@example.com', address: { country: 'GB' } },
  });
  expect(source).toMatchObject({ owner: { email: 'ada@example.com', address: { country: 'GB' } } });
  const customer = await stripe.customers.create();
  await stripe.customers.update(customer.id, { source: source.id });
  const held = await stripe.customers.retrieve(customer.id, {
    expand: ['default_source', 'sources'],
  });
  expect(held).toMatchObject({
    default_source: { id: source.id, object: 'source', customer: customer.id },
    sources: { data: [{ id: source.id }] },
  });
  const price = await monthly(stripe, 1_000);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    expand: ['latest_invoice'],
  });
  expect(subscription.status).toBe('active');
  const other = await stripe.customers.create();
  expect((await errorOf(stripe.customers.update(other.id, { source: source.id }))).statusCode).toBe(
    400,
  );
  expect(await stripe.customers.deleteSource(customer.id, source.id)).toMatchObject({
    object: 'source',
    status: 'consumed',
  });
});

test('a declined card leaves the customer without it', async () => {
  const customer = await stripe.customers.create();
  const token = await tokenOf('4000000000000002');
  const error = await errorOf(stripe.customers.createSource(customer.id, { source: token.id }));
  expect(error).toMatchObject({ statusCode: 402, code: 'card_declined' });
  expect((await stripe.customers.listSources(customer.id)).data).toEqual([]);
});

test.each([
  ['tok_nobody', 'No such token', 'resource_missing'],
  ['src_nobody', 'No such source', 'resource_missing'],
])('%s names nothing', async (source, words, code) => {
  const error = await errorOf(stripe.customers.create({ source }));
  expect(error).toMatchObject({ statusCode: 400, code });
  expect(error.message).toContain(words);
});

test('a token without a proper card is refused', async () => {
  expect(await errorOf(tokenOf('4242'))).toMatchObject({ param: 'card[number]' });
  expect(await errorOf(tokenOf('4242424242424242', { exp_month: '13' }))).toMatchObject({
    param: 'card[exp_month]',
  });
  expect(await errorOf(stripe.tokens.create({ pii: { id_number: '1' } }))).toMatchObject({
    code: 'parameter_unknown',
  });
});
