// Keeps, in the data folder, the units of calls that were let through while PostgreSQL was away, and counts them
// once it is back. A line is on disk before its answer leaves; replaying a file twice counts it once. Decides
// nothing: whether a call may pass uncounted is the route policy's word.
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readdir, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { z } from 'zod';
import type { LimitCheck } from '../domain/limit.ts';
import type { Log } from './log.ts';
import { countArguments } from './usage-arguments.ts';

const replayEveryMs = 1_000;
const linesPerCall = 500;
/** Beyond this the journal takes no more, and policies that are open close. */
const fileBytesMax = 64 * 1024 * 1024;
const waitingMax = 20_000;
/** Another process's file is taken over once nobody can still be writing it. */
const orphanedAfterMs = 60_000;

/** A call that was let through: its units, and what of each limit is needed to count and price them. */
const lineForm = z.object({
  id: z.string(),
  customerId: z.string(),
  units: z.number(),
  limits: z.array(
    z.object({
      counter: z.string(),
      window: z.enum(['minute', 'hour', 'day', 'month', 'billing_period']),
      start: z.number(),
      max: z.number(),
      weight: z.number(),
      spend: z
        .object({ price: z.string(), max: z.string().nullable(), start: z.number() })
        .nullable(),
    }),
  ),
});
type Line = z.infer<typeof lineForm>;
type Waiting = { line: string; resolve: () => void; reject: (error: unknown) => void };
export type UsageJournal = ReturnType<typeof createUsageJournal>;

/** `nowMs` is business time: what has expired by then is no longer held. */
export function createUsageJournal(options: {
  folder: string;
  pool: pg.Pool;
  log: Log;
  nowMs: () => number;
}) {
  const { folder, pool, log, nowMs } = options;
  const waiting: Waiting[] = [];
  let file: { name: string; handle: FileHandle; bytes: number } | undefined;
  let writing: Promise<void> | undefined;
  let replaying: Promise<void> | undefined;
  /** Files of ours that were closed and could not be counted yet. */
  const written = new Set<string>();
  /** Nothing to look for until something was written here, or left by an earlier process. */
  let mayHoldFiles = true;
  const timer = setInterval(() => void replay(), replayEveryMs);
  timer.unref();

  async function openFile() {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const name = `${randomUUID()}.jsonl`;
    written.add(name);
    return { name, handle: await open(path.join(folder, name), 'ax', 0o600), bytes: 0 };
  }

  async function write(): Promise<void> {
    while (waiting.length) {
      const batch = waiting.splice(0);
      try {
        mayHoldFiles = true;
        file ??= await openFile();
        const text = batch.map(({ line }) => line).join('');
        if (file.bytes + text.length > fileBytesMax) throw new Error('the usage journal is full');
        await file.handle.appendFile(text);
        await file.handle.datasync();
        file.bytes += text.length;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        log.error({ err: error }, 'usage journal not written');
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** Counts what files hold, ours and orphans, and removes them. Tried again until PostgreSQL takes it. */
  function replay(): Promise<void> {
    if (!mayHoldFiles || writing) return Promise.resolve();
    replaying ??= replayAll()
      .catch((error: unknown) => log.debug({ err: error }, 'usage journal waits'))
      .finally(() => (replaying = undefined));
    return replaying;
  }

  async function replayAll(): Promise<void> {
    const names = await readdir(folder).catch(() => []);
    let isLeft = false;
    for (const name of names.filter((each) => each.endsWith('.jsonl'))) {
      if (!(await release(name))) {
        isLeft = true;
        continue;
      }
      await replayFile(name);
    }
    mayHoldFiles = isLeft || file !== undefined;
  }

  /** Whether nobody writes into this file any more. Our own is closed, and what comes next opens another. */
  async function release(name: string): Promise<boolean> {
    if (file?.name !== name) {
      const { mtimeMs } = await stat(path.join(folder, name));
      return written.has(name) || Date.now() - mtimeMs > orphanedAfterMs;
    }
    if (writing) return false;
    const { handle } = file;
    file = undefined;
    await handle.close();
    return true;
  }

  async function replayFile(name: string): Promise<void> {
    const place = path.join(folder, name);
    const lines = (await readFile(place, 'utf8'))
      .split('\n')
      .flatMap((text) => readLine(text) ?? []);
    for (let at = 0; at < lines.length; at += linesPerCall) {
      await countLines(pool, lines.slice(at, at + linesPerCall), nowMs());
    }
    await unlink(place);
    written.delete(name);
    log.info({ units: lines.length }, 'units let through during an outage are counted');
  }

  return {
    /** Resolves once the units are on disk; rejects where they cannot be kept. */
    append(customerId: string, limits: LimitCheck[], units: number): Promise<void> {
      if (waiting.length >= waitingMax)
        return Promise.reject(new Error('too many wait for the journal'));
      const counted = limits.map(({ counter, window, start, max, weight, spend }) => ({
        ...{ counter, window, start, max, weight, spend },
      }));
      const line: Line = { id: randomUUID(), customerId, units, limits: counted };
      return new Promise((resolve, reject) => {
        waiting.push({ line: `${JSON.stringify(line)}\n`, resolve, reject });
        writing ??= write().finally(() => (writing = undefined));
      });
    },
    replay,
    async close(): Promise<void> {
      clearInterval(timer);
      await writing;
      await replay();
      await file?.handle.close();
    },
  };
}

/** Null for a line that a crash cut off: its answer never left. */
function readLine(text: string): Line | null {
  try {
    return text ? lineForm.parse(JSON.parse(text)) : null;
  } catch {
    return null;
  }
}

async function countLines(pool: pg.Pool, lines: Line[], nowMs: number): Promise<void> {
  const { row, check, soft } = countArguments(lines);
  await pool.query(
    `SELECT count_journaled($1::text[], $2::timestamptz, $3::text[], $4::text[], $5::text[], $6::timestamptz[],
       $7::int[], $8::int[], $9::bigint[], $10::bigint[], $11::numeric[], $12::int[])`,
    [
      lines.map(({ id }) => id),
      new Date(nowMs).toISOString(),
      ...Object.values(row),
      check.request,
      check.row,
      check.units,
      soft.included,
      soft.price,
      soft.spendRow,
    ],
  );
}
