// /v1/charges (https://docs.stripe.com/api/charges): what intents left behind, and charges of the
// old kind made straight from a token or a card on file.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  clearable,
  created,
  currency,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { cardByNumber } from '../billing/card.ts';
import { captureCharge } from '../billing/capture.ts';
import { addCharge, type ChargeFacts } from '../billing/charge.ts';
import { disputeIfAsked } from '../billing/payment.ts';
import { cardError, methodByIdOrMagic } from '../billing/payment-method.ts';
import { makeOldMethod, takeToken } from '../billing/token.ts';
import { announce, change } from '../delivery/event.ts';
import { showSource } from '../shape/source.ts';
import type { Charge, PaymentMethod } from '../store/entity-payment.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';

const url = '/v1/charges';
const positive = int.refine((n) => n > 0, 'Invalid positive integer');
const loose = z.looseObject({}).optional();
const createParams = z.strictObject({
  amount: positive,
  currency,
  capture: bool.optional(),
  customer: text.optional(),
  description: clearable(text).optional(),
  metadata: metadata.optional(),
  receipt_email: text.optional(),
  shipping: loose,
  source: text.optional(),
  statement_descriptor: z.string().max(22).optional(),
  statement_descriptor_suffix: z.string().max(22).optional(),
  transfer_group: text.optional(),
});
const updateParams = z.strictObject({
  customer: text.optional(),
  description: clearable(text).optional(),
  fraud_details: z.strictObject({ user_report: z.enum(['fraudulent', 'safe']) }).optional(),
  metadata: metadata.optional(),
  receipt_email: text.optional(),
  shipping: loose,
  transfer_group: text.optional(),
});
const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  payment_intent: text.optional(),
  transfer_group: text.optional(),
});

type Asked = z.output<typeof createParams>;

const create = (world: World, asked: Asked): Charge => {
  const customer = asked.customer === undefined ? null : findCustomer(world, asked.customer);
  const method = payer(world, customer, asked.source);
  const about = {
    id: null,
    amount: asked.amount,
    currency: asked.currency,
    customer: customer?.id ?? null,
  };
  const said = {
    metadata: mergeMetadata({}, asked.metadata),
    description: asked.description ?? null,
    source: method._is_source === true ? showSource(method) : null,
  };
  const { attach, charge: decline = attach } = cardByNumber(method._number);
  if (decline !== undefined) {
    const failure = { failure_code: decline.code, failure_message: decline.message };
    const failed = addCharge(world, about, method, {
      status: 'failed',
      decline,
      ...failure,
      ...said,
    });
    announce(world, 'charge.failed', failed);
    throw cardError(decline, { charge: failed.id });
  }
  const held: Partial<ChargeFacts> =
    asked.capture === false ? { captured: false, amount_captured: 0 } : {};
  const made = addCharge(world, about, method, { status: 'succeeded', ...said, ...held });
  announce(world, 'charge.succeeded', made);
  if (asked.capture !== false) disputeIfAsked(world, made, method);
  return made;
};

/** A token, a card on file, or the customer's first one. */
const payer = (
  world: World,
  customer: Customer | null,
  source: string | undefined,
): PaymentMethod => {
  const id = source ?? customer?.default_source ?? undefined;
  if (id === undefined) {
    throw customer === null
      ? invalid('Must provide source or customer.', { code: 'parameter_missing' })
      : invalid('Cannot charge a customer that has no active card', {
          param: 'card',
          code: 'missing',
        });
  }
  const method = id.startsWith('tok_')
    ? makeOldMethod(world, takeToken(world, id, 'source'))
    : methodByIdOrMagic(world, id, 'source');
  if (method.customer === null || method.customer === customer?.id) return method;
  throw invalid(`Customer ${customer?.id ?? ''} does not have a linked source with ID ${id}.`, {
    param: 'source',
    code: 'missing',
  });
};

const update = (world: World, charge: Charge, asked: z.output<typeof updateParams>): Charge => {
  const { metadata: changes, ...rest } = asked;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return change(
    world,
    'charge',
    charge.id,
    { ...given, metadata: mergeMetadata(charge.metadata, changes) },
    'charge.updated',
  );
};

const capture = (world: World, charge: Charge, amount: number | undefined): Charge => {
  if (charge.payment_intent !== null) {
    throw invalid(
      'This Charge could not be captured because it belongs to a PaymentIntent. Capture the PaymentIntent instead.',
      { code: 'payment_intent_unexpected_state' },
    );
  }
  return captureCharge(world, charge, amount ?? charge.amount);
};

export const chargeEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'charge',
      url,
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) &&
        row.payment_intent === (params.payment_intent ?? row.payment_intent) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, 'charge', ids['id']),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) =>
    update(world, find(world, 'charge', ids['id']), params),
  ),
  endpoint(
    'POST',
    `${url}/:id/capture`,
    z.strictObject({ amount: positive.optional(), receipt_email: text.optional() }),
    ({ world, params, ids }) => capture(world, find(world, 'charge', ids['id']), params.amount),
  ),
];
