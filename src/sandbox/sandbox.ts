// One sandbox: state, clocks, sender and server, opened together and closed in reverse order.
// Run by main.ts as a process and by tests inside theirs.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp, type Log } from './api/app.ts';
import { mountControls } from './control/route.ts';
import { startSender } from './delivery/sender.ts';
import { startEngine } from './engine/clock.ts';
import { mountCheckout } from './pages/checkout.ts';
import { mountHome } from './pages/home.ts';
import { mountInvoice } from './pages/invoice.ts';
import { mountPortal } from './pages/portal.ts';
import { addWebhookEndpoint } from './routes/event.ts';
import { endpoints } from './routes/table.ts';
import { openJournal, readJournal } from './store/journal.ts';
import { lockFolder } from './store/lock.ts';
import { createStore, type Change, type Store } from './store/store.ts';
import { newId, randomText, readFact, writeFact, type World } from './world.ts';

export type SandboxOptions = {
  port?: number | undefined;
  host?: string | undefined;
  /** Without a folder the state lives in memory alone. */
  dataDir?: string | undefined;
  secretKey?: string | undefined;
  publicUrl?: string | undefined;
  webhook?: { url: string; secret: string } | undefined;
  log?: Log | undefined;
};
export type Sandbox = { url: string; secretKey: string; close: () => Promise<void> };

const closeGraceMs = 2_000;
const ignore: Log = () => undefined;
const nothing = (): void => undefined;

/** Opens a sandbox; it answers once the promise settles. A taken port or folder rejects. */
export const createSandbox = async (options: SandboxOptions = {}): Promise<Sandbox> => {
  const unlock = options.dataDir === undefined ? nothing : await lockFolder(options.dataDir);
  const server = createServer();
  const host = options.host ?? '127.0.0.1';
  await listen(server, options.port ?? 0, host).catch((error: unknown) => {
    unlock();
    throw error;
  });
  const port = (server.address() as AddressInfo).port;
  const url = options.publicUrl ?? `http://${host}:${port}`;
  const log = options.log ?? ignore;
  const { store, close: closeStore } = openStore(options.dataDir);
  const world = createWorld(store, url);
  const secretKey = remember(world, options);
  const sender = startSender(world);
  const committed = (): void => {
    const { deliveries, timers } = world.woken;
    world.woken = { deliveries: [], timers: false };
    if (deliveries.length > 0) sender.wake(deliveries);
    if (timers) engine.resume();
  };
  const engine = startEngine(world, committed, log);
  const reset = (): void => {
    forgetEverything(world);
    sender.forgetAll();
  };
  const app = createApp({
    world,
    secretKey,
    endpoints,
    log,
    committed,
    mount: (mounted) => {
      const parts = { world, committed };
      const controls = { ...parts, engine: () => engine, sender: () => sender, reset };
      mountControls(mounted, controls);
      mountHome(mounted, { ...controls, secretKey });
      for (const mountPages of [mountCheckout, mountPortal, mountInvoice])
        mountPages(mounted, parts);
    },
  });
  server.on('request', app);
  return {
    url,
    secretKey,
    close: async () => {
      engine.close();
      sender.close();
      await stop(server);
      closeStore();
      unlock();
    },
  };
};

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), closeGraceMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });

const openStore = (folder: string | undefined): { store: Store; close: () => void } => {
  if (folder === undefined)
    return { store: createStore([], () => undefined), close: () => undefined };
  let append: (changes: Change[]) => void = () => undefined;
  const store = createStore(readJournal(folder), (changes) => append(changes));
  const journal = openJournal(folder, store.everything());
  append = journal.append;
  return { store, close: journal.close };
};

const createWorld = (store: Store, publicUrl: string): World => ({
  store,
  machineNow: () => Date.now(),
  publicUrl,
  request: { id: null, idempotency_key: null },
  step: null,
  heaps: new Map(),
  silent: false,
  woken: { deliveries: [], timers: false },
});

/** What a sandbox keeps for life: its key, its account, the endpoint its configuration names. */
const remember = (world: World, options: SandboxOptions): string =>
  world.store.transaction(() => {
    const secretKey =
      options.secretKey ?? readFact(world, 'secret_key', `sk_test_${randomText(40)}`);
    writeFact(world, 'secret_key', secretKey);
    if (world.store.get('fact', 'account') === undefined) {
      const created = Math.floor(world.machineNow() / 1000);
      writeFact(world, 'account', { id: newId('acct', 16), created });
    }
    const { webhook } = options;
    const others = [...world.store.all('webhook_endpoint')];
    if (webhook === undefined) return secretKey;
    const same = others.find((row) => row.url === webhook.url);
    if (same === undefined) addWebhookEndpoint(world, { ...webhook, enabled_events: ['*'] });
    else world.store.update('webhook_endpoint', same.id, { _secret: webhook.secret });
    return secretKey;
  });

const keptOnReset = new Set(['secret_key', 'account']);

/** Everything but the key, the account and the webhook endpoints; the clock is machine time again. */
const forgetEverything = (world: World): void => {
  world.store.transaction(() => {
    for (const [table, id] of [...world.store.everything()]) {
      if (table === 'webhook_endpoint' || (table === 'fact' && keptOnReset.has(id))) continue;
      world.store.remove(table, id);
    }
  });
  world.heaps.clear();
};
