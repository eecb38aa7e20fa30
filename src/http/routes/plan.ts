// The routes of plans. Anybody may read what is offered; only operators change it.
import { z } from 'zod';
import { changePlan, createPlan, getPlan, listPlans } from '../../actions/plan/plan.ts';
import { route } from '../route.ts';
import { list, pageQuery } from '../schema/common.ts';
import { planChange, planCreate, planKey, planView } from '../schema/plan.ts';

const params = z.object({ key: planKey });

export const planRoutes = [
  route({
    method: 'GET',
    path: '/plans',
    tag: 'plan',
    summary: 'List plans: the public ones, or all for an operator',
    who: ['anyone'],
    query: z.strictObject(pageQuery),
    status: 200,
    answer: list(planView),
    handle: async ({ ctx, caller, query }) => ({ body: await listPlans(ctx, caller, query) }),
  }),
  route({
    method: 'POST',
    path: '/plans',
    tag: 'plan',
    summary: 'Create a plan, with its Product and Price at Stripe',
    who: ['operator'],
    body: planCreate,
    status: 201,
    answer: planView,
    errors: ['plan_exists', 'stripe_unavailable'],
    handle: async ({ ctx, caller, body }) => ({ body: await createPlan(ctx, caller, body) }),
  }),
  route({
    method: 'GET',
    path: '/plans/:key',
    tag: 'plan',
    summary: 'Read a plan',
    who: ['anyone'],
    params,
    status: 200,
    answer: planView,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params: { key } }) => ({ body: await getPlan(ctx, caller, key) }),
  }),
  route({
    method: 'PATCH',
    path: '/plans/:key',
    tag: 'plan',
    summary: 'Change a plan: other content makes a new version, and subscribers keep theirs',
    who: ['operator'],
    params,
    body: planChange,
    status: 200,
    answer: planView,
    errors: ['not_found', 'plan_in_use', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params: { key }, body: change }) => ({
      body: await changePlan(ctx, caller, { key, change }),
    }),
  }),
];
