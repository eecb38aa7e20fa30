// Facts in memory: keys, customers, plans, rules, as fresh as the notices from PostgreSQL keep them. Holds no
// verdicts and no raw keys. An entry that a notice named is never used again; one that merely may be old
// (no notices heard) serves on while PostgreSQL is away, as long as the policy's max_stale allows.
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type pg from 'pg';
import { within } from '../adapters/deadline.ts';
import { loadByCustomer, loadByKeyHash } from '../adapters/facts.ts';
import type { FactKind, Notify } from '../adapters/notify.ts';
import { hashSecret } from '../adapters/secret.ts';
import { isWellFormedKey } from '../domain/api-key.ts';
import type { CustomerFacts, KeyFacts } from '../domain/entitlement.ts';
import type { KeptFooting } from './kept-footing.ts';
import { createRuleBook } from './rule-book.ts';

export type CustomerEntry = {
  facts: CustomerFacts;
  valid: boolean;
  epoch: number;
  kept: KeptFooting | null;
};
export type KeyEntry = {
  key: KeyFacts | null;
  customer: CustomerEntry;
  /** For whoever notes its use. */
  notedAt: number;
  /** When it was last moved up in the order of use, in seconds of machine time. */
  movedAt: number;
};
/** `unknown`: PostgreSQL says there is none. `unreachable`: nobody could say. */
export type Found = { entry: KeyEntry; asOf: number } | 'unknown' | 'unreachable';

const bounds = { keys: 1_000_000, customers: 250_000 };
/** Moving an entry up touches memory all over the place: often enough is enough. */
const moveEverySeconds = 10;
const keyLengthMax = 64;
const unknownMax = 10_000;
const unknownForMs = 2_000;
const loadsMax = 1_000;
const loadAgainMax = 3;
/** After a failure nothing is loaded for a moment: an outage is no reason for a stampede. */
const pauseAfterFailureMs = 100;

export type Facts = ReturnType<typeof createFacts>;

