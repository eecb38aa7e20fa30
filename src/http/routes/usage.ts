// The routes of usage: what was used of the limits that hold now, and what is told to have been used.
import { z } from 'zod';
import { listUsage } from '../../actions/usage/usage.ts';
import { recordAllUsage } from '../../actions/usage/record.ts';
import { route } from '../route.ts';
import { windowKind } from '../schema/plan.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';
import { usageCreate, usageCreated } from '../schema/usage.ts';

const view = z.object({
  customer_id: z.string(),
  feature: z.string().meta({ description: 'The feature, or the pool' }),
  scope: z.enum(['feature', 'pool', 'key']).meta({ description: "key: a cap of that key's own" }),
  key_id: z.string().nullable(),
  window: windowKind,
  max: z.int().nullable().meta({ description: 'null where nothing limits it' }),
  used: z.int(),
  held: z.int().meta({ description: 'By reservations: not used, but not free' }),
  remaining: z.int().nullable(),
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
  route({
    method: 'POST',
    path: '/usage',
    tag: 'usage',
    summary:
      'Record what was used, one or up to 1000 at once; 200 where all of it was recorded before',
    who: ['gateway', 'operator'],
    changesFacts: false,
    body: usageCreate,
    status: 201,
    answer: usageCreated,
    handle: async ({ ctx, body }) => {
      const { customer_id, api_key } = body;
      const owner = { customer_id, api_key };
      if (!('records' in body)) {
        const [only] = await recordAllUsage(ctx, [{ ...body, pointer: '' }]);
        return { status: only!.status === 'recorded' ? 201 : 200, body: only };
      }
      const records = body.records.map((record, index) => {
        const isNamed = record.customer_id !== undefined || record.api_key !== undefined;
        return { ...(isNamed ? {} : owner), ...record, pointer: `/records/${index}` };
      });
      const data = await recordAllUsage(ctx, records);
      const isNew = data.some(({ status }) => status === 'recorded');
      return { status: isNew ? 201 : 200, body: { data } };
    },
  }),
];
