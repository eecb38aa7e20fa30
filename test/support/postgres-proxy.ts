// Stands between us and PostgreSQL at the wire, one round trip after the other: a test sees each statement go and
// its answer come, and may end everything at either point, as the death of a process would. Speaks as much of the
// protocol as that takes (https://www.postgresql.org/docs/current/protocol-message-formats.html).
import net from 'node:net';
import type { AddressInfo } from 'node:net';

export type Statement = {
  sql: string;
  /** After it: whether nothing is left open that an end of the connection would undo. */
  isSettled: boolean;
};
/** `cut` ends all connections, this one before anything more is passed on. */
export type Watch = (statement: Statement) => undefined | 'cut';
export type PostgresProxy = { url: string; cut: () => void; close: () => Promise<void> };

/** `before` runs when a statement has come whole, `after` when PostgreSQL has answered it whole. */
export async function openPostgresProxy(
  databaseUrl: string,
  { before, after }: { before: Watch; after: Watch },
): Promise<PostgresProxy> {
  const { port, hostname } = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  let isCut = false;
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  const server = net.createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = net.connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    relay(client, upstream, { before, after, cut });
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = new URL(databaseUrl);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const typed = (message: Buffer) => String.fromCharCode(message[0]!);

function relay(
  client: net.Socket,
  upstream: net.Socket,
  watch: { before: Watch; after: Watch; cut: () => void },
): void {
  const prepared = new Map<string, string>();
  let isOpen = false;
  let sql: string | null = null;
  const going: Buffer[] = [];
  const coming: Buffer[] = [];

  const send = (message: Buffer): void => {
    going.push(message);
    sql = sqlOf(message, prepared) ?? sql;
    const isWhole = !isOpen || ['Q', 'S', 'X', 'p'].includes(typed(message));
    if (!isWhole) return;
    if (isOpen && sql !== null && watch.before({ sql, isSettled: false }) === 'cut') {
      watch.cut();
      return;
    }
    for (const part of going.splice(0)) upstream.write(part);
  };
  const answer = (message: Buffer): void => {
    coming.push(message);
    const isReady = typed(message) === 'Z';
    if (isOpen && !isReady) return;
    if (isOpen && sql !== null) {
      const isSettled = String.fromCharCode(message[5]!) === 'I';
      const done = sql;
      sql = null;
      if (watch.after({ sql: done, isSettled }) === 'cut') {
        watch.cut();
        return;
      }
    }
    isOpen ||= isReady;
    for (const part of coming.splice(0)) client.write(part);
  };
  client.on(
    'data',
    messages(send, () => !isOpen),
  );
  upstream.on(
    'data',
    messages(answer, () => false),
  );
}

/** Cuts a stream into messages: a type (none on the very first), a length that counts itself, the rest. */
function messages(take: (message: Buffer) => void, isFirst: () => boolean) {
  let rest = Buffer.alloc(0);
  let isStart = isFirst();
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = isStart ? 0 : 1;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      if (rest.length < length) return;
      const message = rest.subarray(0, length);
      rest = rest.subarray(length);
      isStart = false;
      take(message);
    }
  };
}

/** What a message is about: a query, a statement being prepared, or one prepared before. */
function sqlOf(message: Buffer, prepared: Map<string, string>): string | null {
  const type = typed(message);
  if (!['Q', 'P', 'B'].includes(type)) return null;
  const [first = '', second = ''] = message.subarray(5).toString('utf8').split('\0');
  if (type === 'Q') return first;
  if (type === 'B') return prepared.get(second) ?? null;
  prepared.set(first, second);
  return second;
}
