// What the gateway's paths look like, for the documentation alone: they are answered ahead of Express. The
// headers each form reads are told in words, since everything else about them is in the path.
import { z } from 'zod';
import type { Operation } from './route.ts';
import { id, instantView } from './schema/common.ts';
import { featureName } from './schema/plan.ts';

const checkMax = 100;

const allowed = z.object({ allowed: z.literal(true), status: z.literal(200) }).loose();

const limitView = z.object({
  feature: z.string().meta({ description: 'The feature, or the pool' }),
  scope: z.enum(['feature', 'pool', 'key']),
  window: z.string(),
  max: z.int(),
  used: z.int().nullable(),
  remaining: z.int().nullable(),
  resets_at: instantView.nullable(),
});
const decision = z
  .object({
    allowed: z.boolean(),
    status: z.int(),
    code: z.string().nullable(),
    decision_id: z.string(),
    limits: z.array(limitView).optional(),
  })
  .loose();

const caller = {
  api_key: z.string().max(256).optional(),
  customer_id: id('cus').optional(),
};
const check = z.union([
  z.strictObject({
    ...caller,
    method: z.string().min(1).max(32),
    path: z.string().min(1).max(8192),
  }),
  z.strictObject({ ...caller, feature: featureName, cost: z.int().min(0).optional() }),
]);

const form = (path: string, summary: string, params?: z.ZodType): Operation => ({
  method: 'GET',
  path,
  tag: 'check',
  summary,
  who: ['gateway'],
  status: 200,
  answer: allowed,
  ...(params ? { params } : {}),
});

export const gatewayOperations: Operation[] = [
  form('/entitlements', 'Decide the call in X-Forwarded-Method and X-Forwarded-Uri'),
  form(
    '/entitlements/nginx',
    'Decide the call in X-Original-Method and X-Original-URI, for auth_request',
  ),
  form(
    '/entitlements/ingress-nginx',
    'Decide the call in X-Original-Method and X-Original-URL, for auth_request',
  ),
  form(
    '/entitlements/ext-authz/:path',
    'Decide the call of this very method and path, after the prefix',
    z.object({ path: z.string() }),
  ),
  form(
    '/entitlements/features/:feature',
    'Decide one unit of a feature',
    z.object({ feature: featureName }),
  ),
  form(
    '/entitlements/features/:feature/:cost',
    'Decide some units of a feature',
    z.object({ feature: featureName, cost: z.string().regex(/^(0|[1-9]\d{0,14})$/) }),
  ),
  {
    method: 'POST',
    path: '/entitlements/check',
    tag: 'check',
    summary: 'Decide the call in the body; the answer is 200 with the decision as data',
    who: ['gateway'],
    body: check,
    status: 200,
    answer: decision,
  },
  {
    method: 'POST',
    path: '/entitlements/batch',
    tag: 'check',
    summary: 'Decide up to 100 calls, in order',
    who: ['gateway'],
    body: z.strictObject({ checks: z.array(check).min(1).max(checkMax) }),
    status: 200,
    answer: z.object({ data: z.array(decision) }),
  },
];
