// Throws away what nobody may use any more: idempotency records after 24 h, customer sessions after their end,
// leases of processes that died. All in machine time.
import type { Context } from '../src/context.ts';
import { deleteExpired } from '../src/actions/expired-record.ts';

export function expireRecords(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx);
}
