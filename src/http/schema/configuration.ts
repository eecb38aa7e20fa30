// What the configuration as a whole looks like: as it is written in tollgate.yaml and sent, and what a preview and an
// apply answer. Made of the schemas of the single nouns, so that a plan here is what POST /plans takes.
import { z } from 'zod';
import { findingsMax } from '../../domain/audit/audit.ts';
import { findingCodes } from '../../domain/audit/finding.ts';
import { describeConfigurationFaults } from '../../domain/configuration/configuration.ts';
import { ladder, planCreate } from './plan.ts';
import { routePolicyInput } from './route-policy.ts';
import { settingChange, settingView } from './setting.ts';

export const plansMax = 200;
export const routePoliciesMax = 2_000;

/** A plan as POST /plans takes it, and whether it is archived. */
const plan = planCreate.extend({
  archived: z.boolean().default(false).meta({ description: 'No longer offered; nobody loses it' }),
});

const sections = {
  plans: z
    .array(plan)
    .max(plansMax)
    .optional()
    .meta({ description: 'All plans: one that runs and is not named here is archived' }),
  route_policies: z
    .array(routePolicyInput)
    .max(routePoliciesMax)
    .optional()
    .meta({ description: 'All route policies: one that runs and is not named here is removed' }),
  settings: settingChange.optional().meta({ description: 'What is not named here stays as it is' }),
};

/** Each entry for itself: what holds between them is `describeConfigurationFaults`. */
export const configurationSections = z
  .strictObject(sections)
  .meta({ description: 'A section that is left out is left as it is' });

export const configuration = configurationSections.superRefine((written, at) => {
  for (const { pointer, detail } of describeConfigurationFaults(written)) {
    const path = pointer.split('/').slice(1).map((part) => (/^\d+$/.test(part) ? Number(part) : part)); // prettier-ignore
    at.addIssue({ code: 'custom', message: detail, path });
  }
});

export const fingerprint = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the fingerprint of a configuration')
  .meta({ description: 'Of what runs: of GET /configuration, or of a preview' });

/** What runs, whole: a section or setting that could be left out is there. */
export const configurationView = z.object({
  configuration: z.object({
    plans: z.array(plan.extend({ ladder })),
    route_policies: z.array(routePolicyInput),
    settings: settingView,
  }),
  fingerprint,
});

export const configurationPreview = z.strictObject({ configuration });

export const configurationApply = z.strictObject({
  configuration,
  allow_loss: z
    .boolean()
    .default(false)
    .meta({ description: 'Apply it though paying customers lose access by it' }),
  fingerprint: fingerprint
    .optional()
    .meta({ description: 'Refuse (409) unless this is still what runs' }),
});

export const findingView = z.object({
  code: z.enum(findingCodes),
  severity: z.enum(['error', 'warning', 'info']),
  subject: z.string().meta({ description: 'The route, plan, key or address that is meant' }),
  detail: z.string().meta({ description: 'What is the case' }),
  why: z.string().meta({ description: 'Why it matters' }),
  mend: z.string().meta({ description: 'The change that mends it' }),
});

export const effects = [
  'keeps_version',
  'gets_version',
  'no_longer_offered',
  'offered',
  'answer',
  'setting',
] as const;

const touchView = z.object({
  effect: z.enum(effects),
  detail: z.string().meta({ description: 'What changes for them, in a sentence' }),
  customers: z
    .int()
    .nullable()
    .meta({ description: 'How many; null for callers without a key, whom nobody counts' }),
  customer_ids: z.array(z.string()).meta({ description: 'The first twenty of them' }),
});

const changeView = z.object({
  action: z.enum(['create', 'change', 'archive', 'restore', 'remove']),
  object: z.enum(['plan', 'route_policy', 'setting']),
  name: z.string().meta({ description: "The plan's key, the method and path, the setting" }),
  version: z
    .int()
    .nullable()
    .meta({ description: 'The version of the plan that this makes; null: none' }),
  fields: z
    .array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() }))
    .meta({ description: 'What is different, where both are there' }),
  before: z.unknown().meta({ description: 'The whole as it runs; null where it is new' }),
  after: z.unknown().meta({ description: 'The whole as it would be; null where it goes' }),
  touches: z.array(touchView).meta({ description: 'Whom it concerns as soon as it is applied' }),
});

export const lossesView = z.object({
  customers: z.int().meta({ description: 'Paying customers who would lose access' }),
  data: z
    .array(
      z.object({
        plan: z.string().nullable(),
        plan_version: z.int().nullable(),
        status: z.int(),
        code: z.string(),
        calls: z.array(z.string()).meta({ description: 'The first calls that pass now and would not' }),
        customers: z.int(),
        customer_ids: z.array(z.string()).meta({ description: 'The first hundred of them' }),
      }),
    )
    .meta({ description: 'By plan version and answer' }),
  is_complete: z
    .boolean()
    .meta({ description: 'False where there is more than one look can take in' }),
}); // prettier-ignore

/** What would happen. */
const outcome = {
  fingerprint,
  changes: z.array(changeView),
  unchanged: z.object({ plans: z.int(), route_policies: z.int(), settings: z.int() }),
  losses: lossesView,
  findings: z
    .array(findingView)
    .max(findingsMax)
    .meta({ description: 'What an audit finds in the configuration as it would be' }),
};

export const configurationPreviewView = z.object(outcome);

/** What has happened; `fingerprint` is of what runs now. */
export const configurationApplyView = z.object({
  ...outcome,
  applied: z.boolean().meta({ description: 'False where there was nothing to do' }),
});
