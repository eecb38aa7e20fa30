// What the queue needs of BullMQ, which is the same on Redis and on PostgreSQL, and what a home of it has to offer.
// Types and the options that all of our messages share.
import type { Job, Queue, Worker } from 'bullmq';

/** Kept for an hour, so that whoever asked for a run hears how it went. */
const kept = { age: 3_600, count: 500 };
export const jobOptions = { removeOnComplete: kept, removeOnFail: kept };

type Complaining = { on(event: 'error', listener: (error: Error) => void): unknown };
export type Producer = Complaining &
  Pick<
    Queue,
    | 'add'
    | 'upsertJobScheduler'
    | 'getJobSchedulers'
    | 'removeJobScheduler'
    | 'waitUntilReady'
    | 'close'
  >;
export type Consumer = Complaining & Pick<Worker, 'waitUntilReady' | 'close' | 'disconnect'>;

export type ConsumerOptions = {
  concurrency: number;
  lockDuration: number;
  stalledInterval: number;
  maxStalledCount: number;
  runRetryDelay: number;
};

export type QueueHome = {
  kind: 'postgres' | 'redis';
  openQueue(name: string): Producer;
  openWorker(name: string, run: (job: Job) => Promise<unknown>, options: ConsumerOptions): Consumer;
  /** What an operator must mend, with the command; null where nothing is wrong. Throws where it is away. */
  inspect(): Promise<string | null>;
  /** After its queues and workers. */
  close(): Promise<void>;
};
