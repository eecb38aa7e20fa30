// What a customer may use right now, as data for SDKs and portals: with an ETag, so that asking again is cheap.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EntitlementsView } from '../../actions/entitlement.ts';
import { getEntitlements } from '../../actions/entitlement.ts';
import { denials } from '../../domain/denial.ts';
import { route } from '../route.ts';
import { id, instantView } from '../schema/common.ts';

const code = z.enum(Object.keys(denials) as [string, ...string[]]).nullable();

const limitView = z.object({
  window: z.string(),
  pool: z.string().nullable().meta({ description: 'The pool this is a limit of, if it is one' }),
  max: z.int(),
  used: z.int(),
  held: z.int().meta({ description: 'By reservations: not used, but not free' }),
  remaining: z.int(),
  resets_at: instantView,
});

const entitlementView = z.object({
  feature: z.string(),
  allowed: z.boolean(),
  code,
  override: z
    .object({
      limit: z.int().nullable(),
      extra: z.int().nullable(),
      expires_at: instantView.nullable(),
    })
    .nullable()
    .meta({ description: 'What an operator has granted besides the plan, while it holds' }),
  limits: z.array(limitView),
});

const entitlementsView = z.object({
  customer_id: z.string(),
  plan: z.string().nullable(),
  status: z.string().nullable(),
  access: z.enum(['full', 'warn', 'read_only', 'deny']),
  code,
  entitlements: z.array(entitlementView),
  data_as_of: instantView,
});

export const entitlementRoutes = [
  route({
    method: 'GET',
    path: '/customers/:id/entitlements',
    tag: 'entitlement',
    summary: 'What the customer may use right now; 304 where nothing has changed',
    who: ['customer', 'operator'],
    params: z.object({ id: id('cus') }),
    status: 200,
    answer: entitlementsView,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => {
      const body = await getEntitlements(ctx, caller, params.id);
      return { body, headers: { ETag: tagOf(body) } };
    },
  }),
];

/** Over everything but the time of looking: the same state has the same tag. */
function tagOf({ data_as_of: _, ...state }: EntitlementsView): string {
  return `"${createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 22)}"`;
}
