// /v1/setup_intents (https://docs.stripe.com/api/setup_intents).
import { z } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import {
  bool,
  clearable,
  created,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { methodByIdOrMagic } from '../billing/payment-method.ts';
import { cancelSetup, confirmSetup, createSetup } from '../billing/setup.ts';
import type { SetupIntent } from '../store/entity-payment.ts';
import type { World } from '../world.ts';
import { methodData, methodFromData } from './payment-method.ts';

const url = '/v1/setup_intents';
const table = 'setup_intent';
const loose = z.looseObject({}).optional();

const createParams = z.strictObject({
  allowed_payment_method_types: z.array(text).max(20).optional(),
  automatic_payment_methods: z
    .strictObject({ enabled: bool, allow_redirects: z.enum(['always', 'never']).optional() })
    .optional(),
  confirm: bool.optional(),
  customer: text.optional(),
  description: text.optional(),
  mandate_data: loose,
  metadata: metadata.optional(),
  payment_method: text.optional(),
  payment_method_data: methodData.optional(),
  payment_method_options: loose,
  /** Of older API versions. */
  payment_method_types: z.array(text).max(20).optional(),
  return_url: text.optional(),
  usage: z.enum(['off_session', 'on_session']).optional(),
  use_stripe_sdk: bool.optional(),
});
const updateParams = z.strictObject({
  customer: text.optional(),
  description: clearable(text).optional(),
  metadata: metadata.optional(),
  payment_method: clearable(text).optional(),
  payment_method_data: methodData.optional(),
  payment_method_options: loose,
});
const confirmParams = z.strictObject({
  mandate_data: loose,
  payment_method: text.optional(),
  payment_method_data: methodData.optional(),
  payment_method_options: loose,
  return_url: text.optional(),
  use_stripe_sdk: bool.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): SetupIntent => {
  const customer = asked.customer === undefined ? null : findCustomer(world, asked.customer);
  const intent = createSetup(world, customer, {
    method: asked.payment_method ?? methodFromData(world, asked.payment_method_data)?.id ?? null,
    metadata: mergeMetadata({}, asked.metadata),
    usage: asked.usage ?? 'off_session',
    now: customerNow(world, customer),
    more: {
      ...{
        description: asked.description ?? null,
        allowed_payment_method_types: asked.allowed_payment_method_types ?? null,
        payment_method_types: asked.allowed_payment_method_types ??
          asked.payment_method_types ?? ['card'],
        automatic_payment_methods:
          asked.payment_method_types !== undefined
            ? null
            : {
                allow_redirects: asked.automatic_payment_methods?.allow_redirects ?? 'always',
                enabled: true,
              },
      },
      _return_url: asked.return_url ?? null,
    },
  });
  return asked.confirm === true ? confirmSetup(world, intent, null) : intent;
};

const update = (
  world: World,
  intent: SetupIntent,
  asked: z.output<typeof updateParams>,
): SetupIntent => {
  const given = asked.payment_method ?? methodFromData(world, asked.payment_method_data)?.id;
  return world.store.update(table, intent.id, {
    metadata: mergeMetadata(intent.metadata, asked.metadata),
    ...(asked.customer === undefined ? {} : { customer: findCustomer(world, asked.customer).id }),
    ...(asked.description === undefined ? {} : { description: asked.description }),
    ...(given === undefined
      ? {}
      : {
          payment_method: methodByIdOrMagic(world, given).id,
          status: 'requires_confirmation' as const,
        }),
  });
};

const needed = (world: World, id: string | undefined): SetupIntent =>
  find(world, table, id, 'intent');

export const setupIntentEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint(
    'GET',
    url,
    z.strictObject({
      ...paging,
      created,
      customer: text.optional(),
      payment_method: text.optional(),
    }),
    ({ world, params }) =>
      page(
        world,
        table,
        url,
        params,
        (row) =>
          row.customer === (params.customer ?? row.customer) &&
          row.payment_method === (params.payment_method ?? row.payment_method) &&
          isWithin(row.created, params.created),
      ),
  ),
  endpoint(
    'GET',
    `${url}/:id`,
    z.strictObject({ client_secret: text.optional() }),
    ({ world, ids }) => needed(world, ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) =>
    update(world, needed(world, ids['id']), params),
  ),
  endpoint('POST', `${url}/:id/confirm`, confirmParams, ({ world, params, ids }) => {
    const intent = needed(world, ids['id']);
    const given = params.payment_method ?? methodFromData(world, params.payment_method_data)?.id;
    const ready = { ...intent, _return_url: params.return_url ?? intent._return_url ?? null };
    return confirmSetup(world, ready, given ?? null);
  }),
  endpoint(
    'POST',
    `${url}/:id/cancel`,
    z.strictObject({
      cancellation_reason: z.enum(['abandoned', 'duplicate', 'requested_by_customer']).optional(),
    }),
    ({ world, params, ids }) =>
      cancelSetup(world, needed(world, ids['id']), params.cancellation_reason ?? null),
  ),
];
