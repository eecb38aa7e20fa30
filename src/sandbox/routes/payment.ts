// /v1/payment_intents, /v1/charges and /v1/refunds: payments as invoices make them, to be read,
// confirmed and refunded (https://docs.stripe.com/api/payment_intents).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  created,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { applyOutcome } from '../billing/invoice-collect.ts';
import { attempt } from '../billing/payment.ts';
import { attach, cardError, methodByIdOrMagic } from '../billing/payment-method.ts';
import { add, announce, change } from '../delivery/event.ts';
import { render } from '../shape/render.ts';
import type { Charge, PaymentIntent, Refund } from '../store/entity-payment.ts';
import { newId, nowOn, type World } from '../world.ts';

const confirmParams = z.strictObject({
  payment_method: text.optional(),
  off_session: bool.optional(),
  return_url: text.optional(),
  mandate_data: z.looseObject({}).optional(),
});
const listParams = z.strictObject({ ...paging, created, customer: text.optional() });

const confirm = (
  world: World,
  intent: PaymentIntent,
  params: z.output<typeof confirmParams>,
): PaymentIntent => {
  if (['succeeded', 'canceled', 'processing'].includes(intent.status)) {
    throw invalid(
      `You cannot confirm this PaymentIntent because it has a status of ${intent.status}.`,
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const id = params.payment_method ?? intent.payment_method ?? fallback(world, intent);
  if (id === null) {
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
      { code: 'payment_intent_unexpected_state' },
    );
  }
  const method = methodByIdOrMagic(world, id);
  if (intent.customer !== null && method.customer === null) {
    attach(world, method, world.store.need('customer', intent.customer));
  }
  const outcome = attempt(world, intent, method, params.off_session === true ? 'off' : 'on');
  if (intent._invoice !== null) {
    applyOutcome(world, world.store.need('invoice', intent._invoice), outcome, 'person', method);
  }
  if (outcome.kind === 'failed') {
    throw cardError(outcome.decline, { payment_intent: render(world, outcome.intent) });
  }
  return world.store.need('payment_intent', intent.id);
};

const fallback = (world: World, intent: PaymentIntent): string | null =>
  intent.customer === null
    ? null
    : world.store.need('customer', intent.customer).invoice_settings.default_payment_method;

const refundParams = z.strictObject({
  amount: int.refine((n) => n > 0, 'Invalid positive integer').optional(),
  charge: text.optional(),
  payment_intent: text.optional(),
  metadata: metadata.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
});

const refund = (world: World, params: z.output<typeof refundParams>): Refund => {
  const charge = chargeOf(world, params);
  const left = charge.amount - charge.amount_refunded;
  const amount = params.amount ?? left;
  if (charge.status !== 'succeeded' || charge.refunded) {
    throw invalid(`Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (amount > left)
    throw invalid(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
      { param: 'amount' },
    );
  const clock =
    charge.customer === null ? null : world.store.need('customer', charge.customer).test_clock;
  const made = add(
    world,
    'refund',
    {
      id: newId('re'),
      object: 'refund',
      amount,
      charge: charge.id,
      created: nowOn(world, clock),
      currency: charge.currency,
      metadata: mergeMetadata({}, params.metadata),
      payment_intent: charge.payment_intent,
      ...{ reason: params.reason ?? null },
    },
    'refund.created',
  );
  const refunded = world.store.update('charge', charge.id, {
    amount_refunded: charge.amount_refunded + amount,
    refunded: charge.amount_refunded + amount === charge.amount,
  });
  announce(world, 'charge.refunded', refunded);
  return made;
};

const chargeOf = (world: World, params: z.output<typeof refundParams>): Charge => {
  if (params.charge !== undefined) return find(world, 'charge', params.charge, 'charge');
  const intent = find(world, 'payment_intent', params.payment_intent, 'payment_intent');
  return find(world, 'charge', intent.latest_charge ?? '', 'charge');
};

export const paymentEndpoints: Endpoint[] = [
  endpoint('GET', '/v1/payment_intents', listParams, ({ world, params }) =>
    page(
      world,
      'payment_intent',
      '/v1/payment_intents',
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) && isWithin(row.created, params.created),
    ),
  ),
  endpoint(
    'GET',
    '/v1/payment_intents/:id',
    z.strictObject({ client_secret: text.optional() }),
    ({ world, ids }) => find(world, 'payment_intent', ids['id'], 'intent'),
  ),
  endpoint(
    'POST',
    '/v1/payment_intents/:id',
    z.strictObject({ metadata: metadata.optional(), description: text.optional() }),
    ({ world, params, ids }) => {
      const intent = find(world, 'payment_intent', ids['id'], 'intent');
      return change(world, 'payment_intent', intent.id, {
        metadata: mergeMetadata(intent.metadata, params.metadata),
      });
    },
  ),
  endpoint('POST', '/v1/payment_intents/:id/confirm', confirmParams, ({ world, params, ids }) =>
    confirm(world, find(world, 'payment_intent', ids['id'], 'intent'), params),
  ),
  endpoint(
    'GET',
    '/v1/charges',
    z.strictObject({
      ...paging,
      created,
      customer: text.optional(),
      payment_intent: text.optional(),
    }),
    ({ world, params }) =>
      page(
        world,
        'charge',
        '/v1/charges',
        params,
        (row) =>
          row.customer === (params.customer ?? row.customer) &&
          row.payment_intent === (params.payment_intent ?? row.payment_intent) &&
          isWithin(row.created, params.created),
      ),
  ),
  endpoint('GET', '/v1/charges/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'charge', ids['id']),
  ),
  endpoint('POST', '/v1/refunds', refundParams, ({ world, params }) => refund(world, params)),
  endpoint(
    'GET',
    '/v1/refunds',
    z.strictObject({
      ...paging,
      charge: text.optional(),
      payment_intent: text.optional(),
      created,
    }),
    ({ world, params }) =>
      page(
        world,
        'refund',
        '/v1/refunds',
        params,
        (row) =>
          row.charge === (params.charge ?? row.charge) &&
          row.payment_intent === (params.payment_intent ?? row.payment_intent),
      ),
  ),
  endpoint('GET', '/v1/refunds/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'refund', ids['id']),
  ),
];
