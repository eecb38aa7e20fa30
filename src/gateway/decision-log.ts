// Keeps decisions: a check hands its outcome over and goes on; rows are made and written afterwards, a few at a time.
// Bounded everywhere: what finds no room, or cannot be written, is dropped and counted. Never slows or fails a check.
import { setImmediate } from 'node:timers/promises';
import { withinOr } from '../adapters/deadline.ts';
import { addDecisionCounts, writeDecisions } from '../adapters/decision.ts';
import type { CountBatch } from '../adapters/decision.ts';
import type { DecisionShares } from '../adapters/rules.ts';
import { newId } from '../adapters/id.ts';
import type { Log } from '../adapters/log.ts';
import { decisionsDropped } from '../adapters/metrics.ts';
import { isDatabaseAway } from '../adapters/postgres-failure.ts';
import { createPool } from '../adapters/postgres.ts';
import type { Outcome } from './check.ts';
import { writeDecisionRow } from './decision-row.ts';
import { createDecisionTally } from './decision-tally.ts';

/** With the rows that each makes at most: what a process writes in a second, however many denials there are. */
const everyMs = 100;
const rowsMax = 100;
/** What making them may take of it, and in one go before the checks have their turn again; the last row may end later. */
const makeWithinMs = 5;
const atOnceMs = 1;
const countEveryMs = 1_000;
const waitingMax = 10_000;
const pauseAfterFailureMs = 1_000;
const closeWithinMs = 2_000;
/** Before the rules were read for the first time. */
const usualShares: DecisionShares = { allowed: 0, denied: 1 };

/** A row as JSON, and what it was made of. */
type Made = { outcome: Outcome; row: string };

export type DecisionLog = ReturnType<typeof createDecisionLog>;

/** `room` is how many outcomes wait at most. */
export function createDecisionLog(options: { url: string; log: Log; room?: number }) {
  const { url, log, room = waitingMax } = options;
  /** One connection of its own, so that no check waits for it; a log need not be on disk at once. */
  const pool = createPool({ url, name: 'tollgate-decision', max: 1, isDurable: false });
  /** Calls of nobody's cost nothing to make: they leave room for those of customers. */
  const roomForStrangers = room / 2;
  const tally = createDecisionTally();
  const writer = newId('req');
  const waiting: Outcome[] = [];
  /** Being written, or to be written again. */
  let unsent: Made[] = [];
  let counts: CountBatch | null = null;
  let sequence = 0;
  /** Not yet told to Prometheus. */
  let dropped = 0;
  let countedAtMs = 0;
  let pausedUntilMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let isClosed = false;

  /** Counts the outcome, and keeps it if its lot is drawn. */
  function note(outcome: Outcome): void {
    tally.count(outcome);
    const { verdict, basis } = outcome;
    const shares = basis.book?.decisionShares ?? usualShares;
    const share = verdict.allowed ? shares.allowed : shares.denied;
    if (share >= 1 || (share > 0 && Math.random() < share)) keep(outcome);
    if (!timer) schedule();
  }

  function keep(outcome: Outcome): void {
    if (waiting.length < (outcome.basis.entry ? room : roomForStrangers)) waiting.push(outcome);
    else drop(outcome);
  }

  function drop(outcome: Outcome): void {
    tally.drop(outcome);
    dropped += 1;
  }

  function tellDropped(): void {
    decisionsDropped.inc(dropped);
    dropped = 0;
  }

  function schedule(): void {
    if (isClosed) return;
    timer = setTimeout(() => {
      void work().finally(() => {
        timer = undefined;
        if (hasMore()) schedule();
      });
    }, everyMs);
    timer.unref();
  }

  function hasMore(): boolean {
    return waiting.length > 0 || unsent.length > 0 || counts !== null || !tally.isEmpty();
  }

  function work(): Promise<void> {
    working ??= write().finally(() => (working = undefined));
    return working;
  }

  async function write(): Promise<void> {
    tellDropped();
    if (Date.now() < pausedUntilMs) return;
    try {
      await writeRows();
      if (isClosed || Date.now() - countedAtMs >= countEveryMs) await writeCounts();
    } catch (error) {
      pausedUntilMs = Date.now() + pauseAfterFailureMs;
      if (isDatabaseAway(error)) log.warn({ err: error }, 'decisions not written; tried again');
      else giveUp(error);
    }
  }

  async function writeRows(): Promise<void> {
    if (unsent.length === 0) await makeRows();
    if (unsent.length === 0) return;
    await writeDecisions(
      pool,
      unsent.map(({ row }) => row),
    );
    unsent = [];
  }

  async function makeRows(): Promise<void> {
    let spentMs = 0;
    while (waiting.length > 0 && unsent.length < rowsMax && spentMs < makeWithinMs) {
      spentMs += makeSome();
      await setImmediate();
    }
  }

  /** Returns what it took, in milliseconds. */
  function makeSome(): number {
    const from = performance.now();
    for (;;) {
      const outcome = waiting.shift();
      if (!outcome) break;
      const row = makeRow(outcome);
      if (row === null) drop(outcome);
      else unsent.push({ outcome, row });
      if (unsent.length >= rowsMax || performance.now() - from >= atOnceMs) break;
    }
    return performance.now() - from;
  }

  /** What cannot be told stands in nobody's way. */
  function makeRow(outcome: Outcome): string | null {
    try {
      return writeDecisionRow(outcome);
    } catch (error) {
      log.error({ err: error, decision: outcome.decisionId }, 'a decision has no row');
      return null;
    }
  }

  /** The same batch until it is known to have been added: its number says whether it was. */
  async function writeCounts(): Promise<void> {
    if (!counts && !tally.isEmpty())
      counts = { writer, sequence: (sequence += 1), ...tally.take() };
    if (counts) await addDecisionCounts(pool, counts);
    counts = null;
    countedAtMs = Date.now();
  }

  /** What PostgreSQL refuses it would refuse again. */
  function giveUp(error: unknown): void {
    log.error({ err: error }, 'decisions that cannot be written are dropped');
    if (unsent.length > 0) for (const { outcome } of unsent.splice(0)) drop(outcome);
    else counts = null;
  }

  async function writeAll(): Promise<void> {
    pausedUntilMs = 0;
    do await work();
    while (hasMore() && pausedUntilMs === 0);
  }

  return {
    note,
    /** Writes what is left, for as long as that is answered, and drops the rest. */
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await withinOr(closeWithinMs, writeAll(), () => undefined);
      waiting.splice(0).forEach(drop);
      tellDropped();
      await withinOr(closeWithinMs, pool.end(), () => undefined);
    },
  };
}
