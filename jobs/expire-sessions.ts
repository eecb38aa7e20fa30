// Customer sessions that nobody may use any more: one that is over is refused whether it is still here or not.
import { deleteExpired, expiredSessions } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireSessions(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredSessions);
}
