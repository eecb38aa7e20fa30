// Migrations by Prisma's engine: several databases from one process, twice each, and many processes' worth at once.
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../src/adapters/migrate.ts';

async function withEmptyDatabase(use: (url: string) => Promise<void>): Promise<void> {
  const url = new URL(process.env['TOLLGATE_TEST_DATABASE_URL']!);
  const name = `empty_${randomBytes(6).toString('hex')}`;
  const admin = new URL(url);
  admin.pathname = '/postgres';
  const client = new pg.Client({ connectionString: admin.href });
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  url.pathname = `/${name}`;
  await use(url.href);
  await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await client.end();
}

test('two databases are migrated one after the other, and the second run does nothing', async () => {
  for (let database = 0; database < 2; database += 1) {
    await withEmptyDatabase(async (url) => {
      expect((await migrate(url)).length).toBeGreaterThan(3);
      expect(await migrate(url)).toEqual([]);
    });
  }
});

test('of several that start at once one migrates, and the others wait for it', async () => {
  await withEmptyDatabase(async (url) => {
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  });
});