export function createFacts(options: {
  pool: pg.Pool;
  notify: Notify;
  pepper: string;
  /** How many of each are kept at most. */
  max?: { keys: number; customers: number };
  loadWithinMs?: number;
}) {
  const { pool, notify, pepper, max = bounds, loadWithinMs = 1_000 } = options;
  const keys = new LRUCache<string, KeyEntry>({ max: max.keys });
  const customers = new LRUCache<string, CustomerEntry>({
    max: max.customers,
    // Keys may still point at it, but no notice finds it any more.
    dispose: (entry) => {
      entry.valid = false;
    },
  });
  const unknown = new LRUCache<string, true>({ max: unknownMax, ttl: unknownForMs });
  const loads = new Map<string, Promise<Found>>();
  const ruleBook = createRuleBook(pool);
  /** Raised when notices may have been missed; what was read in an older epoch is re-read on use. */
  let epoch = 0;
  const heardUntil: number[] = [];
  /** Counts notices, so that a load knows whether one named what it was reading. */
  let generation = 0;
  let allChangedAt = 0;
  let pausedUntilMs = 0;
  const changedAt = new Map<string, number>();

  const stop = notify.listen({ changed, resumed });

  function changed(kind: FactKind, ids: string[] | null): void {
    if (kind === 'plan' || kind === 'rule') return ruleBook.expire();
    if (kind !== 'customer') return;
    generation += 1;
    unknown.clear();
    if (ids === null) {
      allChangedAt = generation;
      customers.clear();
      return;
    }
    for (const id of ids) {
      if (loads.size) changedAt.set(id, generation);
      customers.delete(id);
    }
  }

  function resumed(): void {
    heardUntil[epoch] = notify.lastHeardMs();
    epoch += 1;
    unknown.clear();
    ruleBook.expire();
  }

  /** What memory alone can say; undefined: it must be loaded. Never waits. */
  function peekKey(cacheKey: string): Found | undefined {
    const entry = keys.peek(cacheKey);
    if (!entry) return unknown.has(cacheKey) ? 'unknown' : undefined;
    const seconds = Math.floor(Date.now() / 1000);
    if (seconds - entry.movedAt >= moveEverySeconds) {
      entry.movedAt = seconds;
      keys.get(cacheKey);
      customers.get(entry.customer.facts.id);
    }
    return peeked(entry);
  }

  function peeked(entry: KeyEntry): Found | undefined {
    const { customer } = entry;
    if (!customer.valid || customer.epoch !== epoch) return undefined;
    // Deaf for the moment: serve what is known, honest about its age.
    return { entry, asOf: notify.hearing() ? Date.now() : notify.lastHeardMs() };
  }

  /** The key's facts, loaded once however many ask at the same time. What is no key nobody is asked about. */
  function findKey(key: string): Found | Promise<Found> {
    if (key.length > keyLengthMax) return 'unknown';
    const cacheKey = hash('sha256', key, 'binary');
    const known = peekKey(cacheKey);
    if (known) return known;
    return isWellFormedKey(key) ? loadKey(key, cacheKey) : 'unknown';
  }

  function loadKey(key: string, cacheKey: string): Found | Promise<Found> {
    return loadOnce(
      cacheKey,
      keys.peek(cacheKey),
      async () => {
        const row = await loadByKeyHash(pool, hashSecret(pepper, key));
        return row && { ...row, store: (entry: KeyEntry) => keys.set(cacheKey, entry) };
      },
      () => unknown.set(cacheKey, true),
    );
  }

  function findCustomer(id: string): Found | Promise<Found> {
    const entry = customers.get(id);
    return (
      (entry && peeked(ofCustomer(entry))) ??
      loadOnce(
        `customer ${id}`,
        entry && ofCustomer(entry),
        async () => {
          const customer = await loadByCustomer(pool, id);
          return customer && { key: null, customer, store: () => undefined };
        },
        () => undefined,
      )
    );
  }

  type Row = { key: KeyFacts | null; customer: CustomerFacts; store: (entry: KeyEntry) => unknown };

  function loadOnce(
    id: string,
    older: KeyEntry | undefined,
    load: () => Promise<Row | null>,
    storeUnknown: () => unknown,
  ): Found | Promise<Found> {
    const running = loads.get(id);
    if (running) return running;
    if (loads.size >= loadsMax) return 'unreachable';
    if (Date.now() < pausedUntilMs) return fallback(older);
    const started = within(loadWithinMs, loadSettled(load, storeUnknown))
      .catch(() => {
        pausedUntilMs = Date.now() + pauseAfterFailureMs;
        return fallback(older);
      })
      .finally(() => {
        loads.delete(id);
        if (loads.size === 0) changedAt.clear();
      });
    loads.set(id, started);
    return started;
  }

  /** Reads until no notice crossed the read: what began before a revocation must not outlive it. */
  async function loadSettled(
    load: () => Promise<Row | null>,
    storeUnknown: () => unknown,
  ): Promise<Found> {
    for (let turn = 1; ; turn += 1) {
      const from = { epoch, generation };
      const row = await load();
      const isCrossed =
        epoch !== from.epoch ||
        allChangedAt > from.generation ||
        (row
          ? (changedAt.get(row.customer.id) ?? 0) > from.generation
          : generation > from.generation);
      if (isCrossed && turn < loadAgainMax) continue;
      if (!row) {
        if (!isCrossed) storeUnknown();
        return 'unknown';
      }
      const valid = !isCrossed;
      const customer = { facts: row.customer, valid, epoch: from.epoch, kept: null };
      const entry = { key: row.key, customer, notedAt: 0, movedAt: 0 };
      if (!isCrossed) keep(row, entry);
      return { entry, asOf: Date.now() };
    }
  }

  function keep(row: Row, entry: KeyEntry): void {
    const known = customers.get(entry.customer.facts.id);
    // One that was read in an earlier epoch stays with the keys that were read with it.
    if (known?.epoch === epoch) entry.customer = known;
    else customers.set(entry.customer.facts.id, entry.customer);
    row.store(entry);
  }

  /** PostgreSQL did not answer: what was known before the silence, unless a notice has since named it. */
  function fallback(older: KeyEntry | undefined): Found {
    if (!older?.customer.valid) return 'unreachable';
    const { epoch: readIn } = older.customer;
    return {
      entry: older,
      asOf: readIn === epoch ? notify.lastHeardMs() : (heardUntil[readIn] ?? 0),
    };
  }

  return {
    findKey,
    findCustomer,
    ruleBook,
    /** Machine time as of which all facts are known to hold. */
    asOf: () => (notify.hearing() ? Date.now() : notify.lastHeardMs()),
    size: () => ({ keys: keys.size, customers: customers.size }),
    close: stop,
  };
}

function ofCustomer(customer: CustomerEntry): KeyEntry {
  return { key: null, customer, notedAt: 0, movedAt: 0 };
}
