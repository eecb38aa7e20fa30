// Events of Stripe's that are dealt with, and ours with what was sent of them, once they have been kept for long enough.
import { deleteExpired, expiredEvents } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireEvents(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredEvents);
}
