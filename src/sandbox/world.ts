// What every part of the sandbox is handed: the rows, the instants and the call at hand.
// Time is asked for here alone, so that a row lives on its own clock.
import { randomBytes } from 'node:crypto';
import type { Heap } from './store/heap.ts';
import type { Store } from './store/store.ts';

export const apiVersion = '2026-10-28.endive';

export type RequestInfo = { id: string | null; idempotency_key: string | null };

export type World = {
  store: Store;
  /** Machine time in milliseconds: signatures, retries of deliveries, stored answers. */
  machineNow: () => number;
  publicUrl: string;
  /** The call being answered; both null while a clock moves. */
  request: RequestInfo;
  /** The step a clock is in: while it runs, that clock says this instant. */
  step: { clock: string | null; at: number } | null;
  heaps: Map<string, Heap>;
  /** True inside a rehearsal: nothing is announced. */
  silent: boolean;
  /** What background workers wait for: deliveries queued and timers set since the last commit. */
  woken: { deliveries: string[]; timers: boolean };
};

export type AccountClock = { offset_ms: number; frozen_at: number | null; target: number | null };

/** Now on a clock, in unix seconds; null is the account's own clock. */
export const nowOn = (world: World, clock: string | null): number => {
  if (world.step?.clock === clock) return world.step.at;
  if (clock !== null) return world.store.need('test_helpers.test_clock', clock).frozen_time;
  const { frozen_at, offset_ms } = accountClock(world);
  return frozen_at ?? Math.floor((world.machineNow() + offset_ms) / 1000);
};

export const accountClock = (world: World): AccountClock =>
  readFact(world, 'clock', { offset_ms: 0, frozen_at: null, target: null });

/** Something the sandbox remembers about itself, or what it is before anybody said. */
export const readFact = <T>(world: { store: Store }, id: string, otherwise: T): T =>
  (world.store.get('fact', id)?.value as T | undefined) ?? otherwise;

export const writeFact = (world: { store: Store }, id: string, value: unknown): void => {
  world.store.put('fact', { id, object: 'fact', value });
};

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const poolBytes = 8_192;
let pool = Buffer.alloc(0);
let poolAt = 0;

/** The next random byte; asking the system once per id would cost more than the rest of it. */
const randomByte = (): number => {
  if (poolAt >= pool.length) {
    pool = randomBytes(poolBytes);
    poolAt = 0;
  }
  poolAt += 1;
  return pool[poolAt - 1]!;
};

/** Random letters and digits; 248 is the largest multiple of 62 in a byte, so that none is likelier. */
export const randomText = (length: number): string => {
  let made = '';
  while (made.length < length) {
    const byte = randomByte();
    if (byte < 248) made += alphabet.charAt(byte % 62);
  }
  return made;
};

/** An id in Stripe's form. */
export const newId = (prefix: string, length = 24): string => `${prefix}_${randomText(length)}`;
