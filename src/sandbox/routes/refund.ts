// /v1/refunds (https://docs.stripe.com/api/refunds).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  clearable,
  created,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { refundCharge } from '../billing/refund.ts';
import { announce, change } from '../delivery/event.ts';
import type { Charge } from '../store/entity-payment.ts';
import type { World } from '../world.ts';

const url = '/v1/refunds';
const reasons = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;
const createParams = z.strictObject({
  amount: int.refine((n) => n > 0, 'Invalid positive integer').optional(),
  charge: text.optional(),
  instructions_email: text.optional(),
  metadata: metadata.optional(),
  payment_intent: text.optional(),
  reason: z.enum(reasons).optional(),
});
const listParams = z.strictObject({
  ...paging,
  charge: text.optional(),
  created,
  payment_intent: text.optional(),
});

const chargeOf = (world: World, asked: z.output<typeof createParams>): Charge => {
  if (asked.charge !== undefined) return find(world, 'charge', asked.charge, 'charge');
  if (asked.payment_intent === undefined) {
    throw invalid(
      'One of the following params should be provided for this request: payment_intent or charge.',
      {
        code: 'parameter_missing',
      },
    );
  }
  const intent = find(world, 'payment_intent', asked.payment_intent, 'payment_intent');
  const charge =
    intent.latest_charge === null ? undefined : world.store.get('charge', intent.latest_charge);
  if (charge?.status === 'succeeded') return charge;
  throw invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
    param: 'payment_intent',
  });
};

export const refundEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) =>
    refundCharge(world, chargeOf(world, params), {
      amount: params.amount,
      metadata: mergeMetadata({}, params.metadata),
      reason: params.reason ?? null,
    }),
  ),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'refund',
      url,
      params,
      (row) =>
        row.charge === (params.charge ?? row.charge) &&
        row.payment_intent === (params.payment_intent ?? row.payment_intent) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, 'refund', ids['id']),
  ),
  endpoint(
    'POST',
    `${url}/:id`,
    z.strictObject({ metadata: clearable(metadata).optional() }),
    ({ world, params, ids }) => {
      const refund = find(world, 'refund', ids['id']);
      const patch = { metadata: mergeMetadata(refund.metadata, params.metadata) };
      const updated = change(world, 'refund', refund.id, patch, 'refund.updated');
      announce(world, 'charge.refund.updated', updated);
      return updated;
    },
  ),
  endpoint('POST', `${url}/:id/cancel`, z.strictObject({}), ({ world, ids }) => {
    const refund = find(world, 'refund', ids['id']);
    throw invalid(
      `The refund ${refund.id} cannot be canceled: only a refund that requires action can be.`,
      { code: 'charge_not_refundable' },
    );
  }),
];
