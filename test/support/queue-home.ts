// Where the queue can live, as a table for tests: what is promised of jobs is promised on each of them.
import { createTestDatabase } from './database.ts';
import type { TestDatabase } from './database.ts';
import { redisProgram, startTestRedis } from './redis.ts';
import type { TestRedis } from './redis.ts';

export type QueueHomeTest = {
  database: TestDatabase;
  /** Null where the queue lives in PostgreSQL. */
  redis: TestRedis | null;
  /** What the configuration says of it. */
  env: Record<string, string>;
  close: () => Promise<void>;
};

const onPostgres = { home: 'PostgreSQL', start: () => start(null) };
const onRedis = { home: 'Redis', start: async () => start(await startTestRedis()) };
export const queueHomes = redisProgram ? [onPostgres, onRedis] : [onPostgres];

async function start(redis: TestRedis | null): Promise<QueueHomeTest> {
  const database = await createTestDatabase();
  return {
    database,
    redis,
    env: { DATABASE_URL: database.url, ...(redis ? { REDIS_URL: redis.url } : {}) },
    async close() {
      await database.drop();
      await redis?.stop();
    },
  };
}
