import { expect, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../support/database.ts';

test('each test database has our tables and shares nothing with another', async () => {
  const [first, second] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  const clients = [new pg.Client(first.url), new pg.Client(second.url)] as const;
  for (const client of clients) await client.connect();
  await clients[0].query(`INSERT INTO plan (id, key, created_at) VALUES ('plan_1', 'pro', now())`);
  expect((await clients[0].query('SELECT FROM plan')).rowCount).toBe(1);
  expect((await clients[1].query('SELECT FROM plan')).rowCount).toBe(0);
  for (const client of clients) await client.end();
  await Promise.all([first.drop(), second.drop()]);
});
