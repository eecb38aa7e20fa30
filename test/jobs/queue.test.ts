// The queue on PostgreSQL: wakes, schedules and ends as promised; concurrent first starts do not get in each
// other's way.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '../../src/adapters/log.ts';
import { createQueue } from '../../src/adapters/queue.ts';
import type { JobQueue } from '../../src/adapters/queue.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const log = createLog({ level: 'silent', service: 'test' });
const hour = 3_600_000;
let database: TestDatabase;
const opened: JobQueue[] = [];

function open(url = database.url): JobQueue {
  const queue = createQueue({ url, log });
  opened.push(queue);
  return queue;
}

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await Promise.all(opened.map((queue) => queue.close()));
  await database.drop();
});

describe('the queue', () => {
  test('several processes that start first at the same time all come up', async () => {
    const fresh = await createTestDatabase();
    const queues = [open(fresh.url), open(fresh.url), open(fresh.url), open(fresh.url)];
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
    await fresh.drop();
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

  test('where no worker runs, asking for the scheduled jobs fails in bounded time', async () => {
    await expect(open().runScheduled(300)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('a wake neither fails nor hangs while the database is away', async () => {
    const before = Date.now();
    await open('postgres://nobody:nothing@127.0.0.1:1/none').wake('anything');
    expect(Date.now() - before).toBeLessThan(4_000);
  });
});
