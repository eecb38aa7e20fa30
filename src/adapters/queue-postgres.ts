// The queue's home in PostgreSQL, in a schema of its own: BullMQ's backend for those who run no Redis.
import { createPostgresBackend, withBackend } from 'bullmq';
import type { QueueHome } from './queue-home.ts';

const { Queue, Worker } = withBackend(createPostgresBackend);

export function createPostgresHome(url: string): QueueHome {
  const connection = (max: number) => ({
    connectionString: url,
    schema: 'bullmq',
    // Serialised by BullMQ under an advisory lock: processes that start together wait for each other.
    migrate: true,
    max,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  return {
    kind: 'postgres',
    openQueue: (name) => new Queue(name, { connection: connection(2) }),
    openWorker: (name, run, options) =>
      new Worker(name, run, { ...options, connection: connection(options.concurrency) }),
    inspect: async () => null,
    close: async () => undefined,
  };
}
