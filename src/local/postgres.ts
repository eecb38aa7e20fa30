// Runs the PostgreSQL that npm brought, on a data folder: makes the cluster once, starts it, stops it. It
// listens on 127.0.0.1 with a password only, and in a session of its own, so that Ctrl-C in the terminal
// does not take it away from those that still drain. Knows nothing of our tables.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { choosePort } from './free-port.ts';
import { preparePostgresHome } from './postgres-home.ts';
import type { PostgresHome } from './postgres-home.ts';
import { makeDataFolder, readPrivateJson, writePrivateJson } from './private-file.ts';
import { commandOf, endProcess, holdsWithin, isAlive } from './processes.ts';

export type LocalPostgres = {
  url: string;
  pid: number;
  /** Where the database's files are: below the data folder, or for root in a place of its own. */
  folder: string;
  /** `now` gives no client a chance to finish; nothing that was committed is lost either way. */
  stop: (how?: 'soon' | 'now') => Promise<void>;
};

export type PostgresOptions = {
  dataDir: string;
  /** The first start sets it, later ones must name the same. */
  password: string;
  /** Gives durability away for speed: tests. */
  volatile?: boolean;
};

const user = 'tollgate';
const startAttempts = 8;
const readyWithinMs = 30_000;
const stateSchema = z.object({ folder: z.string(), port: z.number().int() });

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Without it the log would hold the values of rows that broke a constraint.
  log_error_verbosity: 'terse',
};
const volatileSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Starts the cluster of a data folder, made if need be. What an earlier run left behind is stopped first. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const dataDir = path.resolve(options.dataDir);
  makeDataFolder(dataDir);
  const stateFile = path.join(dataDir, 'postgres.json');
  const before = readPrivateJson(stateFile, stateSchema);
  const home = preparePostgresHome(dataDir, before?.folder ?? null);
  // Relative where it is inside, so that the data folder can be moved.
  const isInside = path.dirname(home.folder) === dataDir;
  const folder = isInside ? path.basename(home.folder) : home.folder;
  if (!before) writePrivateJson(stateFile, { folder, port: 0 });
  if (!existsSync(home.data)) await makeCluster(home, options);
  await stopLeftover(home);
  const { port, pid } = await startServer(home, before?.port ?? null, options.volatile ?? false);
  writePrivateJson(stateFile, { folder, port });
  const url = (database: string) =>
    `postgres://${user}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/${database}`;
  await makeDatabase(url('postgres'));
  return {
    url: url(user),
    pid,
    folder: home.folder,
    stop: (how = 'soon') => stopServer(pid, how),
  };
}

/** In a folder beside and renamed, so that a start that was cut short leaves no half cluster. */
async function makeCluster(home: PostgresHome, options: PostgresOptions): Promise<void> {
  const unfinished = `${home.data}.new`;
  const passwordFile = path.join(home.folder, 'password');
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (home.user) chownSync(passwordFile, home.user.uid, home.user.gid);
  try {
    await runInitdb(home, [
      ...['-D', unfinished, '-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
      // Sorts by code point on every machine, and needs none of its locales.
      ...['--encoding=UTF8', '--no-locale', '--no-instructions'],
      ...(options.volatile ? ['--no-sync'] : []),
    ]);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, home.data);
}

/** Out of the terminal's reach too: it is over in a second. */
async function runInitdb(home: PostgresHome, args: string[]): Promise<void> {
  const child = spawn(home.binary('initdb'), args, {
    ...home.user,
    cwd: home.folder,
    env: {},
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said += part.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      said += error.message;
      resolve(null);
    });
  });
  if (code !== 0) throw new Error(`initdb failed: ${said.trim()}`);
}

/** A server of an earlier run that was killed: only if the process named is really one on this very folder. */
async function stopLeftover(home: PostgresHome): Promise<void> {
  const pid = Number(readPidFile(home)[0]);
  if (!pid || !isAlive(pid) || !commandOf(pid).includes(home.data)) return;
  await stopServer(pid, 'soon');
}

async function startServer(home: PostgresHome, preferred: number | null, isVolatile: boolean) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(attempt === 1 ? preferred : null);
    const pid = await launch(home, port, isVolatile);
    if (pid !== null) return { port, pid };
    // A port lost to somebody else, or workers of a killed server that have not noticed yet: both pass.
    if (attempt === startAttempts) {
      throw new Error(`PostgreSQL does not start; its log is ${home.log}:\n${lastLines(home.log)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** The pid once it takes connections, null when it ended before. */
async function launch(
  home: PostgresHome,
  port: number,
  isVolatile: boolean,
): Promise<number | null> {
  const log = openSync(home.log, 'w', 0o600);
  const given = { ...settings, port: String(port), ...(isVolatile ? volatileSettings : {}) };
  const child = spawn(
    home.binary('postgres'),
    [
      '-D',
      home.data,
      ...Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...home.user, cwd: home.folder, env: {}, detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const isReady = await isReadyBefore(ended, child, home);
  child.unref();
  return isReady ? (child.pid ?? null) : null;
}

/** The server says so on line 8 of its pid file (miscadmin.h, LOCK_FILE_LINE_PM_STATUS). */
async function isReadyBefore(
  ended: Promise<void>,
  child: ChildProcess,
  home: PostgresHome,
): Promise<boolean> {
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  const saysReady = () => {
    const lines = readPidFile(home);
    return Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready';
  };
  await holdsWithin(readyWithinMs, () => hasEnded || saysReady());
  return !hasEnded && saysReady();
}

async function stopServer(pid: number, how: 'soon' | 'now'): Promise<void> {
  // SIGINT: disconnect everybody and shut down; SIGQUIT: leave, and recover at the next start.
  const steps = [
    { signal: 'SIGINT', waitMs: how === 'soon' ? 15_000 : 0 },
    { signal: 'SIGQUIT', waitMs: 5_000 },
    { signal: 'SIGKILL', waitMs: 5_000 },
  ] as const;
  const gone = await endProcess(pid, how === 'soon' ? steps : steps.slice(1));
  if (!gone) throw new Error(`PostgreSQL (process ${pid}) does not end`);
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [user]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${user}`);
  } finally {
    await client.end();
  }
}

function readPidFile(home: PostgresHome): string[] {
  try {
    return readFileSync(path.join(home.data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-5).join('\n');
}
