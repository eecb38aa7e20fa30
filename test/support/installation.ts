// `npm start` as a person runs it: npm in a process group of its own, everything it prints, and what is left
// of it afterwards. Ports and data folder are the test's own.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDevFile } from '../../src/local/dev-file.ts';
import type { DevFile } from '../../src/local/dev-file.ts';
import { isAlive } from '../../src/local/processes.ts';
import { until } from './until.ts';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export type Place = {
  dataDir: string;
  ports: { api: number; sandbox: number };
  /** A copy of the repository; default: this one. */
  checkout?: string;
  /** Run as this user instead of ours, with a home folder of theirs. */
  user?: { uid: number; gid: number; home: string };
};

export type StartedNpm = {
  npm: ChildProcess;
  /** To all that a Ctrl-C in the terminal reaches. */
  signalGroup: (signal: NodeJS.Signals) => void;
  /** What it has printed so far. */
  printed: () => string;
  /** How npm ended; bounded. */
  ended: () => Promise<{ code: number | null; signal: NodeJS.Signals | null; tookMs: number }>;
};

export function npmStart(place: Place): StartedNpm {
  const { PATH, HOME } = process.env;
  const npm = spawn('npm', ['start'], {
    cwd: place.checkout ?? repository,
    env: {
      PATH,
      HOME: place.user?.home ?? HOME,
      npm_config_update_notifier: 'false',
      npm_config_cache: path.join(place.user?.home ?? path.dirname(place.dataDir), '.npm'),
      PORT: String(place.ports.api),
      SANDBOX_PORT: String(place.ports.sandbox),
      DATA_DIR: place.dataDir,
    },
    ...(place.user ? { uid: place.user.uid, gid: place.user.gid } : {}),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [npm.stdout, npm.stderr])
    stream.on('data', (part: Buffer) => (printed += part.toString()));
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    npm.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    npm,
    signalGroup: (signal) => process.kill(-npm.pid!, signal),
    printed: () => printed,
    async ended() {
      const since = Date.now();
      await until('npm ends', () => npm.exitCode !== null || npm.signalCode !== null, 30_000);
      return { ...(await exit), tookMs: Date.now() - since };
    },
  };
}

/** Everything answers: dev.json is written last. Throws at once when npm ends instead. */
export async function untilUp(started: StartedNpm, place: Place): Promise<DevFile> {
  const { npm, printed } = started;
  const dev = await until(
    'npm start is up',
    () => {
      if (npm.exitCode !== null || npm.signalCode !== null) return 'ended';
      return printed().includes('Tollgate is running.') && readDevFile(place.dataDir);
    },
    60_000,
  );
  if (dev === 'ended') throw new Error(`npm start ended: ${printed()}`);
  return dev;
}

/** The processes of an installation that still live, by name. */
export function stillAlive(dev: DevFile): string[] {
  return Object.entries(dev.pids).flatMap(([name, pid]) => (isAlive(pid) ? [name] : []));
}

/** The PostgreSQL that runs on a place, wherever its files are. */
export function serverOf(place: { dataDir: string }): number | null {
  const pid = Number(
    readText(path.join(databaseFolder(place), 'data/postmaster.pid')).split('\n')[0],
  );
  return pid && isAlive(pid) ? pid : null;
}

/** Takes away what a start has left of its database; whatever still runs on it ends. */
export function removePlace(place: { dataDir: string }): void {
  const pid = serverOf(place);
  if (pid) process.kill(pid, 'SIGQUIT');
  rmSync(databaseFolder(place), { recursive: true, force: true, maxRetries: 5 });
}

function databaseFolder(place: { dataDir: string }): string {
  const state = JSON.parse(readText(path.join(place.dataDir, 'postgres.json')) || '{}') as object;
  return path.resolve(place.dataDir, 'folder' in state ? String(state.folder) : 'postgres');
}

/** Every file below a folder that holds the text. */
export function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile() && readFileSync(file).includes(text));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
