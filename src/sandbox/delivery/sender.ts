// Sends queued deliveries: a few at a time, again after a failure with growing pauses up to three
// days of machine time, whatever the clocks say. Its state is rows, so a restart goes on.
import http from 'node:http';
import https from 'node:https';
import type { Delivery } from '../store/entity-session.ts';
import { readFaults } from '../control/fault.ts';
import { render } from '../shape/render.ts';
import type { World } from '../world.ts';
import { signatureHeader } from './signature.ts';

const concurrencyMax = 8;
const timeoutMs = 10_000;
const second = 1_000;
const minute = 60 * second;
const pausesMs = [
  ...[1, 2, 5, 15, 30].map((n) => n * second),
  ...[1, 1, 1, 1, 1, 5, 5, 30, 60].map((n) => n * minute),
];
const giveUpMs = 3 * 86_400_000;
const tickMs = 250;

export type Sender = ReturnType<typeof startSender>;

export const startSender = (world: World) => {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: concurrencyMax }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: concurrencyMax }),
  };
  const waiting = new Map<string, number>();
  const sending = new Set<string>();
  /** Released from hold and not tried yet: while there are any, one is sent after the other. */
  const inOrder = new Set<string>();
  let closed = false;
  for (const row of world.store.all('delivery'))
    if (row.status === 'pending') waiting.set(row.id, row.next_at);

  const pump = (): void => {
    const now = world.machineNow();
    while (!closed && sending.size < (inOrder.size > 0 ? 1 : concurrencyMax)) {
      const id = choose(waiting, now, readFaults(world).webhooks.shuffle);
      if (id === null) return;
      waiting.delete(id);
      const row = world.store.get('delivery', id);
      if (row?.status === 'pending') void deliver(row);
      else inOrder.delete(id);
    }
  };

  const deliver = async (row: Delivery): Promise<number | null> => {
    sending.add(row.id);
    const status = await post(world, row, agents);
    sending.delete(row.id);
    inOrder.delete(row.id);
    if (closed) return status;
    world.store.transaction(() => note(world, row.id, status));
    const after = world.store.get('delivery', row.id);
    if (after?.status === 'pending') waiting.set(row.id, after.next_at);
    pump();
    return status;
  };

  const take = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const row = world.store.get('delivery', id);
      if (row?.status === 'pending' && !sending.has(id)) waiting.set(id, row.next_at);
    }
    pump();
  };

  const ticker = setInterval(pump, tickMs);
  return {
    /** Takes up what was queued since; called after each commit that queued something. */
    wake: take,
    /** Sends what was held in the order in which it happened, each after the one before. */
    release: (ids: string[]): void => {
      for (const id of ids)
        if (world.store.get('delivery', id)?.status === 'pending') inOrder.add(id);
      take(ids);
    },
    /** Sends one now, in any mode. */
    sendNow: async (row: Delivery): Promise<number | null> => {
      waiting.delete(row.id);
      return deliver(row);
    },
    forgetAll: (): void => {
      waiting.clear();
      inOrder.clear();
    },
    close: (): void => {
      closed = true;
      clearInterval(ticker);
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
};

/** The next one that is due: in order of queueing, or any when they are to be shuffled. */
const choose = (waiting: Map<string, number>, now: number, shuffles: boolean): string | null => {
  if (!shuffles) {
    for (const [id, at] of waiting) if (at <= now) return id;
    return null;
  }
  const due = [...waiting].filter(([, at]) => at <= now);
  return due[Math.floor(Math.random() * due.length)]?.[0] ?? null;
};

const note = (world: World, id: string, status: number | null): void => {
  const row = world.store.get('delivery', id);
  if (row === undefined) return;
  const attempts = row.attempts + 1;
  const isGone = world.store.get('webhook_endpoint', row.endpoint) === undefined;
  const isDelivered = status !== null && status >= 200 && status < 300;
  const now = world.machineNow();
  const pause = pausesMs[Math.min(attempts - 1, pausesMs.length - 1)]!;
  const isOver = isGone || now + pause - row.first_at > giveUpMs;
  world.store.update('delivery', id, {
    attempts,
    last_status: status,
    next_at: now + pause,
    status: isDelivered ? 'delivered' : isOver ? 'failed' : waitingStatus(world, row),
  });
};

/** What failed while everything is held is held too. */
const waitingStatus = (world: World, row: Delivery): Delivery['status'] =>
  readFaults(world).webhooks.mode === 'hold' ? 'held' : row.status;

type Agents = { 'http:': http.Agent; 'https:': https.Agent };

/** One POST; its status, or null when nobody answered in time. */
const post = (world: World, row: Delivery, agents: Agents): Promise<number | null> => {
  const event = world.store.get('event', row.event_id);
  const endpoint = world.store.get('webhook_endpoint', row.endpoint);
  if (event === undefined || endpoint === undefined) return Promise.resolve(null);
  const body = JSON.stringify({ ...render(world, event), pending_webhooks: 1 });
  const seconds = Math.floor(world.machineNow() / 1000);
  const url = new URL(endpoint.url);
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    const request = (secure ? https : http).request(
      url,
      {
        method: 'POST',
        agent: agents[secure ? 'https:' : 'http:'],
        timeout: timeoutMs,
        headers: {
          'Content-Type': 'application/json; charset=utf-8',
          'Content-Length': Buffer.byteLength(body),
          'Stripe-Signature': signatureHeader(body, endpoint._secret, seconds),
          'User-Agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? null));
        response.once('error', () => resolve(null));
        response.once('close', () => resolve(response.statusCode ?? null));
      },
    );
    const deadline = setTimeout(() => request.destroy(new Error('timeout')), timeoutMs);
    request.once('close', () => clearTimeout(deadline));
    request.once('error', () => resolve(null));
    request.end(body);
  });
};
