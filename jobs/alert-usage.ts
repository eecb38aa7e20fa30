// Tells customers that a share of a limit is used up, and that there is room again. Reads what was counted; counting
// itself knows nothing of it.
import { tellDueUsage } from '../src/actions/usage/alert.ts';
import type { Context } from '../src/context.ts';

export function alertUsage(ctx: Context): Promise<Record<string, number>> {
  return tellDueUsage(ctx);
}
