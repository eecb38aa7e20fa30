// What is promised of every job, walked over the table, so that none can be forgotten: run twice is run once, what is
// declared as due is what is settled, and no row that fails stands in the way of the others or stays unseen.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { jobs } from '../../jobs/index.ts';
import { runJob } from '../../jobs/run.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';
import { makeDue } from './due.ts';

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ worker: false, env: { WEBHOOK_ALLOW_PRIVATE: 'yes' } });
  await billing.runJobs();
});
afterAll(() => billing.close());

/** What runs say about themselves is not an effect; nor is who looked when. */
const aside = ['job_run', 'overage_progress', 'clock', '_prisma_migrations'];

/** One hash per table over everything in it. */
async function everything(): Promise<Record<string, string>> {
  const { rows } = await billing.ctx.pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
     AND table_name <> ALL ($1)`,
    [aside],
  );
  const hashes: Record<string, string> = {};
  for (const { name } of rows) {
    const { rows: found } = await billing.ctx.pool.query<{ hash: string }>(
      `SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS hash FROM "${name}" t`,
    );
    hashes[name] = found[0]!.hash;
  }
  return hashes;
}

async function backlogOf(name: string) {
  const { body } = await billing.operator('GET', '/jobs');
  return body.data.find((job: any) => job.name === name);
}

describe('the table', () => {
  test('names each file of jobs/ once, and each of its jobs has something to settle in due.ts', () => {
    const files = readdirSync(new URL('../../jobs', import.meta.url))
      .map((file) => file.replace(/\.ts$/, ''))
      .filter((name) => name !== 'index' && name !== 'run');
    const names = jobs.map(({ name }) => name);
    expect(names.toSorted()).toEqual(files.toSorted());
    expect(Object.keys(makeDue).toSorted()).toEqual(names.toSorted());
  });

  test('names each kind of rows once', () => {
    const kinds = jobs.flatMap(({ rows }) => rows.map(({ kind }) => kind));
    expect(kinds).toEqual([...new Set(kinds)]);
    expect(kinds.filter((kind) => !/^[a-z_]+$/.test(kind))).toEqual([]);
  });
});

describe.each(jobs)('$name', ({ name, rows }) => {
  test('settles what is due, and run twice is run once', async () => {
    await makeDue[name]!(billing);
    await billing.delivered();
    const before = await everything();
    const waiting = await backlogOf(name);
    if (rows.length > 0) expect(waiting.backlog).toBeGreaterThan(0);
    await runJob(billing.ctx, name);
    await billing.delivered();
    const once = await everything();
    expect(once).not.toEqual(before);
    expect(await backlogOf(name)).toMatchObject({ backlog: 0, oldest_due: null });
    await runJob(billing.ctx, name);
    expect(await everything()).toEqual(once);
  });

  test('run twice at once is run once too, and nothing fails', async () => {
    await makeDue[name]!(billing);
    await billing.delivered();
    await Promise.all([runJob(billing.ctx, name), runJob(billing.ctx, name)]);
    await billing.delivered();
    const once = await everything();
    await runJob(billing.ctx, name);
    expect(await everything()).toEqual(once);
    const { body } = await billing.operator('GET', '/jobs/failures');
    expect(body.data).toEqual([]);
  });
});
