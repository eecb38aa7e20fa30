// What surrounds every run of a job: business time re-read first, the outcome recorded and counted after.
// Knows no job; a failure is recorded and thrown on, so that the queue shows it too.
import type { Context } from '../src/context.ts';
import { recordRun } from '../src/actions/job-run.ts';
import { jobs } from './index.ts';

/** Runs one job of the table by name. A name that is gone (an older release's message) does nothing. */
export async function runJob(ctx: Context, name: string): Promise<void> {
  const job = jobs.find((candidate) => candidate.name === name);
  if (!job) {
    ctx.log.warn({ job: name }, 'unknown job');
    return;
  }
  await ctx.clock.refresh();
  await recordRun(ctx, name, () => job.run(ctx));
}
