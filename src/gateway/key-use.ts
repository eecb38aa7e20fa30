// Remembers when keys were last used and writes it down a few times a minute, many keys in one statement: right
// within 60 s, and no write per call. What a crash loses is a moment of a hint.
import type pg from 'pg';
import { writeKeyUses } from '../adapters/key-use.ts';
import type { Log } from '../adapters/log.ts';

const flushEveryMs = 15_000;
/** A key in constant use is noted this often: with the time until the write that is less than a minute. */
const noteEveryMs = 40_000;
const rowsMax = 5_000;

/** A key in memory and when its use was last noted. */
export type UsedKey = { key: { id: string } | null; notedAt: number };

export function createKeyUse(options: { pool: pg.Pool; log: Log; nowMs: () => number }) {
  const { pool, log, nowMs } = options;
  let used = new Map<string, number>();
  let writing: Promise<void> | undefined;
  const timer = setInterval(() => void flush(), flushEveryMs);
  timer.unref();

  function flush(): Promise<void> {
    writing ??= writeAll().finally(() => (writing = undefined));
    return writing;
  }

  async function writeAll(): Promise<void> {
    const batch = [...used];
    used = new Map();
    for (let at = 0; at < batch.length; at += rowsMax) {
      try {
        await writeKeyUses(pool, batch.slice(at, at + rowsMax));
      } catch (error) {
        log.warn({ err: error }, 'last use of keys not written; tried again with the next');
        for (const [id, usedAt] of batch.slice(at)) if (!used.has(id)) used.set(id, usedAt);
        return;
      }
    }
  }

  function touch(entry: UsedKey): void {
    const now = nowMs();
    if (!entry.key || now - entry.notedAt < noteEveryMs) return;
    entry.notedAt = now;
    used.set(entry.key.id, now);
  }

  return {
    touch,
    async close(): Promise<void> {
      clearInterval(timer);
      await flush();
      // What came while an earlier write was under way.
      await flush();
    },
  };
}
