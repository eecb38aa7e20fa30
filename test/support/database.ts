// A database of one's own for a test file, copied from the migrated template in some 20 ms.
import { randomBytes } from 'node:crypto';
import pg from 'pg';

export type TestDatabase = { url: string; drop: () => Promise<void> };

export async function createTestDatabase(): Promise<TestDatabase> {
  const template = new URL(templateUrl());
  const name = `test_${randomBytes(8).toString('hex')}`;
  const copied = `TEMPLATE ${template.pathname.slice(1)} STRATEGY FILE_COPY`;
  await runInServer(`CREATE DATABASE ${name} ${copied}`);
  const url = new URL(template);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => runInServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** From the maintenance database: a template must have no connections while it is copied. */
async function runInServer(sql: string): Promise<void> {
  const url = new URL(templateUrl());
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function templateUrl(): string {
  const url = process.env.TOLLGATE_TEST_DATABASE_URL;
  if (!url) throw new Error('test/support/global-setup.ts has not run: start tests through jest');
  return url;
}
