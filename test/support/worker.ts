// The jobs inside a test: each once at a chosen moment, or a worker that takes them from the queue.
import { jobs } from '../../jobs/index.ts';
import { runJob } from '../../jobs/run.ts';
import { createContext } from '../../src/context.ts';
import type { Config } from '../../src/config.ts';
import type { Context } from '../../src/context.ts';

/** Every job of the table, one after the other. */
export async function runJobsOnce(ctx: Context): Promise<void> {
  for (const { name } of jobs) await runJob(ctx, name);
}

/** What worker.ts runs, with a context of its own as in another process. */
export async function startTestWorker(config: Config): Promise<{ close: () => Promise<void> }> {
  const ctx = await createContext(config, 'worker', jobs);
  await ctx.queue.schedule(jobs);
  await ctx.queue.work((name, tick) => runJob(ctx, name, tick));
  return { close: () => ctx.close() };
}
