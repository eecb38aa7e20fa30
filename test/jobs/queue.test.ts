// The queue on each of its homes: wakes, schedules and ends as promised; concurrent first starts do not get in each
// other's way.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '../../src/adapters/log.ts';
import { createQueue } from '../../src/adapters/queue.ts';
import type { JobQueue } from '../../src/adapters/queue.ts';
import type { Tick } from '../../src/domain/job.ts';
import { queueHomes } from '../support/queue-home.ts';
import type { QueueHomeTest } from '../support/queue-home.ts';
import { until } from '../support/until.ts';

const log = createLog({ level: 'silent', service: 'test' });
const hour = 3_600_000;

describe.each(queueHomes)('the queue on $home', ({ start }) => {
  let home: QueueHomeTest;
  const opened: JobQueue[] = [];

  function open(at = home): JobQueue {
    const queue = createQueue({ url: at.database.url, redisUrl: at.redis?.url, log });
    opened.push(queue);
    return queue;
  }

  beforeAll(async () => {
    home = await start();
  });
  afterAll(async () => {
    await Promise.all(opened.map((queue) => queue.close()));
    await home.close();
  });

  test('several processes that start first at the same time all come up', async () => {
    const fresh = await start();
    const queues = [open(fresh), open(fresh), open(fresh), open(fresh)];
    const ran: string[] = [];
    await Promise.all(
      queues.map(async (queue) => {
        await queue.schedule([{ name: 'together', every: hour }]);
        await queue.work(async (name) => ran.push(name));
      }),
    );
    await queues[0]!.runScheduled(10_000);
    expect(ran).toContain('together');
    await Promise.all(queues.map((queue) => queue.close()));
    await fresh.close();
  });

  test('a wake during a run is not lost but becomes one more run', async () => {
    const queue = open();
    let runs = 0;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await queue.work(async (name) => {
      if (name !== 'busy') return;
      runs += 1;
      if (runs === 1) await held;
    });
    await queue.wake('busy');
    await until('the first run has begun', () => runs === 1);
    await Promise.all([queue.wake('busy'), queue.wake('busy'), queue.wake('busy')]);
    release();
    await until('the wakes became a run', () => runs === 2);
    await queue.close();
    expect(runs).toBe(2);
  });

  test('a process without a worker has each scheduled job run elsewhere, and hears when all are done', async () => {
    const worker = open();
    const asking = open();
    const ran: string[] = [];
    await worker.schedule([
      { name: 'first', every: hour },
      { name: 'second', every: hour },
    ]);
    await worker.work(async (name) => ran.push(name));
    await until('the schedule has run once by itself', () => ran.length >= 2);
    ran.length = 0;
    await asking.runScheduled(10_000);
    expect(ran.toSorted()).toEqual(['first', 'second']);
    await worker.close();
  });

  test('a job that left the table leaves the schedule', async () => {
    const worker = open();
    await worker.schedule([{ name: 'second', every: hour }]);
    const ran: string[] = [];
    await worker.work(async (name) => ran.push(name));
    await open().runScheduled(10_000);
    expect(ran).toContain('second');
    expect(ran).not.toContain('first');
    await worker.close();
  });

  test('a scheduled run says for which instant it is, a wake does not', async () => {
    const fresh = await start();
    const queue = open(fresh);
    const ticks: (Tick | null)[] = [];
    await queue.schedule([{ name: 'ticking', every: 1_000 }]);
    await queue.work(async (_name, tick) => ticks.push(tick));
    await until('it has ticked', () => ticks.length >= 3);
    const [first, second] = ticks;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(900);
    expect(Math.abs(first!.at - Date.now())).toBeLessThan(60_000);
    await queue.schedule([]);
    await queue.wake('woken');
    await until('it was woken', () => ticks.includes(null));
    await queue.close();
    await fresh.close();
  });

  test('where no worker runs, asking for the scheduled jobs fails in bounded time', async () => {
    await expect(open().runScheduled(300)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('a wake neither fails nor hangs while the queue is away', async () => {
    const nowhere = '127.0.0.1:1';
    const queue = createQueue({
      url: `postgres://nobody:nothing@${nowhere}/none`,
      ...(home.redis ? { redisUrl: `redis://${nowhere}` } : {}),
      log,
    });
    opened.push(queue);
    const before = Date.now();
    await Promise.all(Array.from({ length: 50 }, () => queue.wake('anything')));
    expect(Date.now() - before).toBeLessThan(4_000);
    const again = Date.now();
    for (let i = 0; i < 50; i += 1) await queue.wake('anything');
    expect(Date.now() - again).toBeLessThan(1_000);
    expect(await queue.describe()).toMatchObject({ reachable: false });
  });
});
