// Overrides whose time has long been over: the rows go. The check has ignored them from that instant on.
import { expireEndedOverrides } from '../src/actions/override-expiry.ts';
import type { Context } from '../src/context.ts';

export async function expireOverrides(ctx: Context): Promise<Record<string, number>> {
  const { settled: expired, failed } = await expireEndedOverrides(ctx);
  return { expired, failed };
}
