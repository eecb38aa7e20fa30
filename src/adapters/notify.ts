// Hears what the triggers announce (migration facts_and_counting): a LISTEN connection of its own, direct and
// without a pooler, that sends itself an echo every two seconds and so knows when it has gone deaf.
// Keeps no facts; it tells its listeners which ones changed, and when it can no longer tell.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { within } from './deadline.ts';
import type { Log } from './log.ts';

const channel = 'tollgate_facts';
const echoEveryMs = 2_000;
const deafAfterMs = 5_000;
const reconnectEveryMs = 500;
const settleWithinMs = 1_000;

export type FactKind = 'customer' | 'plan' | 'rule' | 'clock';
export type FactListener = {
  /** `ids` null: all of the kind. */
  changed?: (kind: FactKind, ids: string[] | null) => void;
  /** Listening again after a gap: whatever was read before may be old. */
  resumed?: () => void;
};
type Message = { kind: 'echo'; echo: string } | { kind: FactKind; ids: string[] | null };
export type Notify = ReturnType<typeof createNotify>;

export function createNotify(options: { url: string; log: Log }) {
  const listeners = new Set<FactListener>();
  let client: pg.Client | undefined;
  let closed = false;
  let lastHeardMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let reconnect: NodeJS.Timeout | undefined;
  let lastSent: Promise<unknown> = Promise.resolve();
  /** By chance numbers: other processes' echoes come by here too. */
  const awaited = new Map<string, () => void>();

  function hear(payload: string | undefined): void {
    lastHeardMs = Date.now();
    const message = JSON.parse(payload ?? '{}') as Message;
    if (message.kind === 'echo') return awaited.get(message.echo)?.();
    for (const listener of listeners) {
      listener.changed?.(message.kind, message.ids);
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
    lastSent = Promise.resolve();
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
    sendEcho(current, 'beat').catch(() => lose(current));
  }

  /** Sent on its own connection, one after the other: an echo proves that this very connection still hears. */
  function sendEcho(through: pg.Client, echo: string): Promise<unknown> {
    const sent = lastSent.then(() =>
      through.query('SELECT pg_notify($1, $2)', [channel, JSON.stringify({ kind: 'echo', echo })]),
    );
    lastSent = sent.catch(() => undefined);
    return sent;
  }

  /**
   * Resolves once everything committed before the call has been heard here (notices come in the order of
   * commits), or after a second: who changed something answers only when this process knows it.
   */
  async function settled(): Promise<void> {
    const current = client;
    if (!current) return;
    const echo = randomUUID();
    const heard = new Promise<void>((resolve) => awaited.set(echo, resolve));
    await within(settleWithinMs, Promise.all([heard, sendEcho(current, echo)])).catch(
      () => undefined,
    );
    awaited.delete(echo);
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
    settled,
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
