// The routes of usage: what was used of the limits that hold now.
import { z } from 'zod';
import { listUsage } from '../../actions/usage.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';

const view = z.object({
  customer_id: z.string(),
  feature: z.string(),
  window: z.enum(['minute', 'hour', 'day', 'month', 'billing_period']),
  max: z.int(),
  used: z.int(),
  remaining: z.int(),
  window_start: instantView,
  resets_at: instantView,
});

export const usageRoutes = [
  route({
    method: 'GET',
    path: '/usage',
    tag: 'usage',
    summary: 'List what is used of each limit; an operator naming nobody pages through customers',
    who: ['customer', 'operator'],
    query: z.strictObject({ ...pageQuery, customer_id: id('cus').optional() }),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, caller, query }) => ({ body: await listUsage(ctx, caller, query) }),
  }),
];
