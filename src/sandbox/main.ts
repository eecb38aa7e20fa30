// The sandbox as a process: config, sandbox, close on signal. Prints where it is, never its key.
import { readConfig } from './config.ts';
import { createSandbox } from './sandbox.ts';
import { FolderTaken } from './store/lock.ts';

const fail = (line: string): never => {
  process.stderr.write(`sandbox: ${line}\n`);
  process.exit(1);
};

const config = readConfig();
if ('problem' in config) fail(config.problem);
else {
  const log = (message: string, more: Record<string, unknown> = {}): void => {
    process.stdout.write(
      `${JSON.stringify({ time: new Date().toISOString(), name: 'sandbox', message, ...more })}\n`,
    );
  };
  const reasonOf = (error: unknown): string => {
    if (error instanceof FolderTaken)
      return `${error.message}; set SANDBOX_DATA_DIR to another one`;
    const isPort = (error as { code?: string }).code === 'EADDRINUSE';
    return isPort ? `port ${config.port} is taken; set SANDBOX_PORT to another one` : String(error);
  };
  const sandbox = await createSandbox({ ...config, log }).catch((error: unknown) =>
    fail(reasonOf(error)),
  );
  let closing = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (closing) return;
      closing = true;
      void sandbox.close().then(() => process.exit(0));
    });
  }
  // Last: whoever reads this may end us at once, and is to find nothing left behind.
  log('ready', { url: sandbox.url });
}
