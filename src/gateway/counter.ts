// Counts a tick's requests in one round trip, through the SQL function count_usage: strict over any number of
// processes. Few calls in flight, so that the next tick fills while the last one is on its way.
import type pg from 'pg';
import { within } from '../adapters/deadline.ts';
import { countArguments } from '../adapters/usage-arguments.ts';
import type { CountRequest } from '../adapters/usage-arguments.ts';
import type { LimitCheck } from '../domain/limit.ts';

export type Counted = {
  /** Index of the limit that refused, or -1: all were taken. */
  failed: number;
  /** Units used in each limit's window, this request's included where it was taken. */
  used: number[];
  /** Units that reservations hold there. */
  held: number[];
};

type Waiting = CountRequest & {
  /** Whoever asked waits no longer; not to be counted any more. */
  giveUpAtMs: number;
  resolve: (counted: Counted) => void;
  reject: (error: unknown) => void;
};

const batchMax = 500;
const inFlightMax = 3;
/** What waits beyond this is refused at once: better a 503 now than an answer nobody waits for. */
const waitingMax = 20_000;
/** After a failure nobody is kept waiting for the next one: asked again this much later, by one batch. */
const pauseAfterFailureMs = 250;

/**
 * `nowMs` is business time: what has expired by then is no longer held. A count that takes longer than `answerWithinMs`,
 * its turn to wait included, is rejected.
 */
export function createCounter(pool: pg.Pool, nowMs: () => number, answerWithinMs = 1_000) {
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let isScheduled = false;
  let pausedUntilMs = 0;

  function schedule(): void {
    if (isScheduled || inFlight >= inFlightMax || waiting.length === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      void flush();
    });
  }

  async function flush(): Promise<void> {
    const batch = waiting.splice(0, batchMax).filter(({ giveUpAtMs }) => Date.now() < giveUpAtMs);
    if (batch.length === 0) return void schedule();
    inFlight += 1;
    schedule();
    try {
      deliver(batch, await within(answerWithinMs, countBatch(pool, batch, nowMs())));
    } catch (error) {
      pausedUntilMs = Date.now() + pauseAfterFailureMs;
      for (const request of batch) request.reject(error);
    } finally {
      inFlight -= 1;
      schedule();
    }
  }

  return {
    /** Takes `units` of every limit, or of none. Rejects where PostgreSQL did not say. */
    count(customerId: string, limits: LimitCheck[], units: number): Promise<Counted> {
      if (waiting.length >= waitingMax)
        return Promise.reject(new Error('too many wait to be counted'));
      if (Date.now() < pausedUntilMs) return Promise.reject(new Error('counting is paused'));
      const giveUpAtMs = Date.now() + answerWithinMs;
      const counted = new Promise<Counted>((resolve, reject) => {
        waiting.push({ customerId, limits, units, giveUpAtMs, resolve, reject });
        schedule();
      });
      return within(answerWithinMs, counted);
    },
  };
}

type Answer = { failed: number[]; used_now: string[]; held_now: string[] };

async function countBatch(pool: pg.Pool, batch: Waiting[], nowMs: number): Promise<Answer> {
  const { row, check, soft } = countArguments(batch);
  const { rows: answers } = await pool.query<Answer>({
    name: 'count-usage',
    text: `SELECT failed, used_now, held_now FROM count_usage($1::text[], $2::text[], $3::text[], $4::timestamptz[],
      $5::int[], $6::int[], $7::bigint[], $8::bigint[], $9::timestamptz, $10::bigint[], $11::numeric[], $12::int[],
      $13::bigint[])`,
    values: [
      ...[row.customer, row.feature, row.window, row.start].map(arrayLiteral),
      ...[check.request, check.row, check.max, check.units].map(arrayLiteral),
      new Date(nowMs).toISOString(),
      ...[soft.included, soft.price, soft.spendRow, soft.spendMax].map(arrayLiteral),
    ],
  });
  return answers[0]!;
}

/**
 * PostgreSQL's array syntax for ids, names, numbers and instants of our own making, none of which holds a quote or
 * a backslash. The driver escapes element by element, which costs more than all else a small batch does.
 */
function arrayLiteral(list: (string | number | null)[] | null): string | null {
  if (list === null) return null;
  let text = '';
  for (const each of list) text += each === null ? ',NULL' : `,"${each}"`;
  return `{${text.slice(1)}}`;
}

function deliver(batch: Waiting[], answer: Answer): void {
  let at = 0;
  batch.forEach((request, index) => {
    const end = at + request.limits.length;
    const used = answer.used_now.slice(at, end).map(Number);
    const held = answer.held_now.slice(at, end).map(Number);
    const failedAt = answer.failed[index]!;
    request.resolve({ failed: failedAt === 0 ? -1 : failedAt - 1 - at, used, held });
    at = end;
  });
}
