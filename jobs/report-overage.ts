// What was used beyond the limits of paid plans, onto invoices: accounted when its window ends, charged when its
// billing period does.
import { accrueOverage } from '../src/actions/overage/accrue.ts';
import { settleCharges } from '../src/actions/overage/charge.ts';
import { meterSubscriptions } from '../src/actions/overage/item.ts';
import type { Context } from '../src/context.ts';

export async function reportOverage(ctx: Context): Promise<Record<string, number>> {
  const accrued = await accrueOverage(ctx);
  const items = await meterSubscriptions(ctx);
  const { settled, failed } = await settleCharges(ctx);
  return { ...accrued, ...items, charged: settled, failed: failed + (items['failed'] ?? 0) };
}
