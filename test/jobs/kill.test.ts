// Workers that die at any moment: two and four of them on one backlog, one killed (SIGKILL) every second, on each
// home of the queue. Each effect happens, and happens once. Long form: npm run soak, with SOAK_ROWS rows.
import { afterEach, describe, expect, test } from '@jest/globals';
import { countSettled, findWrongEffects, makeBacklog } from '../support/backlog.ts';
import { createTestContext } from '../support/context.ts';
import { queueHomes } from '../support/queue-home.ts';
import { until } from '../support/until.ts';
import { spawnWorker } from '../support/worker-process.ts';
import type { WorkerProcess } from '../support/worker-process.ts';

const rowsLong = Number(process.env.SOAK_ROWS ?? 0);
const customers = rowsLong > 0 ? rowsLong / 2 : 60;
/** In the short form the last workers are let live, so that it ends soon. */
const killsMax = rowsLong > 0 ? Infinity : 2;
const limitMs = rowsLong > 0 ? 1_200_000 : 120_000;

/** In the short form each home meets one number of workers, in the long form both. */
const workerCounts = [2, 4];
const stands = queueHomes.map(({ home, start }, index) => ({
  home,
  start,
  counts: rowsLong > 0 ? workerCounts : workerCounts.filter((_, at) => at === index % 2),
}));

/** Those of the table that settle what makeBacklog makes. */
const settlers = ['expire-keys', 'expire-cancellations'];
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function stand(start: (typeof queueHomes)[number]['start']) {
  const home = await start();
  closers.push(() => home.close());
  const context = await createTestContext({ sandbox: true, env: home.env });
  closers.push(() => context.close());
  return { ctx: context.ctx, env: context.env };
}

describe.each(stands)('on $home', ({ start, counts }) => {
  test.each(counts)(
    '%i workers of which one dies every second settle a backlog, each row once',
    async (count) => {
      const { ctx, env } = await stand(start);
      const due = await makeBacklog(ctx.pool, customers);
      const workers: WorkerProcess[] = Array.from({ length: count }, () => spawnWorker(env));
      closers.push(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))));
      await workers[0]!.ready();
      let kills = 0;
      let nextKillAt = Date.now() + 1_000;
      let nextWakeAt = 0;
      await until(
        'the backlog is settled',
        async () => {
          const victims = workers.filter((worker) => worker.isReady());
          if (Date.now() >= nextKillAt && victims.length > 0 && kills < killsMax) {
            nextKillAt = Date.now() + 1_000;
            kills += 1;
            const victim = victims[Math.floor(Math.random() * victims.length)]!;
            await victim.end('SIGKILL');
            workers[workers.indexOf(victim)] = spawnWorker(env);
          }
          if (Date.now() >= nextWakeAt) {
            nextWakeAt = Date.now() + 1_000;
            await Promise.all(settlers.map((name) => ctx.queue.wake(name)));
          }
          return (await countSettled(ctx.pool)) === due && kills >= 2;
        },
        limitMs,
      );
      expect(await findWrongEffects(ctx.pool)).toEqual([]);
      if (rowsLong > 0) process.stdout.write(`${due} rows, ${count} workers, ${kills} killed\n`);
    },
    limitMs + 30_000,
  );
});

describe('a worker that is asked to end', () => {
  test('in the middle of a backlog ends by itself within ten seconds, and leaves no row half done', async () => {
    const { ctx, env } = await stand(queueHomes.at(-1)!.start);
    const due = await makeBacklog(ctx.pool, 400);
    const worker = spawnWorker(env);
    closers.push(() => worker.end('SIGKILL'));
    await until('it has begun', async () => (await countSettled(ctx.pool)) > 0, 90_000);
    const asked = Date.now();
    expect(await worker.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - asked).toBeLessThan(10_000);
    const settled = await countSettled(ctx.pool);
    expect(settled).toBeLessThan(due);
    const { rows } = await ctx.pool.query(
      `SELECT (SELECT count(*) FROM audit_entry WHERE action IN ('api_key.expire', 'subscription.end')) AS audits,
         (SELECT count(*) FROM event WHERE type IN ('key.expired', 'subscription.canceled')) AS events`,
    );
    expect(rows).toEqual([{ audits: settled, events: settled }]);
  }, 120_000);

  test('before the queue was ever there ends by itself as well', async () => {
    const { env } = await stand(queueHomes[0]!.start);
    const worker = spawnWorker({ ...env, REDIS_URL: 'redis://127.0.0.1:1' });
    closers.push(() => worker.end('SIGKILL'));
    await until('it tries', () => worker.printed().includes('connection trouble'), 60_000);
    expect(await worker.end('SIGTERM')).toEqual({ code: 0, signal: null });
  }, 120_000);
});
