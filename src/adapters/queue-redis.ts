// The queue's home in Redis, through ioredis: clients that give up soon for those who only wake, and clients that
// wait as long as it takes for workers. Redis holds no truth: it may be emptied at any time.
import { createRedisBackend, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { within } from './deadline.ts';
import type { QueueHome } from './queue-home.ts';

const { Queue, Worker } = withBackend(createRedisBackend);

const answerWithinMs = 2_000;
const reconnectWithinMs = 1_000;
/** Longer than a worker blocks while it waits for work (BullMQ: 10 s at most). */
const workerSilentAfterMs = 20_000;

const common = {
  connectTimeout: 5_000,
  keepAlive: 10_000,
  retryStrategy: (times: number) => Math.min(times * 100, reconnectWithinMs),
};
/** Fails at once while there is no connection, and soon where there is one and no answer. */
const impatient = {
  ...common,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: answerWithinMs,
  socketTimeout: answerWithinMs,
};
const patient = {
  ...common,
  maxRetriesPerRequest: null,
  socketTimeout: workerSilentAfterMs,
};

export function createRedisHome(url: string): QueueHome {
  const clients: Redis[] = [];
  function connect(options: typeof impatient | typeof patient): Redis {
    const client = new Redis(url, options);
    // BullMQ reports what happens on it; without a listener ioredis would print it too.
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }
  let impatientClient: Redis | undefined;
  const askQuickly = () => (impatientClient ??= connect(impatient));
  return {
    kind: 'redis',
    openQueue: (name) => new Queue(name, { connection: askQuickly() }),
    openWorker: (name, run, options) =>
      new Worker(name, run, { ...options, connection: connect(patient) }),
    async inspect() {
      const info = await within(answerWithinMs, askQuickly().info('memory'));
      return findMemoryTrouble(info, url);
    },
    async close() {
      for (const client of clients) client.disconnect();
    },
  };
}

/** What is wrong with how Redis treats memory, and the command that mends it; null where nothing is. */
export function findMemoryTrouble(info: string, url: string): string | null {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy === undefined || policy === 'noeviction') return null;
  const { hostname, port } = new URL(url);
  return (
    `Redis may throw away what the queue needs: its maxmemory-policy is ${policy}, and must be noeviction. ` +
    `Mend it with: redis-cli -h ${hostname} -p ${port || 6379} CONFIG SET maxmemory-policy noeviction ` +
    '(and the same line in its redis.conf)'
  );
}
