// The packaged server by itself: what it keeps, what it leaves, and where it can live.
import { afterEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../src/local/postgres.ts';
import type { LocalPostgres } from '../../src/local/postgres.ts';
import { isAlive } from '../../src/local/processes.ts';

const password = 'a password: with/odd characters @ in it';
const folders = new Set<string>();

afterEach(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
  folders.clear();
});

async function start(dataDir: string): Promise<LocalPostgres> {
  folders.add(dataDir);
  const server = await startPostgres({ dataDir, password });
  folders.add(server.folder);
  return server;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const newFolder = () => mkdtemp(path.join(os.tmpdir(), 'tollgate-postgres-'));

describe('a data folder of mode 0700', () => {
  test('is enough, and keeps data and port over a restart', async () => {
    const folder = await newFolder();
    await chmod(folder, 0o700);
    const first = await start(path.join(folder, 'deep', '.tollgate'));
    folders.add(folder);
    await query(first.url, 'CREATE TABLE kept (id int)');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start(path.join(folder, 'deep', '.tollgate'));
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([
      { rows: 0 },
    ]);
    await second.stop('now');
  });
});

test('a data folder that others may pass through holds its database, and can be moved with it', async () => {
  const folder = await newFolder();
  await chmod(folder, 0o711);
  const first = await start(path.join(folder, 'here'));
  expect(first.folder).toBe(path.join(folder, 'here', 'postgres'));
  await query(first.url, 'CREATE TABLE kept (id int)');
  await first.stop();
  await rename(path.join(folder, 'here'), path.join(folder, 'there'));
  const second = await start(path.join(folder, 'there'));
  expect(await query(second.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 0 }]);
  await second.stop('now');
  folders.add(folder);
});

test('a server that an earlier run left behind is stopped before the next one starts', async () => {
  const folder = await newFolder();
  const left = await start(folder);
  const next = await start(folder);
  expect(isAlive(left.pid)).toBe(false);
  expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await next.stop('now');
});

test('a server killed outright is followed by one that has what was committed', async () => {
  const folder = await newFolder();
  const killed = await start(folder);
  await query(killed.url, 'CREATE TABLE kept (id int)');
  process.kill(killed.pid, 'SIGKILL');
  const next = await start(folder);
  expect(await query(next.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 0 }]);
  await next.stop('now');
});

test('nobody gets in without the password', async () => {
  const server = await start(await newFolder());
  const wrong = new URL(server.url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  await server.stop('now');
});
