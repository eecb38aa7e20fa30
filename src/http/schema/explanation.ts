// What an explanation looks like on the wire, and what is asked for one.
import { z } from 'zod';
import { denials } from '../../domain/denial.ts';
import { id, instantView } from './common.ts';
import { featureName, windowKind } from './plan.ts';

const unitsMax = 1_000_000_000;

const named = ['api_key', 'key_id', 'customer_id'] as const;

export const explanationCreate = z
  .strictObject({
    api_key: z.string().min(1).max(256).optional().meta({ description: 'Never shown again' }),
    key_id: id('key').optional(),
    customer_id: id('cus').optional(),
    method: z.string().min(1).max(32).optional(),
    path: z
      .string()
      .min(1)
      .max(8_192)
      .optional()
      .meta({ description: 'As the client sent it, with its query' }),
    feature: featureName.optional(),
    units: z.int().min(0).max(unitsMax).optional().meta({ description: 'Of the feature; 1 unless given' }),
  })
  .refine((given) => named.filter((name) => given[name] !== undefined).length <= 1, {
    path: ['customer_id'],
    error: 'name an api_key, a key_id or a customer_id, or none of them',
  })
  .refine(
    ({ feature, method, path }) =>
      feature === undefined
        ? method !== undefined && path !== undefined
        : method === undefined && path === undefined,
    { path: ['feature'], error: 'name a feature, or a method and a path' },
  )
  .refine(({ feature, units }) => feature !== undefined || units === undefined, {
    path: ['units'],
    error: 'goes with a feature; a route policy names its own cost',
  }); // prettier-ignore

const sentence = z.string();
const nullableInstant = instantView.nullable();
const code = z.enum(Object.keys(denials) as [string, ...string[]]).nullable();
const access = z.enum(['free', 'key', 'subscription', 'feature', 'deny']);
const happened = z.object({ id: z.string(), type: z.string(), at: instantView }).nullable();

const beaten = z.object({
  id: z.string(),
  method: z.string(),
  path: z.string(),
  access,
  feature: z.string().nullable(),
  why: z.enum(['segment', 'method']),
  sentence,
});

const policy = z.object({
  source: z.enum(['route_policy', 'default_access', 'preflight', 'feature']),
  id: z.string().nullable(),
  method: z.string().nullable(),
  path: z.string().nullable(),
  access,
  feature: z.string().nullable(),
  cost: z.int(),
  read_only: z.boolean(),
  sentence,
});

const footing = z.object({
  by: z.enum(['subscription', 'default_plan', 'none']),
  access: z.enum(['full', 'warn', 'read_only', 'deny']),
  code,
  plan: z.string().nullable(),
  plan_version: z.int().nullable(),
  subscription_id: z.string().nullable(),
  status: z.string().nullable(),
  ladder: z
    .object({
      past_due_since: instantView,
      step: z.enum(['full', 'warn', 'read_only', 'deny', 'cancel']),
      after_hours: z.number(),
      next_step: z.enum(['full', 'warn', 'read_only', 'deny', 'cancel']).nullable(),
      next_at: nullableInstant,
    })
    .nullable(),
  period_start: instantView,
  period_end: instantView,
  holds_until: nullableInstant.meta({ description: 'Time alone changes nothing before' }),
  sentence,
});

const limit = z.object({
  feature: z.string().meta({ description: 'The feature, or the pool' }),
  scope: z.enum(['feature', 'pool', 'key']),
  window: windowKind,
  max: z.int(),
  ceiling: z.int().nullable().meta({ description: 'Max and what may be bought beyond it' }),
  used: z.int().meta({ description: 'Before the call' }),
  held: z.int(),
  remaining: z.int().nullable(),
  resets_at: instantView,
  takes: z.int().meta({ description: 'Units that the call takes of it' }),
  source: z.enum(['plan', 'override', 'key_cap']),
  ceiling_source: z.enum(['max', 'spend_cap', 'none']),
  refuses: z.boolean(),
  sentence,
});

const flip = z.object({
  changes: z
    .array(z.object({ kind: z.string(), sentence }).loose())
    .meta({ description: 'In this order; the members depend on the kind' }),
  by: z.enum(['customer', 'operator', 'time']).meta({ description: 'Who must act' }),
  allowed: z.boolean(),
  code,
  sentence,
});

export const explanationView = z.object({
  sentence,
  allowed: z.boolean(),
  status: z.int(),
  code,
  rule: z.object({ name: z.string(), sentence }),
  call: z.object({
    method: z.string().nullable(),
    path: z.string().nullable(),
    feature: z.string().nullable(),
    units: z.int(),
  }),
  policy: policy.nullable(),
  beaten: z.array(beaten),
  key: z
    .object({
      id: z.string(),
      scopes: z.array(z.string()),
      expires_at: nullableInstant,
      revoked_at: nullableInstant,
      sentence,
    })
    .nullable(),
  customer_id: z.string().nullable(),
  footing: footing.nullable(),
  state_source: z
    .object({
      stripe_subscription_id: z.string().nullable(),
      stripe_event: happened,
      change: happened,
      sentence,
    })
    .nullable(),
  limits: z.array(limit),
  facts: z.object({ as_of: instantView, age_ms: z.int(), degraded: z.boolean(), sentence }),
  flips: z.array(flip).meta({ description: 'What would have given the other answer' }),
  no_flip: z.string().nullable().meta({ description: 'Why there is none' }),
  decided_at: instantView,
});
