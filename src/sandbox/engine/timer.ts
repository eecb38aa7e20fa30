// What falls due and when: one row per (kind, thing), kept on its clock's heap. Setting a timer
// again moves it. What happens when one falls due is decided in engine/due.ts.
import type { Heap } from '../store/heap.ts';
import { createHeap } from '../store/heap.ts';
import type { Timer } from '../store/entity-session.ts';
import type { World } from '../world.ts';

/** Kinds in the order in which they happen when they fall due in the same second. */
export const timerKinds = [
  'payment_intent.settle',
  'payment_intent.expire',
  'invoice.finalize',
  'invoice.retry',
  'invoice.due',
  'subscription.incomplete_expire',
  'subscription.pending_expire',
  'subscription.cancel',
  'schedule.expiring',
  'schedule.phase',
  'subscription.trial_will_end',
  'subscription.upcoming',
  'subscription.resume_collection',
  'subscription.renew',
  'checkout.expire',
  'quote.expire',
] as const;
export type TimerKind = (typeof timerKinds)[number];

const idOf = (kind: TimerKind, ref: string): string => `${kind} ${ref}`;

export const heapOf = (world: World, clock: string | null): Heap => {
  const key = clock ?? '';
  const found = world.heaps.get(key);
  if (found !== undefined) return found;
  const made = createHeap();
  world.heaps.set(key, made);
  return made;
};

export const setTimer = (
  world: World,
  kind: TimerKind,
  ref: string,
  when: { clock: string | null; at: number },
): void => {
  const row = world.store.put('timer', {
    id: idOf(kind, ref),
    object: 'timer',
    kind,
    ref,
    ...when,
  });
  pushTimer(world, row);
  world.woken.timers = true;
};

export const clearTimer = (world: World, kind: TimerKind, ref: string): void => {
  const id = idOf(kind, ref);
  if (world.store.get('timer', id) !== undefined) world.store.remove('timer', id);
};

let order = 0;
/** Puts a kept timer on its heap: at start and whenever it is set. */
export const pushTimer = (world: World, row: Timer): void => {
  order += 1;
  const rank = timerKinds.indexOf(row.kind as TimerKind);
  heapOf(world, row.clock).push({ at: row.at, rank, order, id: row.id });
};

/** The next timer of a clock that is due at `until`; stale heap entries are dropped on the way. */
export const nextTimer = (world: World, clock: string | null, until: number): Timer | null => {
  const heap = heapOf(world, clock);
  for (let due = heap.peek(); due !== undefined && due.at <= until; due = heap.peek()) {
    const row = world.store.get('timer', due.id);
    if (row !== undefined && row.at === due.at && row.clock === clock) return row;
    heap.pop();
  }
  return null;
};
