// Remembers when keys were last used and writes it down every half minute, many keys in one statement: right
// within 60 s, and no write per call. What a crash loses is half a minute of a hint.
import type pg from 'pg';
import type { Log } from '../adapters/log.ts';

const flushEveryMs = 30_000;
const rowsMax = 5_000;

export function createKeyUse(options: { pool: pg.Pool; log: Log; nowMs: () => number }) {
  const { pool, log, nowMs } = options;
  const used = new Map<string, number>();
  const timer = setInterval(() => void flush(), flushEveryMs);
  timer.unref();

  async function flush(): Promise<void> {
    const batch = [...used].slice(0, rowsMax);
    if (batch.length === 0) return;
    for (const [id] of batch) used.delete(id);
    try {
      await pool.query(
        `UPDATE api_key k SET last_used_at = greatest(k.last_used_at, u.at)
         FROM (SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS t (id, at) ORDER BY id) u WHERE k.id = u.id`,
        [batch.map(([id]) => id), batch.map(([, at]) => new Date(at).toISOString())],
      );
    } catch (error) {
      log.warn({ err: error }, 'last use of keys not written; tried again with the next');
      for (const [id, at] of batch) if (!used.has(id)) used.set(id, at);
    }
  }

  return {
    touch: (id: string) => void used.set(id, nowMs()),
    async close(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}
