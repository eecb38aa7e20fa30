// Tells of access that has become another: in the transaction of what caused it, or found by a job where the
// clock alone did. What was told last is kept per customer, so that each change is told once.
import { createHash } from 'node:crypto';
import { loadByCustomer } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import { queriesIn } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { AccessState } from '../../domain/access-state.ts';
import { accessState, isSameAccess, nextAccessChange } from '../../domain/access-state.ts';
import type { Footing } from '../../domain/entitlement.ts';
import { footingOf } from '../../domain/entitlement.ts';
import type { DueRows } from '../../domain/job.ts';
import { settleDue } from '../job-due.ts';
import type { Settle } from '../job-due.ts';
import { lockStream, publish } from './publish.ts';

const batchSize = 25;

/** What was told last, and a digest of the features and limits that went with it. */
type Told = AccessState & { digest?: string };

/**
 * Publishes `entitlement.changed` where access at `now` is not what was told last, and notes when the clock may
 * change it next. Nothing is told of what could not be verified. Returns whether something was told.
 */
export async function publishAccess(tx: Tx, now: Date, customerId: string): Promise<boolean> {
  const { access: told } = await lockStream(tx, customerId);
  const last = told as Told | null;
  const reads = queriesIn(tx);
  const customer = await loadByCustomer(reads, customerId);
  if (!customer) return closeAccess(tx, now, customerId, last);
  const plans = await loadPlans(reads);
  const { defaultPlan } = await loadRules(reads);
  const footing = footingOf(customer, plans, defaultPlan, now.getTime());
  const access = accessState(customer, footing);
  const digest = digestOf(footing, access);
  const next = nextAccessChange(customer, plans, now.getTime());
  const isNews =
    footing.code !== 'unverifiable' && (!isSameAccess(last, access) || last?.digest !== digest);
  await keep(tx, customerId, { access: isNews ? { ...access, digest } : last, next });
  if (isNews) await tell(tx, now, { customerId, footing, access, last });
  return isNews;
}

/** A deleted customer may do nothing, and no clock changes that. */
async function closeAccess(
  tx: Tx,
  now: Date,
  customerId: string,
  last: Told | null,
): Promise<boolean> {
  const none = { plan: null, plan_version: null, status: null, code: 'no_subscription' as const };
  const access: AccessState = { ...none, access: 'deny' };
  const isNews = last !== null && last.access !== 'deny';
  await keep(tx, customerId, { access: isNews ? access : last, next: null });
  if (isNews) await tell(tx, now, { customerId, footing: null, access, last });
  return isNews;
}

async function keep(
  tx: Tx,
  customerId: string,
  { access, next }: { access: Told | null; next: number | null },
): Promise<void> {
  await tx.$executeRaw`
    UPDATE event_stream SET access = ${access && JSON.stringify(access)}::jsonb,
      access_due_at = ${next === null ? null : new Date(next)}::timestamptz
    WHERE customer_id = ${customerId}`;
}

/** Of what may be used: an override or another version changes that and nothing else. */
function digestOf({ plan }: Footing, { access }: AccessState): string {
  const granted = access === 'deny' ? null : [plan?.features, plan?.pools];
  return createHash('sha256').update(JSON.stringify(granted)).digest('base64url');
}

function withoutDigest({ digest: _digest, ...access }: Told): AccessState {
  return access;
}

type News = {
  customerId: string;
  footing: Footing | null;
  access: AccessState;
  last: Told | null;
};

async function tell(tx: Tx, now: Date, news: News): Promise<void> {
  const { customerId, footing, access, last } = news;
  await publish(tx, {
    customerId,
    type: 'entitlement.changed',
    at: now,
    subscriptionId: footing?.subscription?.id ?? null,
    data: {
      customer_id: customerId,
      ...access,
      entitlements: access.access === 'deny' ? [] : (footing?.plan?.features ?? []),
      pools: access.access === 'deny' ? [] : (footing?.plan?.pools ?? []),
      previous: last && withoutDigest(last),
    },
  });
  // A limit may have room again: alerts that were told are looked at.
  await tx.$executeRaw`
    UPDATE usage_alert SET look_at = ${now}::timestamptz WHERE customer_id = ${customerId} AND reached > 0`;
}

/** The default plan is another: the job looks at all who may stand on it. Who was never told of is not told now. */
export async function lookAtAccessOfUnsubscribed(tx: Tx, now: Date): Promise<void> {
  await tx.$executeRaw`
    UPDATE event_stream SET access_due_at = ${now}::timestamptz
    WHERE access IS NOT NULL
      AND coalesce(access->>'status', '') NOT IN ('active', 'trialing', 'past_due', 'unpaid', 'paused')`;
}

export const dueAccess: DueRows = {
  kind: 'access',
  due: `SELECT s.customer_id AS id, s.access_due_at AS due_at FROM event_stream s WHERE s.access_due_at <= $1`,
};

/** Customers whose access the clock may have changed. */
export async function publishDueAccess(ctx: Context): Promise<Record<string, number>> {
  let changed = 0;
  const tell: Settle = async (tx, { ids, now }) => {
    for (const id of ids) if (await publishAccess(tx, now, id)) changed += 1;
  };
  return { ...(await settleDue(ctx, dueAccess, tell, { batchSize })), changed };
}
