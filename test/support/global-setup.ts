// Before all tests: one PostgreSQL of our own in a temporary folder, and in it a template with the
// migrations applied, of which each test file gets a copy. Never touches a database somebody configured.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { migrate } from '../../src/adapters/migrate.ts';
import { startPostgres } from '../../src/local/postgres.ts';
import type { LocalPostgres } from '../../src/local/postgres.ts';
import { isAlive } from '../../src/local/processes.ts';
import { removePlace } from './installation.ts';
import { redisProgram, sweepRedis } from './redis.ts';

const prefix = 'tollgate-test-';

const withoutRedis =
  'left out: the jobs on Redis (test/jobs), since no redis-server or valkey-server is on PATH; apt-get install redis-server\n';

declare global {
  var tollgateTest: { postgres: LocalPostgres; folder: string } | undefined;
}

export default async function globalSetup(): Promise<void> {
  sweep();
  sweepRedis();
  if (!redisProgram) process.stdout.write(withoutRedis);
  const folder = mkdtempSync(path.join(os.tmpdir(), `${prefix}${process.pid}-`));
  // As root, PostgreSQL runs as another user, who must get through.
  chmodSync(folder, 0o711);
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres({ dataDir: folder, password, volatile: true });
  globalThis.tollgateTest = { postgres, folder };
  // Workers are other processes: the environment is what they inherit.
  process.env.TOLLGATE_TEST_DATABASE_URL = postgres.url;
  await migrate(postgres.url);
}

/** What a run that was killed has left: its server and its files. */
function sweep(): void {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    if (isAlive(Number(name.slice(prefix.length).split('-')[0]))) continue;
    const dataDir = path.join(os.tmpdir(), name);
    removePlace({ dataDir });
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}
