// A real Redis (or Valkey) of one's own for a test: on a free port, in a temporary folder, ended by its process id.
// Where the machine has none, tests on it are left out, and global-setup.ts says so.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { choosePort } from '../../src/local/free-port.ts';
import { isAlive } from '../../src/local/processes.ts';
import { until } from './until.ts';

const prefix = 'tollgate-redis-';

export type TestRedis = Awaited<ReturnType<typeof startTestRedis>>;

/** The program's name, or null where none is on PATH. */
export const redisProgram =
  ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  ) ?? null;

export async function startTestRedis() {
  const port = await choosePort(null);
  const folder = mkdtempSync(path.join(os.tmpdir(), `${prefix}${process.pid}-`));
  const url = `redis://127.0.0.1:${port}/0`;
  let server = await run(port, folder);
  const ask = async (...command: [string, ...string[]]): Promise<unknown> => {
    const client = new Redis(url, { maxRetriesPerRequest: 1 });
    try {
      return await client.call(...command);
    } finally {
      client.disconnect();
    }
  };
  return {
    url,
    port,
    ask,
    /** Everything in it is gone. */
    flush: () => ask('FLUSHALL'),
    /** As a crash: what was in memory is gone as well. */
    kill: () => end(server, 'SIGKILL'),
    async start() {
      server = await run(port, folder);
    },
    async stop() {
      await end(server, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(port: number, folder: string): Promise<ChildProcess> {
  const pidfile = path.join(folder, 'redis.pid');
  const options = { port, bind: '127.0.0.1', dir: folder, pidfile, save: '', appendonly: 'no' };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn(redisProgram ?? 'redis-server', flags, { stdio: 'ignore' });
  const client = new Redis(port, '127.0.0.1', {
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  try {
    await until('redis answers', async () => (await client.ping()) === 'PONG');
  } finally {
    client.disconnect();
  }
  return server;
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill(signal);
  await ended;
}

/** What a run that was killed has left: servers whose folder says so, and their files. */
export function sweepRedis(): void {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    if (isAlive(Number(name.slice(prefix.length).split('-')[0]))) continue;
    const folder = path.join(os.tmpdir(), name);
    try {
      const pid = Number(readFileSync(path.join(folder, 'redis.pid'), 'utf8'));
      if (readlinkSync(`/proc/${pid}/cwd`) === folder) process.kill(pid, 'SIGKILL');
    } catch {
      // Ended already.
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
