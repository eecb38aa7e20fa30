// The queue that wakes workers: BullMQ, on Redis or on PostgreSQL alike. PostgreSQL's own tables say what is due, so
// a lost, doubled or late message harms nothing; nothing here is a record of work. Knows jobs by name only.
import { randomUUID } from 'node:crypto';
import type { Job } from 'bullmq';
import { AppError } from '../domain/error.ts';
import type { Tick } from '../domain/job.ts';
import { within } from './deadline.ts';
import type { Log } from './log.ts';
import { jobOptions } from './queue-home.ts';
import type { Consumer, Producer } from './queue-home.ts';
import { createPostgresHome } from './queue-postgres.ts';
import { createProducer } from './queue-producer.ts';
import { createRedisHome } from './queue-redis.ts';
import { mendSchedule, scheduledNames, setSchedule } from './queue-schedule.ts';
import type { ScheduledJob } from './queue-schedule.ts';

const queueName = 'tollgate';
const wakeWithinMs = 2_000;
const lookAgainAfterMs = 25;
const lookAfterEveryMs = 10_000;
/** What only an operator can mend is said again and again. */
const warnEveryMs = 600_000;
/** SIGTERM promises 10 s; what is not done by then is picked up by another worker when its lock ends. */
const drainWithinMs = 8_000;
/** More than there are long backlogs at once, so that nothing urgent waits behind them. */
const concurrency = 12;
/** How soon another worker takes over what a killed one was doing. */
const lockMs = 5_000;
const consumerOptions = {
  concurrency,
  lockDuration: lockMs,
  stalledInterval: lockMs,
  // A run whose worker died is handed out again so often; the next tick comes anyway.
  maxStalledCount: 20,
  runRetryDelay: 1_000,
};
/** Further messages about one long backlog come after everybody else's. */
const helpPriority = 10;

/** What a worker does with a job it was handed; throws where the job failed. `tick` is null where it was woken. */
export type RunJob = (name: string, tick: Tick | null) => Promise<unknown>;
export type JobQueue = ReturnType<typeof createQueue>;

/** On Redis where `redisUrl` is given. Opens nothing until it is first used, and then no more than that use needs. */
export function createQueue(options: { url: string; redisUrl?: string | undefined; log: Log }) {
  const { url, redisUrl, log } = options;
  const home = redisUrl === undefined ? createPostgresHome(url) : createRedisHome(redisUrl);
  const complain = (err: unknown) => void log.warn({ err }, 'queue: connection trouble');
  const producer = createProducer(home, queueName, complain);
  let consumer: Consumer | undefined;
  let lookingAfter: NodeJS.Timeout | undefined;
  let table: ScheduledJob[] = [];
  let closing = false;
  let isAway = false;
  let isTrying = false;

  /** Never throws. Where the queue is known to be away, one at a time finds out whether it is back. */
  async function send(name: string, add: (queue: Producer) => Promise<unknown>): Promise<void> {
    if (closing || (isAway && isTrying)) return;
    isTrying = true;
    try {
      await within(wakeWithinMs, producer.open().then(add));
      isAway = false;
    } catch (err) {
      log.warn({ err, job: name }, 'queue: wake lost');
      isAway = true;
    } finally {
      isTrying = false;
    }
  }

  return {
    /**
     * Says that there may be something to do. Never throws and answers within two seconds, at once while the queue
     * is known to be away: sweeps find what is missed.
     */
    async wake(name: string): Promise<void> {
      const sent = send(name, (queue) => addWake(queue, name));
      if (!isAway) await sent;
    },

    /** Asks up to `count` others to work on the same backlog. As `wake`. */
    async help(name: string, count: number): Promise<void> {
      for (let i = 1; i <= count; i += 1) await send(name, (queue) => addHelp(queue, name, i));
    },

    /** Makes the schedule equal to the table, whatever an older release left. Waits for the queue to exist. */
    async schedule(jobs: ScheduledJob[]): Promise<void> {
      table = jobs;
      const queue = await producer.openPatiently(() => closing);
      if (queue) await setSchedule(queue, jobs);
    },

    /** Starts taking jobs, several at a time. Waits for the queue to exist. */
    async work(run: RunJob): Promise<void> {
      const queue = await producer.openPatiently(() => closing);
      if (!queue || closing) return;
      consumer = home.openWorker(
        queueName,
        async (job) => run(job.name, tickOf(job)),
        consumerOptions,
      );
      consumer.on('error', complain);
      await consumer.waitUntilReady();
      let warnedAt = 0;
      const lookAfter = async () => {
        await mendSchedule(queue, table);
        const warning = await home.inspect();
        if (!warning || Date.now() - warnedAt < warnEveryMs) return;
        warnedAt = Date.now();
        log.error({ queue: home.kind }, warning);
      };
      const look = () => void lookAfter().catch(complain);
      look();
      lookingAfter = setInterval(look, lookAfterEveryMs);
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

    /** How the queue is, in bounded time: for operators. */
    async describe() {
      const inspected = producer.open().then(() => home.inspect());
      return within(wakeWithinMs, inspected).then(
        (warning) => ({ runs_on: home.kind, reachable: true, warning }),
        () => ({ runs_on: home.kind, reachable: false, warning: null }),
      );
    },

    /** Whether runs should come to an end: long ones ask between two rows. */
    stopping: () => closing,

    /** Lets current runs finish for 8 s, then lets go. */
    async close(): Promise<void> {
      closing = true;
      clearInterval(lookingAfter);
      if (consumer) {
        await within(drainWithinMs, consumer.close()).catch(complain);
        await consumer.disconnect().catch(complain);
      }
      await producer.close();
      await home.close();
    },
  };
}

/** One waits at most; a wake that meets an active run is kept and becomes the next one. */
async function addWake(queue: Producer, name: string): Promise<void> {
  const deduplication = { id: name, keepLastIfActive: true };
  await queue.add(name, {}, { ...jobOptions, deduplication });
}

async function addHelp(queue: Producer, name: string, number: number): Promise<void> {
  const deduplication = { id: `${name}-help-${number}` };
  await queue.add(name, {}, { ...jobOptions, deduplication, priority: helpPriority });
}

/** The schedule's messages carry the instant they were made for in their id. */
function tickOf(job: Job): Tick | null {
  const at = Number(job.id?.split(':').at(-1));
  return job.repeatJobKey && job.id && at > 0 ? { at, id: job.id } : null;
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
