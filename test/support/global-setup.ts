// Before all tests: one PostgreSQL of our own in a temporary folder, and in it a template with the
// migrations applied, of which each test file gets a copy. Never touches a database somebody configured.
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { migrate } from '../../src/adapters/migrate.ts';
import { startPostgres } from '../../src/local/postgres.ts';
import type { LocalPostgres } from '../../src/local/postgres.ts';

declare global {
  var tollgateTest: { postgres: LocalPostgres; folder: string } | undefined;
}

export default async function globalSetup(): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-test-'));
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres({ dataDir: folder, password, volatile: true });
  globalThis.tollgateTest = { postgres, folder };
  // Workers are other processes: the environment is what they inherit.
  process.env.TOLLGATE_TEST_DATABASE_URL = postgres.url;
  await migrate(postgres.url);
}
