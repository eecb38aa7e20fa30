// The routes of overrides, what one customer is granted besides the plan: for operators only.
import { z } from 'zod';
import { deleteOverride, listOverrides, putOverride } from '../../actions/override.ts';
import { route } from '../route.ts';
import { id, instant, instantView, list, text } from '../schema/common.ts';
import { featureName } from '../schema/plan.ts';

const unitsMax = 1_000_000_000_000_000;
const units = z.int().min(0).max(unitsMax).nullable();

const body = z
  .strictObject({
    limit: units.default(null).meta({ description: 'Instead of the max of the limits' }),
    extra: units.default(null).meta({ description: 'On top of the max of the limits' }),
    expires_at: instant
      .nullable()
      .default(null)
      .meta({ description: 'From this instant on it no longer holds' }),
    reason: text(500).nullable().default(null),
  })
  .refine(({ limit, extra }) => (limit === null) !== (extra === null), {
    path: ['limit'],
    error: 'either limit or extra is needed',
  });

const view = z.object({
  customer_id: z.string(),
  feature: z.string(),
  limit: units,
  extra: units,
  expires_at: instantView.nullable(),
  reason: z.string().nullable(),
  created_at: instantView,
});

const customer = z.object({ id: id('cus') });
const params = z.object({ id: id('cus'), feature: featureName });

export const overrideRoutes = [
  route({
    method: 'GET',
    path: '/customers/:id/overrides',
    tag: 'override',
    summary: 'What the customer is granted besides the plan',
    who: ['operator'],
    params: customer,
    status: 200,
    answer: list(view),
    errors: ['not_found'],
    handle: async ({ ctx, params: { id: customerId } }) => ({
      body: await listOverrides(ctx, customerId),
    }),
  }),
  route({
    method: 'PUT',
    path: '/customers/:id/overrides/:feature',
    tag: 'override',
    summary: 'Grant a feature, or more or less of it, until an instant or until taken back',
    who: ['operator'],
    params,
    body,
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params: { id: customerId, feature }, body: input }) => ({
      body: await putOverride(ctx, caller, { customerId, feature, input }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/customers/:id/overrides/:feature',
    tag: 'override',
    summary: 'Take an override back',
    who: ['operator'],
    params,
    status: 204,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params: { id: customerId, feature } }) => {
      await deleteOverride(ctx, caller, { customerId, feature });
      return {};
    },
  }),
];
