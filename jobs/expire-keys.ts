// API keys whose time is over. The check has refused them from that instant on; this makes row and event follow.
import { expireDueKeys } from '../src/actions/api-key-expiry.ts';
import type { Context } from '../src/context.ts';

export async function expireKeys(ctx: Context): Promise<Record<string, number>> {
  const { settled: expired, failed } = await expireDueKeys(ctx);
  return { expired, failed };
}
