// Reservations in PostgreSQL: held, settled, released, expired, each by one call of a function there.
import type pg from 'pg';
import type { Tx } from './postgres.ts';
import { countArguments } from './usage-arguments.ts';
import type { CountRequest } from './usage-arguments.ts';

export type ReservationRow = {
  id: string;
  customer_id: string;
  feature: string;
  units: number;
  status: 'held' | 'settled' | 'released' | 'expired';
  settled_units: number | null;
  created_at: Date;
  expires_at: Date;
};

export type NewReservation = CountRequest & {
  id: string;
  feature: string;
  atMs: number;
  expiresMs: number;
};

/** Holds the units in every limit's window, or in none; `failed` is the limit that refused, or -1. */
export async function reserve(
  pool: pg.Pool,
  reservation: NewReservation,
): Promise<{ failed: number; used: number[]; held: number[] }> {
  const { row, check, soft } = countArguments([reservation]);
  const { rows } = await pool.query<{ failed: number; used_now: string[]; held_now: string[] }>(
    `SELECT failed, used_now, held_now FROM reserve_usage($1, $2, $3, $4, $5, $6, $7::text[], $8::text[], $9::text[],
       $10::timestamptz[], $11::int[], $12::bigint[], $13::bigint[], $14::bigint[], $15::numeric[], $16::int[],
       $17::bigint[], $18::bigint[])`,
    [
      reservation.id,
      reservation.customerId,
      reservation.feature,
      reservation.units,
      new Date(reservation.expiresMs).toISOString(),
      new Date(reservation.atMs).toISOString(),
      ...Object.values(row),
      check.row,
      check.max,
      check.units,
      soft.included,
      soft.price,
      soft.spendRow,
      soft.spendMax,
      check.weight,
    ],
  );
  const { failed, used_now, held_now } = rows[0]!;
  return { failed: failed - 1, used: used_now.map(Number), held: held_now.map(Number) };
}

/** Records `units` and frees the hold; with null only frees it. Null: no such reservation. */
export async function endReservation(
  pool: pg.Pool,
  id: string,
  units: number | null,
  nowMs: number,
): Promise<ReservationRow | null> {
  const { rows } = await pool.query<ReservationRow>('SELECT * FROM end_reservation($1, $2, $3)', [
    id,
    units,
    new Date(nowMs).toISOString(),
  ]);
  return rows[0] ?? null;
}

/** Makes the rows of expired reservations follow: those given, which the caller has locked. */
export async function expireReservations(tx: Tx, ids: string[], now: Date): Promise<void> {
  await tx.$executeRaw`SELECT expire_reservations(${ids}, ${now}::timestamptz)`;
}
