// Usage that no answer is made from any more: ids that cannot come again, windows long over.
import { deleteExpired, expiredUsage } from '../src/actions/expired-record.ts';
import type { Context } from '../src/context.ts';

export function expireUsage(ctx: Context): Promise<Record<string, number>> {
  return deleteExpired(ctx, expiredUsage);
}
