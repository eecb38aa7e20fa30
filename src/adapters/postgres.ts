// The ways into PostgreSQL: Prisma for the management side, a plain pool for the hot path and for SQL that
// Prisma cannot say, and the one transaction helper. Knows no nouns.
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.ts';
import type { Prisma } from '../generated/prisma/client.ts';

export type Db = PrismaClient;
export type Tx = Prisma.TransactionClient;
/** Run after the commit, in order; a failure is logged and changes nothing that was committed. */
export type After = (effect: () => Promise<unknown>) => void;

/** Counters and offsets are bigint in SQL and safe integers here: beyond 2^53-1 the reader must know. */
const bigintType = 20;
function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint from PostgreSQL exceeds 2^53-1');
  return value;
}

const types = {
  getTypeParser: ((id: number, format: 'text') =>
    id === bigintType
      ? safeInteger
      : (pg.types.getTypeParser as (id: number, format: 'text') => unknown)(
          id,
          format,
        )) as typeof pg.types.getTypeParser,
};

/** On our side of the wire: a server that is silent cannot end a statement by itself. */
const silentAfterMs = 16_000;

/** `isDurable` false: commits do not wait for the disk, so a crash of PostgreSQL may forget the last of them. */
export function createPool(options: {
  url: string;
  name: string;
  max: number;
  isDurable?: boolean;
}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.name,
    max: options.max,
    types,
    ...(options.isDurable === false ? { options: '-c synchronous_commit=off' } : {}),
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Bounds what a stuck server can hold: no statement of ours is slow.
    statement_timeout: 15_000,
    query_timeout: silentAfterMs,
    idle_in_transaction_session_timeout: 30_000,
  });
  // An idle connection that breaks raises here; without a listener the process would end. The next query reports it.
  pool.on('error', () => undefined);
  return pool;
}

export function createDb(url: string, max: number): Db {
  return new PrismaClient({
    adapter: new PrismaPg({
      connectionString: url,
      max,
      application_name: 'tollgate-prisma',
      connectionTimeoutMillis: 5_000,
      statement_timeout: 15_000,
      query_timeout: silentAfterMs,
      idle_in_transaction_session_timeout: 30_000,
      keepAlive: true,
    }),
  });
}

/**
 * One action, one transaction, effects after commit. `work` gets the transaction and `after`; what it hands
 * to `after` runs only if the commit held. No network call belongs into `work`.
 */
export async function inTransaction<T>(
  ctx: { db: Db; log: { error: (details: object, message: string) => void } },
  work: (tx: Tx, after: After) => Promise<T>,
): Promise<T> {
  const effects: (() => Promise<unknown>)[] = [];
  const result = await ctx.db.$transaction(
    async (tx) => {
      effects.length = 0;
      return work(tx, (effect) => effects.push(effect));
    },
    { maxWait: 5_000, timeout: 10_000 },
  );
  for (const effect of effects) {
    try {
      await effect();
    } catch (error) {
      ctx.log.error({ err: error }, 'an effect after commit failed');
    }
  }
  return result;
}

/** What reads need of a pool; also to be had inside a transaction. */
export type Queries = Pick<pg.Pool, 'query'>;

/** The same reads in a transaction of Prisma's, which answers a bigint as such: here too they are safe integers. */
export function queriesIn(tx: Tx): Queries {
  const query = async (
    given: string | { text: string; values?: unknown[] },
    values: unknown[] = [],
  ) => {
    const statement = typeof given === 'string' ? { text: given, values } : given;
    const rows = await tx.$queryRawUnsafe<Record<string, unknown>[]>(
      statement.text,
      ...(statement.values ?? []),
    );
    return { rows: rows.map(mapValues) };
  };
  return { query } as unknown as Queries;
}

function mapValues(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? safeInteger(String(value)) : value,
    ]),
  );
}

/** Whether an error is a unique constraint that another row already holds (Prisma P2002 or SQLSTATE 23505). */
export function isUniqueViolation(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'P2002' || error.code === '23505';
}
