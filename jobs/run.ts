// What surrounds every run of a job: its tick claimed, business time re-read, others called where the backlog is
// long, the outcome recorded and counted after. Knows no job; a failure is recorded and thrown on, so that the queue
// shows it too.
import { claimTick, recordRun } from '../src/actions/job-run.ts';
import { callHelp } from '../src/actions/job-help.ts';
import type { Context } from '../src/context.ts';
import type { Tick } from '../src/domain/job.ts';
import { jobs } from './index.ts';

/**
 * Runs one job of the table by name. A name that is gone (an older release's message) does nothing, and so does a
 * tick that somebody else has.
 */
export async function runJob(ctx: Context, name: string, tick: Tick | null = null): Promise<void> {
  const job = jobs.find((candidate) => candidate.name === name);
  if (!job) {
    ctx.log.warn({ job: name }, 'unknown job');
    return;
  }
  if (tick && !(await claimTick(ctx, { name, every: job.every, tick }))) return;
  await ctx.clock.refresh();
  await callHelp(ctx, job);
  await recordRun(ctx, name, () => job.run(ctx));
}
