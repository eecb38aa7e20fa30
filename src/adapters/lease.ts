// One at a time on one thing, across processes and across calls to Stripe, with no transaction held open: a row
// that names who is at work and until when. A holder that dies is waited out. Protects no data by itself.
import type pg from 'pg';
import { AppError } from '../domain/error.ts';
import { newId } from './id.ts';
import type { Tx } from './postgres.ts';

const holdSeconds = 60;
const waitMs = 15_000;
const lookAgainAfterMs = 50;

/** Runs `work` while nobody else runs work of that name; `unavailable` where others do not end in time. */
export async function withLease<T>(
  pool: pg.Pool,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const token = newId('lease');
  const until = Date.now() + waitMs;
  while (!(await take(pool, name, token))) {
    if (Date.now() > until) {
      throw new AppError('unavailable', 'Another change of the same thing is still under way.');
    }
    await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
  }
  try {
    return await work();
  } finally {
    await pool.query('DELETE FROM lease WHERE name = $1 AND token = $2', [name, token]);
  }
}

/** Whether somebody is at work under that name, as the caller's transaction sees it. */
export async function isLeased(tx: Tx, name: string): Promise<boolean> {
  const held = await tx.$queryRaw<object[]>`
    SELECT FROM lease WHERE name = ${name} AND until > clock_timestamp()`;
  return held.length > 0;
}

async function take(pool: pg.Pool, name: string, token: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `INSERT INTO lease (name, token, until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
     ON CONFLICT (name) DO UPDATE SET token = excluded.token, until = excluded.until
       WHERE lease.until < clock_timestamp()`,
    [name, token, holdSeconds],
  );
  return rowCount === 1;
}
