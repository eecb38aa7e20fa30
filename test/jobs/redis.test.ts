// What Redis may do to the jobs: be away at the start, die, come back empty, be told to throw things away. Nothing is
// lost, the API answers in bounded time meanwhile, and work goes on by itself.
import { afterEach, describe, expect, test } from '@jest/globals';
import { findMemoryTrouble } from '../../src/adapters/queue-redis.ts';
import { createQueue } from '../../src/adapters/queue.ts';
import type { JobQueue } from '../../src/adapters/queue.ts';
import { createLog } from '../../src/adapters/log.ts';
import { createTestContext } from '../support/context.ts';
import { redisProgram, startTestRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { startTestServer } from '../support/server.ts';
import { until } from '../support/until.ts';
import { startTestWorker } from '../support/worker.ts';

const log = createLog({ level: 'silent', service: 'test' });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function redis(): Promise<TestRedis> {
  const started = await startTestRedis();
  closers.push(() => started.stop());
  return started;
}
function queueOn(server: TestRedis): JobQueue {
  const queue = createQueue({ url: 'postgres://unused', redisUrl: server.url, log });
  closers.push(() => queue.close());
  return queue;
}

describe('the command that mends a wrong maxmemory-policy', () => {
  const info = (policy: string) => `# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:${policy}\r\n`;
  const url = 'redis://someone:secret@redis.internal:6380/2';

  test('is not needed where nothing is thrown away', () => {
    expect(findMemoryTrouble(info('noeviction'), url)).toBeNull();
  });

  test.each(['allkeys-lru', 'volatile-ttl'])('is named with %s, and no secret is', (policy) => {
    const trouble = findMemoryTrouble(info(policy), url);
    expect(trouble).toContain(policy);
    expect(trouble).toContain(
      'redis-cli -h redis.internal -p 6380 CONFIG SET maxmemory-policy noeviction',
    );
    expect(trouble).not.toContain('secret');
  });
});

const onRedis = redisProgram ? describe : describe.skip;
onRedis('Redis', () => {
  test('away at the start does not stop the start, and work begins once it is there', async () => {
    const server = await redis();
    await server.kill();
    const queue = queueOn(server);
    const ran: string[] = [];
    const working = queue
      .schedule([{ name: 'patient', every: 1_000 }])
      .then(() => queue.work(async (name) => ran.push(name)));
    await queue.wake('patient');
    expect(await queue.describe()).toMatchObject({ runs_on: 'redis', reachable: false });
    await server.start();
    await until('it has run', () => ran.includes('patient'), 20_000);
    await working;
    expect(await queue.describe()).toEqual({ runs_on: 'redis', reachable: true, warning: null });
  });

  test('emptied under a worker: the schedule is made again by itself, wakes go on', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const ran: string[] = [];
    await queue.schedule([{ name: 'steady', every: 1_000 }]);
    await queue.work(async (name) => ran.push(name));
    await until('it runs', () => ran.length > 0);
    await server.flush();
    ran.length = 0;
    await until(
      'its schedule is back',
      () => ran.filter((name) => name === 'steady').length > 1,
      25_000,
    );
    await queue.wake('woken');
    await until('a wake gets through', () => ran.includes('woken'));
  });

  test('killed under a worker and started again empty: all of it goes on by itself', async () => {
    const server = await redis();
    const queue = queueOn(server);
    const waking = queueOn(server);
    const ran: string[] = [];
    await queue.schedule([{ name: 'steady', every: 1_000 }]);
    await queue.work(async (name) => ran.push(name));
    await waking.wake('woken');
    await until('both run', () => ran.includes('steady') && ran.includes('woken'));
    await server.kill();
    await waking.wake('lost');
    const before = Date.now();
    for (let i = 0; i < 20; i += 1) await waking.wake('lost');
    expect(Date.now() - before).toBeLessThan(4_000);
    ran.length = 0;
    await server.start();
    await until(
      'the schedule is back',
      () => ran.filter((name) => name === 'steady').length > 1,
      25_000,
    );
    await until(
      'wakes get through again',
      async () => {
        await waking.wake('woken');
        return ran.includes('woken');
      },
      20_000,
    );
  });

  test('that may throw away keys is reported to operators, with what mends it', async () => {
    const server = await redis();
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const context = await createTestContext({ env: { REDIS_URL: server.url } });
    closers.push(() => context.close());
    const tollgate = await startTestServer(context);
    closers.push(() => tollgate.close());
    const read = async () =>
      (await tollgate.api('GET', '/jobs', { token: context.tokens.operator })).body.queue;
    expect(await read()).toMatchObject({
      runs_on: 'redis',
      reachable: true,
      warning: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
    });
    await server.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(await read()).toEqual({ runs_on: 'redis', reachable: true, warning: null });
  });

  test('dead and empty in the middle of a backlog: each effect happens, and happens once', async () => {
    const rows = 400;
    const server = await redis();
    const context = await createTestContext({ sandbox: true, env: { REDIS_URL: server.url } });
    closers.push(() => context.close());
    const { ctx } = context;
    const workers = [await startTestWorker(context.config), await startTestWorker(context.config)];
    for (const worker of workers) closers.push(() => worker.close());
    await ctx.pool.query(
      `INSERT INTO customer (id, external_id, created_at) SELECT 'cus_' || n, n, now() FROM generate_series(1, $1::int) n`,
      [rows],
    );
    await ctx.pool.query(
      `INSERT INTO api_key (id, customer_id, hash, prefix, last4, scopes, expires_at, created_at)
       SELECT 'key_' || n, 'cus_' || n, int4send(n), 'tg_test_', 'abcd', '{call}', now(), now() FROM generate_series(1, $1::int) n`,
      [rows],
    );
    await ctx.queue.wake('expire-keys');
    const expired = async () =>
      Number(
        (await ctx.pool.query('SELECT count(*) AS n FROM api_key WHERE expired_at IS NOT NULL'))
          .rows[0].n,
      );
    await until('it has begun', async () => (await expired()) > 0, 30_000);
    await server.flush();
    await server.kill();
    await server.start();
    await until(
      'all have expired',
      async () => {
        await ctx.queue.wake('expire-keys');
        return (await expired()) === rows;
      },
      40_000,
    );
    const { rows: told } = await ctx.pool.query(
      `SELECT (SELECT count(*) FROM event WHERE type = 'key.expired') AS events,
         (SELECT count(*) FROM audit_entry WHERE action = 'api_key.expire') AS audits`,
    );
    expect(told).toEqual([{ events: rows, audits: rows }]);
  });
});
