// The schedule that BullMQ keeps for us: made equal to the table when a worker starts, and looked after while it
// runs, since what keeps it may be emptied and a tick may be lost with the worker that had it. Runs nothing.
import { jobOptions } from './queue-home.ts';
import type { Producer } from './queue-home.ts';

const schedulesMax = 1_000;
/** A tick that is this late has been lost: no queue is that full. */
const lostAfterMs = 30_000;

export type ScheduledJob = { name: string; every: number };

/** Adds, changes and takes away, whatever an older release left. */
export async function setSchedule(queue: Producer, jobs: ScheduledJob[]): Promise<void> {
  for (const job of jobs) await add(queue, job);
  const names = new Set(jobs.map((job) => job.name));
  for (const name of await scheduledNames(queue)) {
    if (!names.has(name)) await queue.removeJobScheduler(name);
  }
}

/** Adds again what is missing or stands still, and touches nothing else: other releases may run beside this one. */
export async function mendSchedule(queue: Producer, jobs: ScheduledJob[]): Promise<void> {
  const found = await queue.getJobSchedulers(0, schedulesMax);
  const nextOf = new Map(found.map((scheduler) => [scheduler.key, scheduler.next ?? 0]));
  for (const job of jobs) {
    const next = nextOf.get(job.name);
    if (next === undefined || next < Date.now() - lostAfterMs) await add(queue, job);
  }
}

/** A process that only wakes has no table: the schedule itself knows the names. */
export async function scheduledNames(queue: Producer): Promise<string[]> {
  const schedulers = await queue.getJobSchedulers(0, schedulesMax);
  return schedulers.map((scheduler) => scheduler.key);
}

async function add(queue: Producer, { name, every }: ScheduledJob): Promise<void> {
  await queue.upsertJobScheduler(name, { every }, { name, opts: jobOptions });
}
