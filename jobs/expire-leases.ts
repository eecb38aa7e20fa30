// Leases of processes that died, and attempts at rows that have been settled otherwise.
import { deleteExpired, expiredLeases } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireLeases(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredLeases);
}
