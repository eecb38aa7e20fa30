// The table of jobs: name, how often, what. Each is a file of its own whose name is the job's; each asks
// PostgreSQL what is due, in bounded batches, and may run twice, late or never without harm.
import type { Context } from '../src/context.ts';
import { expirePurchases } from './expire-purchases.ts';
import { expireRecords } from './expire-records.ts';
import { expireReservations } from './expire-reservations.ts';
import { expireSubscriptions } from './expire-subscriptions.ts';
import { followAccess } from './follow-access.ts';
import { processStripeEvent } from './process-stripe-event.ts';
import { reconcile } from './reconcile.ts';
import { rereadSubscriptions } from './reread-subscriptions.ts';

/** Counts of what was done, for the record and the metrics. */
export type JobResult = Record<string, number>;
export type Job = {
  name: string;
  /** Milliseconds of machine time between two scheduled runs. */
  every: number;
  run: (ctx: Context) => Promise<JobResult>;
};

const second = 1_000;
const minute = 60 * second;

export const jobs: Job[] = [
  { name: 'process-stripe-event', every: 5 * second, run: processStripeEvent },
  { name: 'reread-subscriptions', every: minute, run: rereadSubscriptions },
  { name: 'follow-access', every: minute, run: followAccess },
  { name: 'reconcile', every: minute, run: reconcile },
  { name: 'expire-purchases', every: minute, run: expirePurchases },
  { name: 'expire-subscriptions', every: minute, run: expireSubscriptions },
  { name: 'expire-reservations', every: minute, run: expireReservations },
  { name: 'expire-records', every: 10 * minute, run: expireRecords },
];
