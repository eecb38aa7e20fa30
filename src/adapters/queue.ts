// The queue that wakes workers: BullMQ, on its PostgreSQL backend. PostgreSQL's own tables say what is due, so a
// lost, doubled or late message harms nothing; nothing here is a record of work. Knows jobs by name only.
import { randomUUID } from 'node:crypto';
import { createPostgresBackend, withBackend } from 'bullmq';
import { AppError } from '../domain/error.ts';
import { within } from './deadline.ts';
import type { Log } from './log.ts';

const queueName = 'tollgate';
const wakeWithinMs = 2_000;
const reopenAfterMs = 1_000;
const lookAgainAfterMs = 25;
/** SIGTERM promises 10 s; what is not done by then is picked up by another worker when its lock ends. */
const drainWithinMs = 8_000;
const concurrency = 4;
/** How soon another worker takes over what a killed one was doing. */
const lockMs = 10_000;
const keptJobs = { age: 3_600, count: 500 };

/** The one place that chooses what the queue runs on. */
const { Queue, Worker } = withBackend(createPostgresBackend);
const connectionTo = (url: string, max: number) => ({
  connectionString: url,
  schema: 'bullmq',
  // Serialised by BullMQ under an advisory lock: processes that start together wait for each other.
  migrate: true,
  max,
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
});

export type ScheduledJob = { name: string; every: number };
/** What a worker does with a job it was handed; throws where the job failed. */
export type RunJob = (name: string) => Promise<unknown>;
export type JobQueue = ReturnType<typeof createQueue>;

/** Opens nothing until it is first used, and then no more than that use needs. */
export function createQueue(options: { url: string; log: Log }) {
  const { log } = options;
  let producer: Promise<InstanceType<typeof Queue>> | undefined;
  let worker: InstanceType<typeof Worker> | undefined;
  let table: ScheduledJob[] = [];
  let closing = false;

  const complain = (err: unknown) => log.warn({ err }, 'queue: connection trouble');

  /** A failed opening is forgotten, since BullMQ would remember it for ever: the next use tries again. */
  function open(): Promise<InstanceType<typeof Queue>> {
    producer ??= (async () => {
      const queue = new Queue(queueName, { connection: connectionTo(options.url, 2) });
      queue.on('error', complain);
      try {
        await queue.waitUntilReady();
        return queue;
      } catch (error) {
        producer = undefined;
        await queue.close().catch(complain);
        throw error;
      }
    })();
    return producer;
  }

  async function openPatiently(): Promise<InstanceType<typeof Queue>> {
    for (;;) {
      try {
        return await open();
      } catch (error) {
        if (closing) throw error;
        log.warn({ err: error }, 'queue: cannot open yet');
        await sleep(reopenAfterMs);
      }
    }
  }

  async function add(name: string): Promise<void> {
    const queue = await open();
    await queue.add(name, {}, {
      // One waits at most; a wake that meets an active run is kept and becomes the next one.
      deduplication: { id: name, keepLastIfActive: true },
      removeOnComplete: keptJobs,
      removeOnFail: keptJobs,
    }); // prettier-ignore
  }

  return {
    /** Says that there may be something to do. Never throws and answers in bounded time: sweeps find what is missed. */
    async wake(name: string): Promise<void> {
      if (closing) return;
      await within(wakeWithinMs, add(name)).catch((err: unknown) =>
        log.warn({ err, job: name }, 'queue: wake lost'),
      );
    },

    /** Makes the schedule equal to the table, whatever an older release left behind. Waits for the queue to exist. */
    async schedule(jobs: ScheduledJob[]): Promise<void> {
      table = jobs;
      const queue = await openPatiently();
      for (const { name, every } of jobs) {
        const opts = { removeOnComplete: keptJobs, removeOnFail: keptJobs };
        await queue.upsertJobScheduler(name, { every }, { name, opts });
      }
      const names = new Set(jobs.map((job) => job.name));
      for (const { key } of await queue.getJobSchedulers(0, 1_000)) {
        if (!names.has(key)) await queue.removeJobScheduler(key);
      }
    },

    /** Starts taking jobs, a few at a time. Waits for the queue to exist. */
    async work(run: RunJob): Promise<void> {
      await openPatiently();
      if (closing) return;
      worker = new Worker(queueName, async (job) => run(job.name), {
        connection: connectionTo(options.url, concurrency),
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs,
      });
      worker.on('error', complain);
      await worker.waitUntilReady();
    },

    /** Each scheduled job once, now, on whichever worker; `unavailable` where none got through in time. */
    async runScheduled(timeoutMs: number): Promise<void> {
      const until = Date.now() + timeoutMs;
      try {
        const queue = await within(timeoutMs, open());
        const names = table.length > 0 ? table.map((job) => job.name) : await scheduledNames(queue);
        const jobs = await Promise.all(
          names.map((name) =>
            queue.add(
              name,
              {},
              {
                jobId: `${name}-${randomUUID()}`,
                removeOnComplete: keptJobs,
                removeOnFail: keptJobs,
              },
            ),
          ),
        );
        // Asked for, not listened to: an event that fires before the listener stands would be waited for in vain.
        for (const job of jobs) {
          while (!ended(await job.getState())) {
            if (Date.now() > until) throw new Error(`${job.name} has not run`);
            await sleep(lookAgainAfterMs);
          }
        }
      } catch (err) {
        log.warn({ err }, 'queue: scheduled jobs have not run');
        throw new AppError('unavailable', 'No worker has run the scheduled jobs in time.');
      }
    },

    /** Whether runs should come to an end: long ones ask between two rows. */
    stopping: () => closing,

    /** Lets current runs finish for 8 s, then lets go. */
    async close(): Promise<void> {
      closing = true;
      if (worker) {
        await within(drainWithinMs, worker.close()).catch(complain);
        await worker.disconnect().catch(complain);
      }
      const queue = await producer?.catch(() => undefined);
      await queue?.close().catch(complain);
    },
  };
}

type OpenQueue = { getJobSchedulers: (start: number, end: number) => Promise<{ key: string }[]> };

/** A process that only wakes has no table: the schedule itself knows the names. */
async function scheduledNames(queue: OpenQueue): Promise<string[]> {
  const schedulers = await queue.getJobSchedulers(0, 1_000);
  if (schedulers.length === 0) throw new Error('no worker has scheduled anything yet');
  return schedulers.map((scheduler) => scheduler.key);
}

function ended(state: string): boolean {
  return state === 'completed' || state === 'failed' || state === 'unknown';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
