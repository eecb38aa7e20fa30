// Hears what the triggers announce (migration facts_and_counting): a LISTEN connection of its own, direct and
// without a pooler, that sends itself an echo every two seconds and so knows when it has gone deaf.
// Keeps no facts; it tells its listeners which ones changed, and when it can no longer tell.
import pg from 'pg';
import type { Log } from './log.ts';

const channel = 'tollgate_facts';
const echoEveryMs = 2_000;
const deafAfterMs = 5_000;
const reconnectEveryMs = 500;

export type FactKind = 'customer' | 'plan' | 'rule' | 'clock';
export type FactListener = {
  /** `ids` null: all of the kind. */
  changed?: (kind: FactKind, ids: string[] | null) => void;
  /** Listening again after a gap: whatever was read before may be old. */
  resumed?: () => void;
};
export type Notify = ReturnType<typeof createNotify>;

export function createNotify(options: { url: string; log: Log }) {
  const listeners = new Set<FactListener>();
  let client: pg.Client | undefined;
  let closed = false;
  let lastHeardMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let reconnect: NodeJS.Timeout | undefined;

  function hear(payload: string | undefined): void {
    lastHeardMs = Date.now();
    const message = JSON.parse(payload ?? '{}') as { kind?: string; ids?: string[] | null };
    if (!message.kind || message.kind === 'echo') return;
    for (const listener of listeners) {
      listener.changed?.(message.kind as FactKind, message.ids ?? null);
    }
  }

  async function connect(): Promise<void> {
    if (closed) return;
    const next = new pg.Client({
      connectionString: options.url,
      application_name: 'tollgate-listen',
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
    });
    next.on('error', () => lose(next));
    next.on('end', () => lose(next));
    try {
      await next.connect();
      next.on('notification', (message) => hear(message.payload));
      await next.query(`LISTEN ${channel}`);
    } catch (error) {
      options.log.warn({ err: error }, 'cannot listen for changed facts');
      next.removeAllListeners();
      next.on('error', () => undefined);
      void next.end().catch(() => undefined);
      later();
      return;
    }
    if (closed) return void (await next.end());
    client = next;
    lastHeardMs = Date.now();
    // First LISTEN, then resume: what changes from here on is announced, what changed before is re-read.
    for (const listener of listeners) listener.resumed?.();
  }

  function lose(lost: pg.Client): void {
    if (client !== lost) return;
    client = undefined;
    options.log.warn({}, 'no longer listening for changed facts');
    lost.removeAllListeners();
    lost.on('error', () => undefined);
    void lost.end().catch(() => undefined);
    later();
  }

  function later(): void {
    if (!closed) reconnect = setTimeout(() => void connect(), reconnectEveryMs);
  }

  function beat(): void {
    const current = client;
    if (!current) return;
    if (Date.now() - lastHeardMs > deafAfterMs) return lose(current);
    // Sent on its own connection: an echo proves that this very connection still hears.
    current.query(`SELECT pg_notify('${channel}', '{"kind":"echo"}')`).catch(() => lose(current));
  }

  return {
    async start(): Promise<void> {
      await connect();
      timer = setInterval(beat, echoEveryMs);
      timer.unref();
    },
    listen(listener: FactListener): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Whether an announcement made now would be heard, as far as anyone can know. */
    hearing: () => client !== undefined && Date.now() - lastHeardMs <= deafAfterMs,
    /** Machine time of the last sign of life: facts are no older than this. */
    lastHeardMs: () => lastHeardMs,
    async close(): Promise<void> {
      closed = true;
      clearInterval(timer);
      clearTimeout(reconnect);
      const current = client;
      client = undefined;
      current?.removeAllListeners();
      current?.on('error', () => undefined);
      await current?.end().catch(() => undefined);
    },
  };
}
