// The routes of events: for operators, to read what was told.
import { z } from 'zod';
import { getEvent, listEvents } from '../../actions/event/event.ts';
import type { EventType } from '../../domain/event.ts';
import { eventTypes } from '../../domain/event.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';

const types = Object.keys(eventTypes) as [EventType, ...EventType[]];

const view = z.object({
  id: z.string(),
  type: z.string().meta({ examples: ['subscription.updated'] }),
  timestamp: instantView,
  customer_id: z.string(),
  subscription_id: z.string().nullable(),
  sequence: z.int().meta({ description: "Counts the customer's events without a gap" }),
  data: z.record(z.string(), z.unknown()),
});

export const eventRoutes = [
  route({
    method: 'GET',
    path: '/events',
    tag: 'event',
    summary: 'List events, newest first',
    who: ['operator'],
    query: z.strictObject({
      ...pageQuery,
      customer_id: id('cus').optional(),
      type: z.enum(types).optional(),
    }),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, query }) => ({ body: await listEvents(ctx, query) }),
  }),
  route({
    method: 'GET',
    path: '/events/:id',
    tag: 'event',
    summary: 'Read an event',
    who: ['operator'],
    params: z.object({ id: id('evt') }),
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx, params }) => ({ body: await getEvent(ctx, params.id) }),
  }),
];
