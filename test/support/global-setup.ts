// Before all tests: one PostgreSQL of our own in a temporary folder, and in it a template with the
// migrations applied, of which each test file gets a copy. Never touches a database somebody configured.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { migrate } from '../../src/adapters/migrate.ts';
import { startPostgres } from '../../src/local/postgres.ts';
import type { LocalPostgres } from '../../src/local/postgres.ts';
import { isAlive } from '../../src/local/processes.ts';
import { removePlace } from './installation.ts';
import { redisProgram, sweepRedis } from './redis.ts';

const prefix = 'tollgate-test-';
const memoryDisk = '/dev/shm';
const memoryDiskBytes = 3 * 2 ** 30;

const withoutRedis =
  'left out: the jobs on Redis (test/jobs), since no redis-server or valkey-server is on PATH; apt-get install redis-server\n';

declare global {
  var tollgateTest: { postgres: LocalPostgres; folder: string } | undefined;
}

export default async function globalSetup(): Promise<void> {
  for (const folder of new Set([quickFolder(), os.tmpdir()])) sweep(folder);
  sweepRedis();
  if (!redisProgram) process.stdout.write(withoutRedis);
  const folder = mkdtempSync(path.join(quickFolder(), `${prefix}${process.pid}-`));
  // As root, PostgreSQL runs as another user, who must get through.
  chmodSync(folder, 0o711);
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres({ dataDir: folder, password, volatile: true });
  globalThis.tollgateTest = { postgres, folder };
  // Workers are other processes: the environment is what they inherit.
  process.env.TOLLGATE_TEST_DATABASE_URL = postgres.url;
  await migrate(postgres.url);
}

/**
 * A database is hundreds of files, and each test file makes one and drops it, which some file systems take half a
 * second for. In memory it is nothing; only where there is room, and where programs may be run.
 */
function quickFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(memoryDisk);
    const isRoomy = Math.min(bavail * bsize, process.availableMemory()) > memoryDiskBytes;
    const mounted = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '));
    const options = mounted.findLast(([, folder]) => folder === memoryDisk)?.[3] ?? 'ro';
    const allows = (what: string) => !options.split(',').includes(what);
    return isRoomy && allows('ro') && allows('noexec') ? memoryDisk : os.tmpdir();
  } catch {
    return os.tmpdir();
  }
}

/** What a run that was killed has left: its server and its files. */
function sweep(top: string): void {
  for (const name of readdirSync(top).filter((entry) => entry.startsWith(prefix))) {
    if (isAlive(Number(name.slice(prefix.length).split('-')[0]))) continue;
    const dataDir = path.join(top, name);
    removePlace({ dataDir });
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
