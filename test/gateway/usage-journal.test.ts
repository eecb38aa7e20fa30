// What an open policy let through while PostgreSQL was away, counted afterwards: priced as any other units, and once
// however often a file is replayed.
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createUsageJournal } from '../../src/adapters/usage-journal.ts';
import type { LimitCheck } from '../../src/domain/limit.ts';
import { startMetered } from '../support/metered.ts';
import type { Metered } from '../support/metered.ts';

let m: Metered;
let folder: string;
beforeAll(async () => {
  m = await startMetered();
  folder = await mkdtemp(path.join(os.tmpdir(), 'tollgate-journal-'));
  await m.plan('soft', [
    {
      feature: 'soft',
      limits: [{ window: 'month', max: 10, overage: { unit_amount_decimal: '2' } }],
    },
  ]);
});
afterAll(async () => {
  await m.close();
  await rm(folder, { recursive: true });
});

const journal = () =>
  createUsageJournal({ folder, pool: m.ctx.pool, log: m.ctx.log, nowMs: m.ctx.clock.nowMs });

/** The limit as the check would have it this month. */
function limitNow(): LimitCheck {
  const now = m.ctx.now();
  const at = (months: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1);
  return {
    ...{ feature: 'soft', scope: 'feature', counter: 'soft', window: 'month', weight: 1 },
    ...{ start: at(0), end: at(1), max: 10, ceiling: null, onExceed: 'payment' },
    spend: { price: '2000000000.000', max: null, start: at(0) },
  };
}

const counters = async (id: string) => {
  const { rows } = await m.ctx.pool.query<{ feature: string; used: number }>(
    'SELECT feature, used FROM usage_counter WHERE customer_id = $1 ORDER BY feature',
    [id],
  );
  return Object.fromEntries(rows.map(({ feature, used }) => [feature, used]));
};

test('overage among them stands in the sum that the spend cap bounds', async () => {
  const { id } = await m.subscriber('soft');
  const writer = journal();
  await Promise.all([4, 4, 4, 3].map((units) => writer.append(id, [limitNow()], units)));
  await writer.close();
  // Five beyond the ten that are included, at 2 minor units each, in billionths.
  expect(await counters(id)).toEqual({ soft: 15, $spend: 10_000_000_000 });
  expect(await readdir(folder)).toEqual([]);
});

test('a file that is replayed again counts nothing again, and a line cut off by a crash is left out', async () => {
  const { id } = await m.subscriber('soft');
  const writer = journal();
  await writer.append(id, [limitNow()], 12);
  const [name] = await readdir(folder);
  const copy = path.join(folder, '..', `${path.basename(folder)}.copy`);
  await copyFile(path.join(folder, name!), copy);
  await writer.close();
  const again = journal();
  await again.append(id, [limitNow()], 1);
  const [file] = await readdir(folder);
  await copyFile(copy, path.join(folder, file!));
  await writeFile(path.join(folder, file!), '{"id":"cut', { flag: 'a' });
  await again.close();
  await rm(copy);
  expect(await counters(id)).toEqual({ soft: 12, $spend: 4_000_000_000 });
});
