// The routes of route policies: for operators only.
import { z } from 'zod';
import {
  createRoutePolicy,
  deleteRoutePolicy,
  getRoutePolicy,
  listRoutePolicies,
  replaceRoutePolicy,
} from '../../actions/route-policy.ts';
import { route } from '../route.ts';
import { id, list, pageQuery } from '../schema/common.ts';
import { routePolicyInput, routePolicyView } from '../schema/route-policy.ts';

const params = z.object({ id: id('rp') });

export const routePolicyRoutes = [
  route({
    method: 'GET',
    path: '/route-policies',
    tag: 'route policy',
    summary: 'List route policies',
    who: ['operator'],
    query: z.strictObject(pageQuery),
    status: 200,
    answer: list(routePolicyView),
    handle: async ({ ctx, query }) => ({ body: await listRoutePolicies(ctx, query) }),
  }),
  route({
    method: 'POST',
    path: '/route-policies',
    tag: 'route policy',
    summary: 'Create a route policy',
    who: ['operator'],
    body: routePolicyInput,
    status: 201,
    answer: routePolicyView,
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
    answer: routePolicyView,
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
    body: routePolicyInput,
    status: 200,
    answer: routePolicyView,
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
