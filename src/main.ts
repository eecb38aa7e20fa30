// The API process: config, migrations, context, server, and an orderly end on SIGTERM or SIGINT.
import { assertSameStripeAccount } from './actions/stripe/account.ts';
import { migrate } from './adapters/migrate.ts';
import { ConfigError, readConfig } from './config.ts';
import { createContext } from './context.ts';
import { startServer } from './server.ts';
import { jobs } from '../jobs/index.ts';

const exitWithinMs = 9_500;

async function main(): Promise<void> {
  const config = readConfig();
  await migrate(config.databaseUrl);
  const ctx = await createContext(config, 'api', jobs);
  await assertSameStripeAccount(ctx);
  const server = await startServer(ctx, { port: config.port, host: config.host });
  const stop = (signal: string) => {
    ctx.log.info({ signal }, 'api stopping');
    setTimeout(() => process.exit(1), exitWithinMs).unref();
    void server
      .close()
      .then(() => ctx.close())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  ctx.log.info({ url: server.url }, 'api ready');
}

main().catch((error: unknown) => {
  process.stderr.write(`${describe(error)}\n`);
  process.exit(1);
});

function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, port, message } = error as { code?: string; port?: number; message?: string };
  if (code === 'EADDRINUSE') return `Tollgate cannot start: port ${port} is taken (set PORT)`;
  return `Tollgate cannot start: ${message ?? String(error)}`;
}
