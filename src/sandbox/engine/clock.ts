// The clocks: what falls due happens in the order of time, one transaction each, a few at a turn,
// so that requests are answered meanwhile. Decides when, never what.
import type { Timer } from '../store/entity-session.ts';
import { accountClock, nowOn, writeFact, type AccountClock, type World } from '../world.ts';
import { change } from '../delivery/event.ts';
import { clearTimer, nextTimer, pushTimer, type TimerKind } from './timer.ts';
import { whenDue } from './due.ts';
import { pruneEvents } from './prune.ts';

const sliceMs = 20;
const tickMs = 500;
const pruneEverySteps = 1_000;

export type Engine = ReturnType<typeof startEngine>;
type Log = (message: string, more?: Record<string, unknown>) => void;

/** Starts the clocks where they stood; `committed` is told after each step. */
export const startEngine = (world: World, committed: () => void, log: Log) => {
  const running = new Set<string>();
  let closed = false;
  for (const timer of world.store.all('timer')) pushTimer(world, timer);

  let steps = 0;
  const step = (timer: Timer): void => {
    steps += 1;
    if (steps % pruneEverySteps === 0) pruneEvents(world);
    world.step = { clock: timer.clock, at: timer.at };
    world.request = { id: null, idempotency_key: null };
    try {
      world.store.transaction(() => {
        clearTimer(world, timer.kind as TimerKind, timer.ref);
        if (timer.clock === null) freezeWhileAdvancing(world, timer.at);
        else world.store.update('test_helpers.test_clock', timer.clock, { frozen_time: timer.at });
        whenDue[timer.kind as TimerKind](world, timer.ref);
      });
    } catch (error) {
      log('a due step failed', { kind: timer.kind, ref: timer.ref, error: String(error) });
      world.store.transaction(() => world.store.remove('timer', timer.id));
    } finally {
      world.step = null;
    }
  };

  /** Runs a clock up to its target, slice by slice. */
  const run = (clock: string | null): void => {
    const key = clock ?? '';
    if (running.has(key)) return;
    running.add(key);
    const slice = (): void => {
      if (
        closed ||
        (clock !== null && world.store.get('test_helpers.test_clock', clock) === undefined)
      ) {
        running.delete(key);
        return;
      }
      const until = targetOf(world, clock);
      const started = performance.now();
      let timer = nextTimer(world, clock, until);
      for (; timer !== null; timer = nextTimer(world, clock, until)) {
        step(timer);
        if (performance.now() - started > sliceMs) break;
      }
      committed();
      if (timer !== null) {
        setImmediate(slice);
        return;
      }
      running.delete(key);
      arrive(world, clock);
      committed();
    };
    setImmediate(slice);
  };

  const resume = (): void => {
    if (accountClock(world).target !== null || nextTimer(world, null, nowOn(world, null)) !== null)
      run(null);
    for (const clock of world.store.all('test_helpers.test_clock'))
      if (clock._target !== null) run(clock.id);
  };
  resume();
  const ticker = setInterval(resume, tickMs);

  return {
    run,
    /** Runs every clock on which something is due. */
    resume,
    close: (): void => {
      closed = true;
      clearInterval(ticker);
    },
  };
};

const targetOf = (world: World, clock: string | null): number =>
  clock === null
    ? (accountClock(world).target ?? nowOn(world, null))
    : (world.store.need('test_helpers.test_clock', clock)._target ?? nowOn(world, clock));

/** While the account clock is on its way it says the instant of its last step. */
const freezeWhileAdvancing = (world: World, at: number): void => {
  const clock = accountClock(world);
  if (clock.target !== null)
    writeFact(world, 'clock', { ...clock, frozen_at: at } satisfies AccountClock);
};

const arrive = (world: World, clock: string | null): void => {
  if (clock === null) {
    const { target } = accountClock(world);
    if (target === null) return;
    world.store.transaction(() => setAccountClock(world, target));
    return;
  }
  const { _target: target } = world.store.need('test_helpers.test_clock', clock);
  if (target === null) return;
  world.request = { id: null, idempotency_key: null };
  world.store.transaction(() =>
    change(
      world,
      'test_helpers.test_clock',
      clock,
      { frozen_time: target, status: 'ready', _target: null },
      'test_helpers.test_clock.ready',
    ),
  );
};

/** From here on the account clock runs with machine time again. */
const setAccountClock = (world: World, now: number): void => {
  const offset_ms = now * 1000 - world.machineNow();
  writeFact(world, 'clock', { offset_ms, frozen_at: null, target: null } satisfies AccountClock);
};

/** Sends the account clock on its way; nothing has happened yet when this returns. */
export const advanceAccount = (world: World, target: number): void => {
  const clock = accountClock(world);
  const frozen_at = nowOn(world, null);
  writeFact(world, 'clock', { ...clock, frozen_at, target } satisfies AccountClock);
};
