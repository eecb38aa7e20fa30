// What the settings look like on the wire, and what each may be.
import { z } from 'zod';
import { ladder, planKey } from './plan.ts';

const usageLateSecondsMax = 3_024_000;
/** A year's window, and the usage that may come late for it. */
const usageRetentionDaysMin = 410;
/** Longer than deliveries and payments are tried. */
const eventRetentionDaysMin = 30;
const retentionDaysMax = 3_650;
const share = z.number().min(0).max(1);
const retentionDays = z.int().min(1).max(retentionDaysMax);

/** Each setting by its name. */
export const settingFields = {
  default_access: z.enum(['free', 'key', 'subscription', 'deny']),
  default_plan: planKey.nullable(),
  usage_late_seconds: z
    .int()
    .min(0)
    .max(usageLateSecondsMax)
    .meta({ description: 'How late usage may be recorded; it counts in its own windows' }),
  renewal_notice_days: z
    .int()
    .min(0)
    .max(60)
    .meta({ description: 'How many days before a renewal it is announced; 0: not at all' }),
  usage_alert_thresholds: z
    .array(z.int().min(1).max(1_000))
    .max(10)
    .refine((shares) => shares.every((share, at) => at === 0 || share > shares[at - 1]!), {
      error: 'must rise from one to the next',
    })
    .meta({ description: 'Percent of a limit at which its customer is told; none: nobody is' }),
  payment_retries: z.enum(['stripe', 'tollgate']).meta({
    description:
      "Who tries a declined payment again: Stripe's Smart Retries, or payment_retry_hours",
  }),
  payment_retry_hours: z
    .array(z.int().min(1).max(1_440))
    .max(15)
    .refine((hours) => hours.every((hour, at) => at === 0 || hour > hours[at - 1]!), {
      error: 'must rise from one to the next',
    })
    .meta({
      description: 'Hours after the payment was due; used where payment_retries is tollgate',
    }),
  usage_retention_days: z.int().min(usageRetentionDaysMin).max(retentionDaysMax).meta({
    description:
      'How long the counts of days, months and billing periods are kept, from their start',
  }),
  event_retention_days: z
    .int()
    .min(eventRetentionDaysMin)
    .max(retentionDaysMax)
    .meta({ description: 'How long events, notices and deliveries are kept' }),
  decision_share_allowed: share.meta({
    description: 'Which share of the calls that pass is kept as decisions: 0 none, 1 each',
  }),
  decision_share_denied: share.meta({ description: 'The same of the calls that do not pass' }),
  decision_retention_days: retentionDays.meta({ description: 'How long decisions are kept' }),
  decision_count_retention_days: retentionDays.meta({
    description: 'How long it is kept how many there were, by the hour',
  }),
  default_ladder: ladder.meta({ description: 'The ladder of plans that are made without one' }),
  pause_policy: z
    .enum(['deny', 'serve'])
    .meta({ description: 'What a subscription whose collection is paused gets' }),
  refund_policy: z
    .enum(['keep', 'deny', 'cancel'])
    .meta({ description: 'What a full refund of the current period does' }),
  dispute_policy: z
    .enum(['keep', 'deny'])
    .meta({ description: 'What an open dispute does to access' }),
  duplicate_policy: z
    .enum(['report', 'cancel_newer'])
    .meta({ description: 'What happens to a second live subscription' }),
  open_invoice_policy: z
    .enum(['keep', 'void'])
    .meta({ description: 'What happens to what is owed for a subscription that is over' }),
};

export const settingView = z.object(settingFields);
export const settingChange = z.strictObject(settingFields).partial();
