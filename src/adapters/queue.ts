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
const schedulesMax = 1_000;
const keptJobs = { age: 3_600, count: 500 };
const jobOptions = { removeOnComplete: keptJobs, removeOnFail: keptJobs };

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

type Producer = InstanceType<typeof Queue>;
type Consumer = InstanceType<typeof Worker>;
export type ScheduledJob = { name: string; every: number };
/** What a worker does with a job it was handed; throws where the job failed. */
export type RunJob = (name: string) => Promise<unknown>;
export type JobQueue = ReturnType<typeof createQueue>;

/** Opens nothing until it is first used, and then no more than that use needs. */
export function createQueue(options: { url: string; log: Log }) {
  const { url, log } = options;
  const complain = (err: unknown) => log.warn({ err }, 'queue: connection trouble');
  const producer = createProducer(url, complain);
  let worker: Consumer | undefined;
  let closing = false;

  return {
    /** Says that there may be something to do. Never throws and answers in bounded time: sweeps find what is missed. */
    async wake(name: string): Promise<void> {
      if (closing) return;
      const added = producer.open().then((queue) => addWake(queue, name));
      await within(wakeWithinMs, added).catch((err: unknown) =>
        log.warn({ err, job: name }, 'queue: wake lost'),
      );
    },

    /** Makes the schedule equal to the table, whatever an older release left. Waits for the queue to exist. */
    async schedule(jobs: ScheduledJob[]): Promise<void> {
      await setSchedule(await producer.openPatiently(() => closing), jobs);
    },

    /** Starts taking jobs, a few at a time. Waits for the queue to exist. */
    async work(run: RunJob): Promise<void> {
      await producer.openPatiently(() => closing);
      if (closing) return;
      worker = startWorker(url, run, complain);
      await worker.waitUntilReady();
    },

    /** Each scheduled job once, now, on whichever worker; `unavailable` where none got through in time. */
    async runScheduled(timeoutMs: number): Promise<void> {
      const until = Date.now() + timeoutMs;
      try {
        const queue = await within(timeoutMs, producer.open());
        await runEach(queue, await namesOnceScheduled(queue, until), until);
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
      await producer.close();
    },
  };
}

/** Holds the connection over which jobs are added, from the first use on. */
function createProducer(url: string, complain: (error: unknown) => void) {
  let opened: Promise<Producer> | undefined;

  /** A failed opening is forgotten, since BullMQ would remember it for ever: the next use tries again. */
  function open(): Promise<Producer> {
    opened ??= (async () => {
      const queue = new Queue(queueName, { connection: connectionTo(url, 2) });
      queue.on('error', complain);
      try {
        await queue.waitUntilReady();
        return queue;
      } catch (error) {
        opened = undefined;
        await queue.close().catch(complain);
        throw error;
      }
    })();
    return opened;
  }

  async function openPatiently(shouldStop: () => boolean): Promise<Producer> {
    for (;;) {
      try {
        return await open();
      } catch (error) {
        if (shouldStop()) throw error;
        complain(error);
        await sleep(reopenAfterMs);
      }
    }
  }

  async function close(): Promise<void> {
    const queue = await opened?.catch(() => undefined);
    await queue?.close().catch(complain);
  }

  return { open, openPatiently, close };
}

/** One waits at most; a wake that meets an active run is kept and becomes the next one. */
async function addWake(queue: Producer, name: string): Promise<void> {
  const deduplication = { id: name, keepLastIfActive: true };
  await queue.add(name, {}, { ...jobOptions, deduplication });
}

async function setSchedule(queue: Producer, jobs: ScheduledJob[]): Promise<void> {
  for (const { name, every } of jobs) {
    await queue.upsertJobScheduler(name, { every }, { name, opts: jobOptions });
  }
  const names = new Set(jobs.map((job) => job.name));
  for (const name of await scheduledNames(queue)) {
    if (!names.has(name)) await queue.removeJobScheduler(name);
  }
}

/** A process that only wakes has no table: the schedule itself knows the names. */
async function scheduledNames(queue: Producer): Promise<string[]> {
  const schedulers = await queue.getJobSchedulers(0, schedulesMax);
  return schedulers.map((scheduler) => scheduler.key);
}

/** A worker that is just starting will schedule soon. */
async function namesOnceScheduled(queue: Producer, until: number): Promise<string[]> {
  for (;;) {
    const names = await scheduledNames(queue);
    if (names.length > 0) return names;
    if (Date.now() > until) throw new Error('no worker has scheduled anything');
    await sleep(lookAgainAfterMs);
  }
}

function startWorker(url: string, run: RunJob, complain: (error: unknown) => void): Consumer {
  const worker = new Worker(queueName, async (job) => run(job.name), {
    connection: connectionTo(url, concurrency),
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs,
  });
  worker.on('error', complain);
  return worker;
}

/** Asks how they are doing instead of listening: an event before the listener stands would be waited for in vain. */
async function runEach(queue: Producer, names: string[], until: number): Promise<void> {
  const jobs = await Promise.all(
    names.map((name) => queue.add(name, {}, { ...jobOptions, jobId: `${name}-${randomUUID()}` })),
  );
  for (const job of jobs) {
    while (!hasEnded(await job.getState())) {
      if (Date.now() > until) throw new Error(`${job.name} has not run`);
      await sleep(lookAgainAfterMs);
    }
  }
}

/** A kept job is completed or failed; one that is no longer kept has been either. */
function hasEnded(state: string): boolean {
  return state === 'completed' || state === 'failed' || state === 'unknown';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
