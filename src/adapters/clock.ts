// Business time: the machine's plus an offset kept in one Postgres row, the same for all processes.
// Only `PUT /test/clock` moves it (CLOCK=movable); signatures, sessions and leases never use it.
import type pg from 'pg';

export type BusinessClock = Awaited<ReturnType<typeof createClock>>;

/** Reads the offset once; `refresh` re-reads it, which the LISTEN connection asks for when it changes. */
export async function createClock(pool: pg.Pool, movable: boolean) {
  let offsetMs = 0;

  async function refresh(): Promise<void> {
    if (!movable) return;
    const { rows } = await pool.query<{ offset_ms: number }>('SELECT offset_ms FROM clock');
    offsetMs = rows[0]?.offset_ms ?? 0;
  }

  await refresh();
  return {
    movable,
    refresh,
    /** Milliseconds since 1970. A machine whose clock is not movable ignores what the row holds. */
    nowMs: () => Date.now() + offsetMs,
  };
}
