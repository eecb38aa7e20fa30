// The end of API keys whose time is over. The check has turned them away from that instant on; this tells of it.
import type { Context } from '../context.ts';
import type { DueRows } from '../domain/job.ts';
import { auditAll } from './audit.ts';
import { publishKey } from './event/api-key.ts';
import { settleDue } from './job-due.ts';
import type { Settle } from './job-due.ts';

/** Each takes a handful of statements. */
const batchSize = 50;

/** The customer is held too, since its events are told in order. */
export const dueKeys: DueRows = {
  kind: 'api_key',
  due: `SELECT k.id, k.expires_at AS due_at FROM api_key k JOIN customer c ON c.id = k.customer_id
    WHERE k.expires_at <= $1 AND k.expired_at IS NULL AND k.revoked_at IS NULL AND c.deleted_at IS NULL`,
};

export function expireDueKeys(ctx: Context): Promise<{ settled: number; failed: number }> {
  return settleDue(ctx, dueKeys, endKeys, { batchSize });
}

const endKeys: Settle = async (tx, { ids, now }) => {
  const keys = await tx.apiKey.findMany({
    where: { id: { in: ids } },
    orderBy: { customer_id: 'asc' },
  });
  await tx.$executeRaw`UPDATE api_key SET expired_at = expires_at WHERE id = ANY (${ids})`;
  await auditAll(
    tx,
    now,
    'job:expire-keys',
    keys.map((key) => ({
      action: 'api_key.expire',
      objectId: key.id,
      customerId: key.customer_id,
      after: { expires_at: key.expires_at },
    })),
  );
  for (const key of keys) {
    await publishKey(tx, key.expires_at ?? now, { type: 'key.expired', key });
  }
};
