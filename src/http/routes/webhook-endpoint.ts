// The routes of webhook endpoints and their deliveries: for operators only.
import { z } from 'zod';
import { listDeliveries, redeliver } from '../../actions/webhook-endpoint/delivery.ts';
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listEndpoints,
  rotateEndpointSecret,
} from '../../actions/webhook-endpoint/endpoint.ts';
import { eventFilters } from '../../domain/webhook-endpoint.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery, text } from '../schema/common.ts';

const overlapSecondsMax = 2_592_000;
const overlapSecondsDefault = 86_400;
const tag = 'webhook endpoint';
const who = ['operator' as const];
const params = z.object({ id: id('we') });

const fields = {
  url: z
    .url('must be a URL')
    .max(2_000)
    .meta({ examples: ['https://example.com/tollgate'] }),
  description: text(500).nullable(),
  events: z
    .array(z.enum(eventFilters as [string, ...string[]]))
    .max(eventFilters.length)
    .meta({ description: 'Types, or groups such as `subscription.*`; empty: all' }),
};
const input = z.strictObject({
  url: fields.url,
  description: fields.description.default(null),
  events: fields.events.default([]),
});
const change = z.strictObject({ ...fields, enabled: z.boolean() }).partial();

const view = z.object({
  id: z.string(),
  url: z.string(),
  description: z.string().nullable(),
  events: z.array(z.string()),
  enabled: z.boolean(),
  disabled_reason: z.string().nullable(),
  disabled_at: instantView.nullable(),
  created_at: instantView,
});
const viewWithSecret = view.extend({
  secret: z.string().meta({ description: 'whsec_…; shown this once' }),
});

const delivery = z.object({
  id: z.string(),
  event_id: z.string(),
  type: z.string(),
  customer_id: z.string(),
  sequence: z.int(),
  state: z.string().meta({ examples: ['pending', 'delivered', 'failed', 'canceled'] }),
  attempts: z.int(),
  next_attempt_at: instantView.nullable(),
  last_status: z.int().nullable(),
  last_error: z.string().nullable(),
  created_at: instantView,
  delivered_at: instantView.nullable(),
});

export const webhookEndpointRoutes = [
  route({
    method: 'GET',
    path: '/webhook-endpoints',
    tag,
    summary: 'List webhook endpoints',
    who,
    query: z.strictObject(pageQuery),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, query }) => ({ body: await listEndpoints(ctx, query) }),
  }),
  route({
    method: 'POST',
    path: '/webhook-endpoints',
    tag,
    summary: 'Create a webhook endpoint; its secret is shown once',
    who,
    body: input,
    status: 201,
    answer: viewWithSecret,
    errors: ['invalid_state'],
    secret: true,
    changesFacts: false,
    handle: async ({ ctx, caller, body }) => ({ body: await createEndpoint(ctx, caller, body) }),
  }),
  route({
    method: 'GET',
    path: '/webhook-endpoints/:id',
    tag,
    summary: 'Read a webhook endpoint',
    who,
    params,
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx, params }) => ({ body: await getEndpoint(ctx, params.id) }),
  }),
  route({
    method: 'PATCH',
    path: '/webhook-endpoints/:id',
    tag,
    summary: 'Change a webhook endpoint, or switch it off and on',
    who,
    params,
    body: change,
    status: 200,
    answer: view,
    errors: ['not_found'],
    changesFacts: false,
    handle: async ({ ctx, caller, params, body }) => ({
      body: await changeEndpoint(ctx, caller, { id: params.id, change: body }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/webhook-endpoints/:id',
    tag,
    summary: 'Delete a webhook endpoint with its deliveries; again: the same answer',
    who,
    params,
    status: 204,
    changesFacts: false,
    handle: async ({ ctx, caller, params }) => {
      await deleteEndpoint(ctx, caller, params.id);
      return {};
    },
  }),
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/rotation',
    tag,
    summary: 'Another secret; for a while both sign',
    who,
    params,
    body: z.strictObject({
      overlap_seconds: z.int().min(0).max(overlapSecondsMax).default(overlapSecondsDefault),
    }),
    status: 201,
    answer: viewWithSecret,
    errors: ['not_found'],
    secret: true,
    changesFacts: false,
    handle: async ({ ctx, caller, params, body }) => ({
      body: await rotateEndpointSecret(ctx, caller, {
        id: params.id,
        overlapSeconds: body.overlap_seconds,
      }),
    }),
  }),
  route({
    method: 'GET',
    path: '/webhook-endpoints/:id/deliveries',
    tag,
    summary: 'List deliveries, newest first',
    who,
    params,
    query: z.strictObject({
      ...pageQuery,
      state: z.enum(['pending', 'delivered', 'failed', 'canceled']).optional(),
    }),
    status: 200,
    answer: list(delivery),
    errors: ['not_found'],
    handle: async ({ ctx, params, query }) => ({
      body: await listDeliveries(ctx, { ...query, id: params.id }),
    }),
  }),
  route({
    method: 'POST',
    path: '/webhook-endpoints/:id/deliveries',
    tag,
    summary: 'Send an event again, by its id',
    who,
    params,
    body: z.strictObject({ event_id: id('evt') }),
    status: 201,
    answer: delivery,
    errors: ['not_found', 'invalid_state'],
    changesFacts: false,
    handle: async ({ ctx, caller, params, body }) => ({
      body: await redeliver(ctx, caller, { id: params.id, eventId: body.event_id }),
    }),
  }),
];
