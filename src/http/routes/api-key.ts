// The routes of API keys: for customers and, in their name, operators.
import { z } from 'zod';
import { createApiKey, listApiKeys, revokeApiKey, rotateApiKey } from '../../actions/api-key.ts';
import { route } from '../route.ts';
import { featureName, namePattern, windowKind } from '../schema/plan.ts';
import { id, instant, instantView, list, pageQuery, text } from '../schema/common.ts';

const scopesMax = 50;
const capsMax = 20;
const overlapSecondsMax = 2_592_000;

const params = z.object({ id: id('key') });

const scopes = z
  .array(
    z
      .string()
      .regex(
        new RegExp(`^(?:call|manage|call:${namePattern})$`),
        'must be call, call:{feature} or manage',
      ),
  )
  .min(1)
  .max(scopesMax)
  .refine((all) => new Set(all).size === all.length, 'may name a scope only once')
  .meta({ examples: [['call']] });

const cap = z.strictObject({
  feature: featureName.meta({ description: 'A feature or a pool' }),
  window: windowKind,
  max: z.int().min(0),
});

const input = z.strictObject({
  customer_id: id('cus')
    .optional()
    .meta({ description: 'Needed from an operator; a customer means itself' }),
  name: text(250).nullable().default(null),
  scopes: scopes.default(['call']),
  caps: z
    .array(cap)
    .max(capsMax)
    .refine(
      (caps) =>
        new Set(caps.map(({ feature, window }) => `${feature} ${window}`)).size === caps.length,
      'may name a feature and window only once',
    )
    .default([])
    .meta({ description: "What this key alone may use of the customer's limits" }),
  expires_at: instant.nullable().default(null),
});

const view = z.object({
  id: z.string(),
  customer_id: z.string(),
  name: z.string().nullable(),
  prefix: z.string(),
  last4: z.string(),
  scopes: z.array(z.string()),
  caps: z.array(cap),
  expires_at: instantView.nullable(),
  revoked_at: instantView.nullable(),
  last_used_at: instantView.nullable(),
  created_at: instantView,
});
const viewOnce = view.extend({ key: z.string().meta({ description: 'Shown this once' }) });

export const apiKeyRoutes = [
  route({
    method: 'GET',
    path: '/keys',
    tag: 'key',
    summary: 'List keys',
    who: ['customer', 'operator'],
    query: z.strictObject({ ...pageQuery, customer_id: id('cus').optional() }),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, caller, query }) => ({ body: await listApiKeys(ctx, caller, query) }),
  }),
  route({
    method: 'POST',
    path: '/keys',
    tag: 'key',
    summary: 'Create a key; it is shown once',
    who: ['customer', 'operator'],
    body: input,
    status: 201,
    answer: viewOnce,
    errors: ['not_found'],
    secret: true,
    handle: async ({ ctx, caller, body }) => ({ body: await createApiKey(ctx, caller, body) }),
  }),
  route({
    method: 'POST',
    path: '/keys/:id/rotation',
    tag: 'key',
    summary: 'Replace a key by a new one; the old one may overlap',
    who: ['customer', 'operator'],
    params,
    body: z.strictObject({ overlap_seconds: z.int().min(0).max(overlapSecondsMax).default(0) }),
    status: 201,
    answer: viewOnce,
    errors: ['not_found', 'invalid_state'],
    secret: true,
    handle: async ({ ctx, caller, params, body }) => ({
      body: await rotateApiKey(ctx, caller, {
        id: params.id,
        overlapSeconds: body.overlap_seconds,
      }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/keys/:id',
    tag: 'key',
    summary: 'Revoke a key; again: the same answer',
    who: ['customer', 'operator'],
    params,
    status: 204,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => {
      await revokeApiKey(ctx, caller, params.id);
      return {};
    },
  }),
];
