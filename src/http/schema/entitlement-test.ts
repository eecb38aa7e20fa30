// What a test of a configuration looks like where it is written: a row of `tests` in tollgate.yaml, or in a file beside it.
import { z } from 'zod';
import type { DenialCode } from '../../domain/denial.ts';
import { denials } from '../../domain/denial.ts';
import { readDuration } from '../../domain/duration.ts';
import type {
  EntitlementTest,
  TestedKey,
  TestedSubscription,
} from '../../domain/entitlement-test.ts';
import { methods } from '../../domain/route-policy.ts';
import { instant, text } from './common.ts';
import { timezone } from './customer.ts';
import { featureName, planKey, windowKind } from './plan.ts';

export const testsMax = 5_000;
/** When a test plays that does not say: any instant would do, but it must always be the same. */
const atDefault = new Date('2026-01-15T12:00:00Z');

const units = z.int().min(0);
const codes = Object.keys(denials) as [DenialCode, ...DenialCode[]];

const duration = z.string().transform((written, at) => {
  const ms = readDuration(written);
  if (ms === null) at.addIssue({ code: 'custom', message: 'must be a time such as 12h or 10d' });
  return ms ?? 0;
});

const statuses = ['trialing', 'active', 'past_due', 'unpaid', 'paused', 'incomplete', 'incomplete_expired', 'canceled'] as const; // prettier-ignore

const subscription = z
  .union([
    z.enum(statuses),
    z.strictObject({
      status: z.enum(statuses).default('active'),
      for: duration.default(0).meta({ description: 'How long it has been so' }),
      paused: z
        .boolean()
        .default(false)
        .meta({ description: 'As by PUT /subscriptions/{id}/pause' }),
      after_trial: z.boolean().default(false).meta({
        description: 'It paused or ended when its trial did',
      }),
    }),
  ])
  .transform((given): TestedSubscription => {
    if (typeof given === 'string') return { status: given, forMs: 0, isPaused: false, isAfterTrial: false }; // prettier-ignore
    const { status, for: forMs, paused: isPaused, after_trial: isAfterTrial } = given;
    return { status, forMs, isPaused, isAfterTrial };
  });

const cap = z.strictObject({
  feature: featureName,
  window: windowKind,
  max: units,
  used: units.default(0),
});

const key = z
  .union([
    z.enum(['valid', 'none', 'unknown', 'expired', 'revoked']),
    z.strictObject({
      scopes: z.array(text(60)).min(1).max(50).default(['call']),
      caps: z.array(cap).max(20).default([]),
    }),
  ])
  .transform((given): TestedKey => {
    if (given === 'none' || given === 'unknown') return { kind: given };
    const { scopes, caps } = typeof given === 'string' ? { scopes: ['call'], caps: [] } : given;
    return {
      kind: 'known',
      scopes,
      caps,
      isExpired: given === 'expired',
      isRevoked: given === 'revoked',
    };
  });

const override = z
  .strictObject({ limit: units.optional(), extra: units.optional() })
  .refine(({ limit, extra }) => (limit === undefined) !== (extra === undefined), {
    error: 'either limit or extra is needed',
  });

const status = z.literal([200, 401, 402, 403, 429, 503], {
  error: 'must be 200, 401, 402, 403, 429 or 503',
});

const expected = z
  .strictObject({
    status: status.optional(),
    code: z.enum(codes).nullable().optional(),
    access: z.enum(['full', 'warn', 'read_only']).optional(),
    feature: featureName.nullable().optional(),
    plan: planKey.nullable().optional(),
    policy: text(2_100).nullable().optional().meta({
      description:
        'The route policy that decides, as in "GET /reports"; null: none, the default access',
    }),
  })
  .refine((answer) => Object.keys(answer).length > 0, { error: 'must say something' });

const call = z
  .string()
  .max(8_300)
  .regex(
    new RegExp(`^(?:${methods.slice(1).join('|')}) /\\S*$`),
    'must be a method and a path, such as GET /v1/status',
  );

/** One row. What it leaves out is the plainest case: a valid key, an active subscription, nothing used. */
export const entitlementTest = z
  .strictObject({
    name: text(200).optional(),
    call: call.optional().meta({ examples: ['GET /v1/status'] }),
    feature: featureName.optional().meta({ description: 'Instead of a call, as gateways may ask' }),
    cost: z.int().min(0).max(1_000_000).optional(),
    plan: planKey.nullable().default(null).meta({ description: 'null: no subscription' }),
    subscription: subscription.optional(),
    key: key.default({
      kind: 'known',
      scopes: ['call'],
      caps: [],
      isExpired: false,
      isRevoked: false,
    }),
    customer: z
      .strictObject({
        blocked: z.boolean().default(false),
        spend_cap: units.nullable().default(null),
        timezone: timezone.default('UTC'),
      })
      .default({ blocked: false, spend_cap: null, timezone: 'UTC' }),
    overrides: z.record(featureName, override).default({}),
    used: z
      .record(featureName, z.union([units, z.partialRecord(windowKind, units)]))
      .default({})
      .meta({ description: 'Units so far of a feature or pool: in every window, or by window' }),
    at: instant.default(atDefault),
    expect: z.union([status, expected]),
  })
  .refine((row) => (row.call === undefined) !== (row.feature === undefined), {
    path: ['call'],
    error: 'either call or feature is needed',
  })
  .refine((row) => row.cost === undefined || row.feature !== undefined, {
    path: ['cost'],
    error: 'goes with feature: a call has the cost of its route policy',
  })
  .refine((row) => row.subscription === undefined || row.plan !== null, {
    path: ['subscription'],
    error: 'needs a plan',
  });

export const entitlementTests = z
  .array(entitlementTest)
  .max(testsMax)
  .meta({ description: 'Calls and the answers they should get: npx tollgate test' });

type Row = z.output<typeof entitlementTest>;

/** The row as the domain has it. */
export function readTest(row: Row): EntitlementTest {
  const { customer, expect, overrides } = row;
  return {
    name: row.name ?? null,
    asked:
      row.call === undefined ? { feature: row.feature!, cost: row.cost ?? 1 } : { call: row.call },
    plan: row.plan,
    subscription: row.subscription ?? {
      status: 'active',
      forMs: 0,
      isPaused: false,
      isAfterTrial: false,
    },
    key: row.key,
    customer: {
      blocked: customer.blocked,
      spendCap: customer.spend_cap,
      timezone: customer.timezone,
    },
    overrides: Object.entries(overrides).map(([feature, { limit = null, extra = null }]) => ({
      feature,
      limit,
      extra,
    })),
    used: row.used,
    at: row.at.getTime(),
    expected: (typeof expect === 'number'
      ? { status: expect }
      : expect) as EntitlementTest['expected'],
  };
}
