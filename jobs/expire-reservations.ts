// Reservations whose time is over. What they held was free from that instant on; this makes the rows follow.
import { expireDueReservations } from '../src/actions/usage/reservation.ts';
import type { Context } from '../src/context.ts';

export async function expireReservations(ctx: Context): Promise<Record<string, number>> {
  const { settled: expired, failed } = await expireDueReservations(ctx);
  return { expired, failed };
}
