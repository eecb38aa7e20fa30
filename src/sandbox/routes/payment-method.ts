// /v1/payment_methods (https://docs.stripe.com/api/payment_methods).
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { clearable, int, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { cardByNumber } from '../billing/card.ts';
import {
  attach,
  detach,
  makeMethod,
  makeTransferMethod,
  methodByIdOrMagic,
} from '../billing/payment-method.ts';
import { takeToken } from '../billing/token.ts';
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
const address = z.strictObject({
  city: clearable(text).optional(),
  country: clearable(text).optional(),
  line1: clearable(text).optional(),
  line2: clearable(text).optional(),
  postal_code: clearable(text).optional(),
  state: clearable(text).optional(),
});
const billingDetails = z.strictObject({
  address: clearable(address).optional(),
  email: clearable(text).optional(),
  name: clearable(text).optional(),
  phone: clearable(text).optional(),
  tax_id: text.optional(),
});

/** `payment_method_data`: a method made by the way. */
export const methodData = z.strictObject({
  type: z.enum(['card', 'sepa_debit', 'customer_balance']),
  customer_balance: z.strictObject({}).optional(),
  card: card.optional(),
  sepa_debit: z.strictObject({ iban: text }).optional(),
  billing_details: billingDetails.optional(),
  allow_redisplay: z.enum(['always', 'limited', 'unspecified']).optional(),
  metadata: metadata.optional(),
});
const updateParams = z.strictObject({
  billing_details: billingDetails.optional(),
  card: z.strictObject({ exp_month: int.optional(), exp_year: int.optional() }).optional(),
  metadata: metadata.optional(),
});

type Asked = z.output<typeof methodData>;

const create = (world: World, params: Asked): PaymentMethod => {
  const method = madeFrom(world, params);
  return world.store.update('payment_method', method.id, {
    metadata: mergeMetadata({}, params.metadata),
    ...described(method, params.billing_details),
    ...(params.allow_redisplay === undefined ? {} : { allow_redisplay: params.allow_redisplay }),
  });
};

/** The method that `payment_method_data` describes, if it was given. */
export const methodFromData = (world: World, data: Asked | undefined): PaymentMethod | null =>
  data === undefined ? null : create(world, data);

const noAddress = {
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
};
const nobody = { address: noAddress, email: null, name: null, phone: null, tax_id: null };

/** Whose it is, as far as was said now or before. */
const described = (
  method: PaymentMethod,
  asked: z.output<typeof billingDetails> | undefined,
): Partial<PaymentMethod> => {
  if (asked === undefined) return {};
  const before = method.billing_details ?? nobody;
  const at = asked.address;
  const given = Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined),
  );
  return {
    billing_details: {
      ...before,
      ...given,
      address: at === undefined ? before.address : { ...noAddress, ...at },
    },
  };
};

const madeFrom = (world: World, params: Asked): PaymentMethod => {
  if (params.type === 'customer_balance') return makeTransferMethod(world);
  if (params.type === 'sepa_debit') {
    const { iban } = params.sepa_debit ?? { iban: 'DE89370400440532013000' };
    return makeMethod(world, { settlesLater: 'succeeded', ...cardByNumber(iban), brand: 'sepa' });
  }
  const token = params.card?.token;
  if (token !== undefined) {
    const { card: known, ...more } = takeToken(world, token, 'card[token]');
    return makeMethod(world, known, more);
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

export const paymentMethodEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/payment_methods', methodData, ({ world, params }) => create(world, params)),
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
      ...described(method, params.billing_details),
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
];
