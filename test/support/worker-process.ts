// The worker as a process of its own, which a test may kill as an operating system does.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/config.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type WorkerProcess = ReturnType<typeof spawnWorker>;

/** `env` is complete: nothing of the test's own environment is handed on but PATH. */
export function spawnWorker(env: Environment) {
  const worker: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'src/worker.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [worker.stdout!, worker.stderr!])
    stream.on('data', (part: Buffer) => (printed = (printed + part.toString()).slice(-20_000)));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    worker.once('exit', (code, signal) => resolve({ code, signal })),
  );
  const hasEnded = () => worker.exitCode !== null || worker.signalCode !== null;
  const isReady = () => printed.includes('worker ready');
  return {
    printed: () => printed,
    isReady: () => isReady() && !hasEnded(),
    async ready(): Promise<void> {
      await until('the worker is ready', () => isReady() || hasEnded(), 60_000);
      if (hasEnded()) throw new Error(`the worker ended: ${printed}`);
    },
    /** How it ended. */
    async end(signal: NodeJS.Signals) {
      if (!hasEnded()) worker.kill(signal);
      return ended;
    },
  };
}
