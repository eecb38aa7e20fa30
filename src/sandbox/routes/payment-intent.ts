// /v1/payment_intents (https://docs.stripe.com/api/payment_intents): those of invoices and those a
// program makes itself.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { isWithin, mergeMetadata, text } from '../api/params.ts';
import { cancelStandalone, captureIntent } from '../billing/capture.ts';
import { minimumCharge } from '../billing/money.ts';
import { createIntent } from '../billing/payment.ts';
import { confirmIntent, ownMethod } from '../billing/payment-intent.ts';
import { change } from '../delivery/event.ts';
import type { PaymentIntent } from '../store/entity-payment.ts';
import type { World } from '../world.ts';
import { methodFromData } from './payment-method.ts';
import * as params from './payment-intent-params.ts';

const url = '/v1/payment_intents';
const table = 'payment_intent';

type Asked = z.output<typeof params.createParams>;

const create = (world: World, asked: Asked): PaymentIntent => {
  const customer = asked.customer === undefined ? null : findCustomer(world, asked.customer).id;
  refuseAmount(asked.amount, asked.currency);
  const given = asked.payment_method ?? methodFromData(world, asked.payment_method_data)?.id;
  const method = given === undefined ? null : ownMethod(world, given, customer);
  if (asked.off_session === true && asked.confirm !== true) {
    throw invalid('`off_session` can only be set to `true` when `confirm` is `true`.', {
      param: 'off_session',
    });
  }
  const intent = createIntent(world, {
    amount: asked.amount,
    currency: asked.currency,
    customer,
    invoice: null,
    description: asked.description ?? null,
    method: method?.id ?? null,
    more: {
      payment_method: method?.id ?? null,
      capture_method: asked.capture_method ?? 'automatic_async',
      amount_capturable: 0,
      metadata: mergeMetadata({}, asked.metadata),
      ...details(asked),
      ...methodTypes(asked),
      _return_url: asked.return_url ?? null,
    },
  });
  if (asked.confirm !== true) return intent;
  return confirmIntent(world, intent, {
    return_url: asked.return_url,
    offSession: isOffSession(asked),
  });
};

/** Nobody is there, or nobody may be asked. */
const isOffSession = (asked: {
  off_session?: boolean | string | undefined;
  error_on_requires_action?: boolean | undefined;
}): boolean =>
  (asked.off_session !== undefined && asked.off_session !== false) ||
  asked.error_on_requires_action === true;

const amountMax = 99_999_999;

const refuseAmount = (amount: number, currency: string): void => {
  if (amount > amountMax) {
    throw invalid('Amount must be no more than $999,999.99', {
      param: 'amount',
      code: 'amount_too_large',
    });
  }
  if (amount < minimumCharge(currency)) {
    throw invalid('Amount must be at least $0.50 usd', {
      param: 'amount',
      code: 'amount_too_small',
    });
  }
};

/** What the intent only carries: given as it is, absent where it was not. */
const details = (asked: Partial<Record<string, unknown>>): Partial<PaymentIntent> =>
  Object.fromEntries(
    params.carried
      .map((key) => [key, asked[key]] as const)
      .filter(([, value]) => value !== undefined),
  );

const methodTypes = (asked: Asked): object => {
  const automatic = asked.automatic_payment_methods;
  const types = asked.allowed_payment_method_types ?? asked.payment_method_types;
  const isAutomatic = automatic !== undefined || asked.payment_method_types === undefined;
  return {
    allowed_payment_method_types: asked.allowed_payment_method_types ?? null,
    payment_method_types: types ?? ['card'],
    automatic_payment_methods: isAutomatic
      ? { allow_redirects: automatic?.allow_redirects ?? 'always', enabled: true }
      : null,
    confirmation_method: asked.confirmation_method ?? 'automatic',
  };
};

const update = (
  world: World,
  intent: PaymentIntent,
  asked: z.output<typeof params.updateParams>,
): PaymentIntent => {
  const { amount, currency, customer, payment_method: given } = asked;
  const moves = [amount, currency, customer, given].some((value) => value !== undefined);
  const isFixed = ['succeeded', 'canceled', 'processing', 'requires_capture'];
  if (moves && isFixed.includes(intent.status)) {
    throw invalid(
      `This PaymentIntent's amount, currency, customer or payment method could not be updated because it has a status of ${intent.status}.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  if (amount !== undefined || currency !== undefined) {
    refuseAmount(amount ?? intent.amount, currency ?? intent.currency);
  }
  const owner = customer === undefined ? intent.customer : findCustomer(world, customer).id;
  const method = given === undefined ? null : ownMethod(world, given, owner);
  return change(world, table, intent.id, {
    amount: amount ?? intent.amount,
    currency: currency ?? intent.currency,
    customer: owner,
    metadata: mergeMetadata(intent.metadata, asked.metadata),
    ...details(asked),
    ...(method === null
      ? {}
      : { payment_method: method.id, status: 'requires_confirmation' as const }),
  });
};

export const paymentIntentEndpoints: Endpoint[] = [
  endpoint('POST', url, params.createParams, ({ world, params: asked }) => create(world, asked)),
  endpoint('GET', url, params.listParams, ({ world, params: asked }) =>
    page(
      world,
      table,
      url,
      asked,
      (row) =>
        row.customer === (asked.customer ?? row.customer) && isWithin(row.created, asked.created),
    ),
  ),
  endpoint(
    'GET',
    `${url}/:id`,
    z.strictObject({ client_secret: text.optional() }),
    ({ world, ids }) => find(world, table, ids['id'], 'intent'),
  ),
  endpoint('POST', `${url}/:id`, params.updateParams, ({ world, params: asked, ids }) =>
    update(world, find(world, table, ids['id'], 'intent'), asked),
  ),
  endpoint('POST', `${url}/:id/confirm`, params.confirmParams, ({ world, params: asked, ids }) =>
    confirmIntent(world, find(world, table, ids['id'], 'intent'), {
      payment_method: asked.payment_method ?? methodFromData(world, asked.payment_method_data)?.id,
      return_url: asked.return_url,
      offSession: isOffSession(asked),
    }),
  ),
  endpoint('POST', `${url}/:id/capture`, params.captureParams, ({ world, params: asked, ids }) =>
    captureIntent(world, find(world, table, ids['id'], 'intent'), asked.amount_to_capture),
  ),
  endpoint('POST', `${url}/:id/cancel`, params.cancelParams, ({ world, params: asked, ids }) =>
    cancelStandalone(
      world,
      find(world, table, ids['id'], 'intent'),
      asked.cancellation_reason ?? null,
    ),
  ),
];
