// /v1/disputes (https://docs.stripe.com/api/disputes).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import { bool, created, isWithin, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { closeDispute, updateDispute } from '../billing/dispute.ts';
import { evidenceKeys } from '../shape/dispute.ts';

const url = '/v1/disputes';
const evidence = z.strictObject(
  Object.fromEntries(evidenceKeys.map((key) => [key, z.string().max(20_000).optional()])),
);
const updateParams = z.strictObject({
  evidence: evidence.optional(),
  metadata: metadata.optional(),
  submit: bool.optional(),
});
const listParams = z.strictObject({
  ...paging,
  charge: text.optional(),
  created,
  payment_intent: text.optional(),
});

export const disputeEndpoints: Endpoint[] = [
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'dispute',
      url,
      params,
      (row) =>
        row.charge === (params.charge ?? row.charge) &&
        row.payment_intent === (params.payment_intent ?? row.payment_intent) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, 'dispute', ids['id'], 'dispute'),
  ),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => {
    const dispute = find(world, 'dispute', ids['id'], 'dispute');
    const given = Object.entries(params.evidence ?? {}).filter(([, value]) => value !== undefined);
    return updateDispute(world, dispute, {
      evidence: Object.fromEntries(given) as Record<string, string>,
      metadata: mergeMetadata(dispute.metadata, params.metadata),
      submits: params.submit ?? Object.keys(params.evidence ?? {}).length > 0,
    });
  }),
  endpoint('POST', `${url}/:id/close`, z.strictObject({}), ({ world, ids }) =>
    closeDispute(world, find(world, 'dispute', ids['id'], 'dispute')),
  ),
];
