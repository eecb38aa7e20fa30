// The table of jobs: name, how often, what, and on which rows. Each is a file of its own whose name is the job's;
// each asks PostgreSQL what is due, in bounded batches, and may run twice, late or never without harm.
import {
  expiredDecisions,
  expiredEvents,
  expiredIdempotencyRecords,
  expiredLeases,
  expiredSessions,
  expiredUsage,
} from '../src/actions/expired-record.ts';
import { dueKeys } from '../src/actions/api-key-expiry.ts';
import { dueAttempts } from '../src/actions/dunning/attempt.ts';
import { dueSteps } from '../src/actions/dunning/step.ts';
import { dueOverage } from '../src/actions/overage/accrue.ts';
import { dueCharges } from '../src/actions/overage/charge.ts';
import { dueItems } from '../src/actions/overage/item.ts';
import { endedOverrides } from '../src/actions/override-expiry.ts';
import { dueDeliveries } from '../src/actions/webhook-endpoint/deliver.ts';
import { dueNotices } from '../src/actions/notice/deliver.ts';
import { leftPurchases, oldCheckouts, oldFirstPayments } from '../src/actions/purchase/overdue.ts';
import { dueFreeRenewals } from '../src/actions/renewal/free.ts';
import { dueRenewalNotices } from '../src/actions/renewal/notice.ts';
import { dueAccess } from '../src/actions/event/access.ts';
import { dueObjects } from '../src/actions/stripe/object.ts';
import { dueEnds } from '../src/actions/subscription/end.ts';
import {
  overdueCancellations,
  overduePeriods,
  overdueTrials,
} from '../src/actions/subscription/overdue.ts';
import { dueAlerts } from '../src/actions/usage/alert.ts';
import { dueReservations } from '../src/actions/usage/reservation.ts';
import {
  leftInvoices,
  newerSubscriptions,
  refundedSubscriptions,
} from '../src/actions/subscription/policy.ts';
import type { Context } from '../src/context.ts';
import type { DeclaredJob } from '../src/domain/job.ts';
import { alertUsage } from './alert-usage.ts';
import { deliverWebhooks } from './deliver-webhooks.ts';
import { deliverNotices } from './deliver-notices.ts';
import { applyPolicies } from './apply-policies.ts';
import { expireCancellations } from './expire-cancellations.ts';
import { expireCheckouts } from './expire-checkouts.ts';
import { expireDecisions } from './expire-decisions.ts';
import { expireEvents } from './expire-events.ts';
import { expireIdempotency } from './expire-idempotency.ts';
import { expireIncomplete } from './expire-incomplete.ts';
import { expireKeys } from './expire-keys.ts';
import { expireLeases } from './expire-leases.ts';
import { expireOverrides } from './expire-overrides.ts';
import { expireReservations } from './expire-reservations.ts';
import { expireSessions } from './expire-sessions.ts';
import { expireTrials } from './expire-trials.ts';
import { expireUsage } from './expire-usage.ts';
import { followAccess } from './follow-access.ts';
import { processStripeEvent } from './process-stripe-event.ts';
import { reconcile } from './reconcile.ts';
import { renewSubscriptions } from './renew-subscriptions.ts';
import { reportOverage } from './report-overage.ts';
import { retryPayments } from './retry-payments.ts';
import { runDunning } from './run-dunning.ts';

/** Counts of what was done, for the record and the metrics. */
export type JobResult = Record<string, number>;
export type Job = DeclaredJob & { run: (ctx: Context) => Promise<JobResult> };

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** In the order in which one run of all of them makes sense. */
export const jobs: Job[] = [
  { name: 'process-stripe-event', every: 5 * second, run: processStripeEvent, rows: [dueObjects] },
  { name: 'renew-subscriptions', every: minute, run: renewSubscriptions, rows: [overduePeriods, dueFreeRenewals, dueRenewalNotices] },
  { name: 'retry-payments', every: minute, run: retryPayments, rows: [dueAttempts] },
  { name: 'run-dunning', every: minute, run: runDunning, rows: [dueSteps] },
  { name: 'reconcile', every: minute, run: reconcile, rows: [] },
  { name: 'expire-trials', every: minute, run: expireTrials, rows: [overdueTrials] },
  { name: 'expire-cancellations', every: minute, run: expireCancellations, rows: [dueEnds, overdueCancellations] },
  { name: 'expire-incomplete', every: minute, run: expireIncomplete, rows: [leftPurchases, oldFirstPayments] },
  { name: 'expire-checkouts', every: minute, run: expireCheckouts, rows: [oldCheckouts] },
  { name: 'expire-keys', every: minute, run: expireKeys, rows: [dueKeys] },
  { name: 'expire-overrides', every: hour, run: expireOverrides, rows: [endedOverrides] },
  { name: 'expire-reservations', every: minute, run: expireReservations, rows: [dueReservations] },
  { name: 'follow-access', every: minute, run: followAccess, rows: [dueAccess] },
  { name: 'report-overage', every: minute, run: reportOverage, rows: [dueOverage, dueItems, dueCharges] },
  { name: 'apply-policies', every: minute, run: applyPolicies, rows: [refundedSubscriptions, newerSubscriptions, leftInvoices] },
  { name: 'expire-sessions', every: 10 * minute, run: expireSessions, rows: expiredSessions },
  { name: 'expire-idempotency', every: 10 * minute, run: expireIdempotency, rows: expiredIdempotencyRecords },
  { name: 'expire-leases', every: 10 * minute, run: expireLeases, rows: expiredLeases },
  { name: 'expire-usage', every: hour, run: expireUsage, rows: expiredUsage },
  { name: 'expire-events', every: hour, run: expireEvents, rows: expiredEvents },
  { name: 'expire-decisions', every: hour, run: expireDecisions, rows: expiredDecisions },
  { name: 'alert-usage', every: minute, run: alertUsage, rows: [dueAlerts] },
  { name: 'deliver-notices', every: 5 * second, run: deliverNotices, rows: [dueNotices] },
  { name: 'deliver-webhooks', every: 5 * second, run: deliverWebhooks, rows: [dueDeliveries] },
]; // prettier-ignore
