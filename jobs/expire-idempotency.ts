// Answers kept for whoever repeats a request: for 24 hours.
import { deleteExpired, expiredIdempotencyRecords } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireIdempotency(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredIdempotencyRecords);
}
