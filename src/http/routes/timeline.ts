// The route of a subscription's timeline: for operators only.
import { z } from 'zod';
import { listTimeline } from '../../actions/subscription/timeline.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';

const view = z.object({
  at: instantView,
  kind: z.enum(['stripe_event', 'state', 'notice', 'access']),
  id: z.string(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  field: z.string().nullable().meta({ description: 'What went from one to the other' }),
  type: z.string().meta({ description: 'The type of the event, or the kind of the notice' }),
  code: z.string().nullable().meta({ description: 'Why access is denied' }),
});

export const timelineRoutes = [
  route({
    method: 'GET',
    path: '/subscriptions/:id/timeline',
    tag: 'subscription',
    summary: 'What happened, oldest first: Stripe event, state change, notice, access change',
    who: ['operator'],
    params: z.object({ id: id('sub') }),
    query: z.strictObject({
      limit: pageQuery.limit,
      cursor: z
        .string()
        .max(512)
        .optional()
        .meta({ description: 'The `next_cursor` of the page before' }),
    }),
    status: 200,
    answer: list(view),
    errors: ['not_found'],
    handle: async ({ ctx, caller, params, query }) => ({
      body: await listTimeline(ctx, caller, { ...query, id: params.id }),
    }),
  }),
];
