// `npm start` with nothing configured: PostgreSQL, sandbox, API, worker and a demo, all on this machine, in
// one go. Ends in order on SIGINT, SIGTERM and SIGHUP. For real services there are main.ts and worker.ts.
import { banner } from './local/banner.ts';
import { ignoredVariables } from './local/environment.ts';
import {
  createInstallation,
  StartError,
  startInstallation,
  stopInstallation,
} from './local/installation.ts';
import type { Installation } from './local/installation.ts';
import { ConfigError, readLocalConfig } from './config.ts';

/** npm hands on the signal that the terminal has already sent us: that is no second Ctrl-C. */
const secondSignalAfterMs = 1_000;
const lookForNpmEveryMs = 500;

const say = (line: string) => process.stdout.write(`${line}\n`);
const guardian = process.env['npm_lifecycle_event'] === 'start' ? process.ppid : null;

async function main(): Promise<void> {
  const all = createInstallation({
    config: readLocalConfig(),
    env: process.env,
    guardian,
    say,
    gaveUp: (message) => {
      fail(new StartError(message));
      end(1);
    },
  });
  const end = endsOnce(all);
  onSignals(all, end);
  const ignored = ignoredVariables(process.env);
  if (ignored.length > 0) {
    say(
      `npm start makes its own ${ignored.join(', ')}; for real services: npm run api, npm run worker.`,
    );
  }
  say('Starting Tollgate ...');
  try {
    const { dev, folders } = await startInstallation(all);
    say(banner(dev, folders));
  } catch (error) {
    // Whoever ended it meanwhile has said why.
    if (!all.stopping) fail(error);
    end(1);
  }
}

function endsOnce(all: Installation): (code: number) => void {
  return (code) => {
    if (all.stopping) return;
    stopInstallation(all, 'soon').then(
      () => process.exit(code),
      (error: unknown) => {
        fail(error);
        process.exit(1);
      },
    );
  };
}

function onSignals(all: Installation, endWith: (code: number) => void): void {
  let firstAt = 0;
  const onSignal = () => {
    if (firstAt === 0) {
      firstAt = Date.now();
      say('Ending Tollgate ... (Ctrl-C again: at once)');
      endWith(0);
    } else if (Date.now() - firstAt > secondSignalAfterMs) {
      void stopInstallation(all, 'now').finally(() => process.exit(1));
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // An npm that was killed can hand on no signal any more.
  if (guardian)
    setInterval(() => process.ppid !== guardian && endWith(0), lookForNpmEveryMs).unref();
  // Nobody reads any more, as after npm was killed: no reason to end in the middle of ending.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

function fail(error: unknown): void {
  const isForPeople = error instanceof StartError || error instanceof ConfigError;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`${isForPeople ? message : (stack ?? message)}\n`);
}

main().catch((error: unknown) => {
  fail(error);
  process.exit(1);
});
