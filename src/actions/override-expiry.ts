// Overrides whose time is over. They grant nothing from that instant on; the row goes once nothing is accounted by it
// any more.
import type { Context } from '../context.ts';
import type { DueRows } from '../domain/job.ts';
import { auditAll } from './audit.ts';
import { settleDue } from './job-due.ts';

/** Longer than the longest window but a year's, whose overage is accounted as it arises. */
const keptAfter = `interval '35 days'`;

export const endedOverrides: DueRows = {
  kind: 'override',
  due: `SELECT o.id, o.expires_at + ${keptAfter} AS due_at FROM override o WHERE o.expires_at <= $1 - ${keptAfter}`,
};

export function expireEndedOverrides(ctx: Context): Promise<{ settled: number; failed: number }> {
  return settleDue(ctx, endedOverrides, async (tx, { ids, now }) => {
    const rows = await tx.override.findMany({ where: { id: { in: ids } } });
    await tx.override.deleteMany({ where: { id: { in: ids } } });
    const entries = rows.map((row) => ({
      action: 'override.expire',
      objectId: row.id,
      customerId: row.customer_id,
      before: { feature: row.feature, expires_at: row.expires_at },
    }));
    await auditAll(tx, now, 'job:expire-overrides', entries);
  });
}
