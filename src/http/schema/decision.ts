// What decisions look like on the wire, how they are asked for, and how they are counted.
import { z } from 'zod';
import { denials } from '../../domain/denial.ts';
import { id, instant, instantView, pageQuery } from './common.ts';
import { explanationView } from './explanation.ts';
import { windowKind } from './plan.ts';

const code = z.enum(Object.keys(denials) as [string, ...string[]]);
const count = z.int().min(0);

export const decisionQuery = z.strictObject({
  limit: pageQuery.limit,
  cursor: z
    .string()
    .max(128)
    .optional()
    .meta({ description: 'The `next_cursor` of the page before' }),
  customer: id('cus').optional(),
  code: code.optional(),
  allowed: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  route: id('rp').optional().meta({ description: 'The id of a route policy' }),
  since: instant.optional().meta({ description: 'Business time, from then on' }),
  until: instant.optional().meta({ description: 'Business time, before then' }),
});

const limit = z.object({
  feature: z.string().meta({ description: 'The feature, or the pool' }),
  scope: z.enum(['feature', 'pool', 'key']),
  window: windowKind,
  max: z.int(),
  used: z.int().nullable().meta({ description: 'This call included where it passed' }),
  held: z.int().nullable(),
  remaining: z.int().nullable(),
  resets_at: instantView,
  refused: z.boolean(),
});

/** As lists show it. */
export const kept = z.object({
  id: z.string(),
  at: instantView.meta({ description: 'Business time' }),
  allowed: z.boolean(),
  status: z.int(),
  code: code.nullable(),
  access: z.enum(['full', 'warn', 'read_only', 'degraded']).nullable(),
  rule: z.string().nullable().meta({ description: 'The rule of the order of checks that decided' }),
  customer_id: z.string().nullable(),
  api_key_id: z.string().nullable(),
  plan: z.string().nullable(),
  plan_version: z.int().nullable(),
  subscription_id: z.string().nullable(),
  method: z.string().nullable(),
  path: z.string().nullable().meta({ description: 'As matched: without the query' }),
  route_policy_id: z.string().nullable(),
  feature: z.string().nullable(),
  cost: z.int(),
  limits: z.array(limit),
  degraded: z.boolean(),
  facts_age_ms: z.int(),
  data_as_of: instantView,
});

export const decisionView = kept.extend({
  explanation: explanationView
    .nullable()
    .meta({ description: 'Null where no rules were known yet, or the gateway was not' }),
});

export const statsQuery = z.strictObject({
  bucket: z
    .enum(['minute', 'hour', 'day'])
    .default('hour')
    .meta({ description: 'At most 1440 minutes, 744 hours or 400 days; UTC' }),
  since: instant
    .optional()
    .meta({ description: 'An hour, a day or thirty days before until, unless given' }),
  until: instant.optional().meta({ description: 'Now, unless given' }),
});

const sums = { checks: count, allowed: count, denied: count, unverifiable: count };

export const decisionStats = z.object({
  bucket: z.enum(['minute', 'hour', 'day']),
  since: instantView,
  until: instantView,
  totals: z.object({
    ...sums,
    dropped: count.meta({ description: 'Were to be kept and were not' }),
  }),
  buckets: z.array(
    z.object({ start: instantView, ...sums, dropped: count, codes: z.record(z.string(), count) }),
  ),
  codes: z.array(z.object({ code, status: z.int(), checks: count })),
  routes: z
    .array(
      z.object({
        route_policy_id: z.string().nullable(),
        method: z.string().nullable(),
        path: z.string().nullable(),
        ...sums,
      }),
    )
    .meta({ description: 'The hundred busiest; null: no policy named the call; *: the rest' }),
  plans: z.array(z.object({ plan: z.string().nullable(), ...sums })),
  near_limits: z
    .array(
      z.object({
        customer_id: z.string(),
        plan: z.string(),
        feature: z.string(),
        scope: z.enum(['feature', 'pool', 'key']),
        window: windowKind,
        max: z.int(),
        used: z.int(),
        share: z.number(),
        resets_at: instantView,
      }),
    )
    .meta({ description: 'Four fifths or more of a limit by the day or longer, now' }),
  payments: z
    .object({
      customers: count,
      paid: count,
      waiting: count,
      share: z.number().nullable(),
      median_seconds: z.int().nullable(),
    })
    .meta({ description: 'Customers that were answered 402, and paid an invoice within 24 hours' }),
});
