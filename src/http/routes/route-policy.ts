// The routes of route policies: for operators only.
import { z } from 'zod';
import {
  createRoutePolicy,
  deleteRoutePolicy,
  getRoutePolicy,
  listRoutePolicies,
  replaceRoutePolicy,
} from '../../actions/route-policy.ts';
import { describePathFault, methods } from '../../domain/route-policy.ts';
import { route } from '../route.ts';
import { id, list, pageQuery } from '../schema/common.ts';
import { featureName } from '../schema/plan.ts';

const costMax = 1_000_000;
const staleSecondsMax = 604_800;

const params = z.object({ id: id('rp') });

const path = z
  .string()
  .max(2048)
  .superRefine((value, at) => {
    const fault = describePathFault(value);
    if (fault) at.addIssue({ code: 'custom', message: fault });
  })
  .meta({ examples: ['/reports/:id', '/files/*'] });

const fields = {
  method: z.enum(methods),
  path,
  access: z.enum(['free', 'key', 'subscription', 'feature', 'deny']),
  feature: featureName.nullable(),
  cost: z.int().min(0).max(costMax),
  read_only: z.boolean(),
  when_down: z.enum(['closed', 'open']),
  max_stale_seconds: z.int().min(0).max(staleSecondsMax),
};

const input = z
  .strictObject({
    ...fields,
    feature: fields.feature.default(null),
    cost: fields.cost.default(1),
    read_only: fields.read_only.default(false),
    when_down: fields.when_down.default('closed'),
    max_stale_seconds: fields.max_stale_seconds.default(300),
  })
  .refine(({ access, feature }) => (access === 'feature') === (feature !== null), {
    path: ['feature'],
    error: 'must be named exactly when access is "feature"',
  });

const view = z.object({ id: z.string(), ...fields });

export const routePolicyRoutes = [
  route({
    method: 'GET',
    path: '/route-policies',
    tag: 'route policy',
    summary: 'List route policies',
    who: ['operator'],
    query: z.strictObject(pageQuery),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, query }) => ({ body: await listRoutePolicies(ctx, query) }),
  }),
  route({
    method: 'POST',
    path: '/route-policies',
    tag: 'route policy',
    summary: 'Create a route policy',
    who: ['operator'],
    body: input,
    status: 201,
    answer: view,
    errors: ['route_conflict'],
    handle: async ({ ctx, caller, body }) => ({ body: await createRoutePolicy(ctx, caller, body) }),
  }),
  route({
    method: 'GET',
    path: '/route-policies/:id',
    tag: 'route policy',
    summary: 'Read a route policy',
    who: ['operator'],
    params,
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx, params }) => ({ body: await getRoutePolicy(ctx, params.id) }),
  }),
  route({
    method: 'PUT',
    path: '/route-policies/:id',
    tag: 'route policy',
    summary: 'Replace a route policy as a whole',
    who: ['operator'],
    params,
    body: input,
    status: 200,
    answer: view,
    errors: ['not_found', 'route_conflict'],
    handle: async ({ ctx, caller, params, body }) => ({
      body: await replaceRoutePolicy(ctx, caller, { id: params.id, policy: body }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/route-policies/:id',
    tag: 'route policy',
    summary: 'Delete a route policy; again: the same answer',
    who: ['operator'],
    params,
    status: 204,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => {
      await deleteRoutePolicy(ctx, caller, params.id);
      return {};
    },
  }),
];
