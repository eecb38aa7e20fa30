// The jobs process: config, context, schedule, work, and an orderly end on SIGTERM or SIGINT.
// Any number of them may run; each does whole jobs and none is special.
import { catchUp } from './actions/reconciliation/reconciliation.ts';
import { assertSameStripeAccount } from './actions/stripe/account.ts';
import { migrate } from './adapters/migrate.ts';
import { ConfigError, readConfig } from './config.ts';
import { createContext } from './context.ts';
import { jobs } from '../jobs/index.ts';
import { runJob } from '../jobs/run.ts';

const exitWithinMs = 9_500;

async function main(): Promise<void> {
  const config = readConfig();
  await migrate(config.databaseUrl);
  const ctx = await createContext(config, 'worker', jobs);
  const stop = (signal: string) => {
    ctx.log.info({ signal }, 'worker stopping');
    setTimeout(() => process.exit(1), exitWithinMs).unref();
    ctx.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await assertSameStripeAccount(ctx);
  await ctx.queue.schedule(jobs);
  await ctx.queue.work((name, tick) => runJob(ctx, name, tick));
  await catchUp(ctx);
  ctx.log.info({ jobs: jobs.map((job) => job.name) }, 'worker ready');
}

main().catch((error: unknown) => {
  const shown =
    error instanceof ConfigError ? error.message : `Tollgate cannot start: ${String(error)}`;
  process.stderr.write(`${shown}\n`);
  process.exit(1);
});
