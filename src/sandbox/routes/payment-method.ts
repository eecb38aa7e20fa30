// /v1/payment_methods and /v1/setup_intents (https://docs.stripe.com/api/payment_methods).
import { z } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, clearable, int, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { cardByMagic, cardByNumber } from '../billing/card.ts';
import { attach, detach, makeMethod, methodByIdOrMagic } from '../billing/payment-method.ts';
import { cancelSetup, confirmSetup, createSetup } from '../billing/setup.ts';
import { change } from '../delivery/event.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type { World } from '../world.ts';

const card = z.strictObject({
  number: z
    .string()
    .regex(/^\d{12,19}$/, 'Your card number is incorrect.')
    .optional(),
  exp_month: int.optional(),
  exp_year: int.optional(),
  cvc: text.optional(),
  token: text.optional(),
});
const billingDetails = z.looseObject({});
const createParams = z.strictObject({
  type: z.enum(['card', 'sepa_debit']),
  card: card.optional(),
  sepa_debit: z.strictObject({ iban: text }).optional(),
  billing_details: billingDetails.optional(),
  metadata: metadata.optional(),
});
const updateParams = z.strictObject({
  billing_details: billingDetails.optional(),
  card: z.strictObject({ exp_month: int.optional(), exp_year: int.optional() }).optional(),
  metadata: metadata.optional(),
});

const create = (world: World, params: z.output<typeof createParams>): PaymentMethod => {
  const method = madeFrom(world, params);
  return world.store.update('payment_method', method.id, {
    metadata: mergeMetadata({}, params.metadata),
  });
};

const madeFrom = (world: World, params: z.output<typeof createParams>): PaymentMethod => {
  if (params.type === 'sepa_debit') {
    const { iban } = params.sepa_debit ?? { iban: 'DE89370400440532013000' };
    return makeMethod(world, { settlesLater: 'succeeded', ...cardByNumber(iban), brand: 'sepa' });
  }
  const token = params.card?.token;
  if (token !== undefined) {
    const known = cardByMagic(token);
    if (known === undefined)
      throw invalid(`No such token: '${token}'`, {
        param: 'card[token]',
        code: 'resource_missing',
      });
    return makeMethod(world, known, { magic: token });
  }
  const { number, exp_month: month, exp_year: year } = params.card ?? {};
  if (number === undefined)
    throw invalid('Missing required param: card[number].', {
      param: 'card[number]',
      code: 'parameter_missing',
    });
  return makeMethod(world, cardByNumber(number), {
    expires: { month: month ?? 12, year: year ?? 2040 },
  });
};

const setupParams = z.strictObject({
  customer: text.optional(),
  payment_method: text.optional(),
  confirm: bool.optional(),
  description: text.optional(),
  usage: z.enum(['off_session', 'on_session']).optional(),
  metadata: metadata.optional(),
  payment_method_types: z.array(text).optional(),
  automatic_payment_methods: z.looseObject({}).optional(),
  return_url: text.optional(),
});
const confirmParams = z.strictObject({
  payment_method: text.optional(),
  return_url: text.optional(),
  mandate_data: z.looseObject({}).optional(),
});

export const paymentMethodEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/payment_methods', createParams, ({ world, params }) =>
    create(world, params),
  ),
  endpoint(
    'GET',
    '/v1/payment_methods',
    z.strictObject({ ...paging, customer: text.optional(), type: text.optional() }),
    ({ world, params }) => {
      if (params.customer !== undefined) findCustomer(world, params.customer);
      return page(
        world,
        'payment_method',
        '/v1/payment_methods',
        params,
        (row) =>
          row.customer !== null &&
          row.customer === (params.customer ?? row.customer) &&
          row.type === (params.type ?? row.type),
      );
    },
  ),
  endpoint('GET', '/v1/payment_methods/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'payment_method', ids['id'], 'payment_method'),
  ),
  endpoint('POST', '/v1/payment_methods/:id', updateParams, ({ world, params, ids }) => {
    const method = find(world, 'payment_method', ids['id'], 'payment_method');
    const { card: expiry } = params;
    const patch = {
      metadata: mergeMetadata(method.metadata, params.metadata),
      ...(expiry === undefined || method.card === undefined
        ? {}
        : {
            card: {
              ...method.card,
              exp_month: expiry.exp_month ?? method.card.exp_month,
              exp_year: expiry.exp_year ?? method.card.exp_year,
            },
          }),
    };
    return change(world, 'payment_method', method.id, patch, 'payment_method.updated');
  }),
  endpoint(
    'POST',
    '/v1/payment_methods/:id/attach',
    z.strictObject({ customer: text }),
    ({ world, params, ids }) => {
      const customer = findCustomer(world, params.customer);
      return attach(world, methodByIdOrMagic(world, ids['id'] ?? ''), customer);
    },
  ),
  endpoint('POST', '/v1/payment_methods/:id/detach', z.strictObject({}), ({ world, ids }) =>
    detach(world, find(world, 'payment_method', ids['id'], 'payment_method')),
  ),
  endpoint('POST', '/v1/setup_intents', setupParams, ({ world, params }) => {
    const customer = params.customer === undefined ? null : findCustomer(world, params.customer);
    const intent = createSetup(world, customer, {
      method: params.payment_method ?? null,
      metadata: mergeMetadata({}, params.metadata),
      usage: params.usage ?? 'off_session',
      now: customerNow(world, customer),
    });
    return params.confirm === true ? confirmSetup(world, intent, null) : intent;
  }),
  endpoint(
    'GET',
    '/v1/setup_intents',
    z.strictObject({ ...paging, customer: text.optional() }),
    ({ world, params }) =>
      page(
        world,
        'setup_intent',
        '/v1/setup_intents',
        params,
        (row) => row.customer === (params.customer ?? row.customer),
      ),
  ),
  endpoint(
    'GET',
    '/v1/setup_intents/:id',
    z.strictObject({ client_secret: text.optional() }),
    ({ world, ids }) => find(world, 'setup_intent', ids['id'], 'intent'),
  ),
  endpoint(
    'POST',
    '/v1/setup_intents/:id',
    z.strictObject({ metadata: metadata.optional(), payment_method: clearable(text).optional() }),
    ({ world, params, ids }) => {
      const intent = find(world, 'setup_intent', ids['id'], 'intent');
      const method = params.payment_method;
      return world.store.update('setup_intent', intent.id, {
        metadata: mergeMetadata(intent.metadata, params.metadata),
        ...(typeof method === 'string'
          ? {
              payment_method: methodByIdOrMagic(world, method).id,
              status: 'requires_confirmation' as const,
            }
          : {}),
      });
    },
  ),
  endpoint('POST', '/v1/setup_intents/:id/confirm', confirmParams, ({ world, params, ids }) =>
    confirmSetup(
      world,
      find(world, 'setup_intent', ids['id'], 'intent'),
      params.payment_method ?? null,
    ),
  ),
  endpoint(
    'POST',
    '/v1/setup_intents/:id/cancel',
    z.strictObject({ cancellation_reason: text.optional() }),
    ({ world, ids }) => cancelSetup(world, find(world, 'setup_intent', ids['id'], 'intent')),
  ),
];
