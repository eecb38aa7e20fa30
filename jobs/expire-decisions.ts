// Decisions, and how many there were, once they have been kept for long enough.
import { deleteExpired, expiredDecisions } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireDecisions(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredDecisions);
}
