// Tells customers how far their limits are used: found by comparing the counters with what was seen last, never
// while counting. Limits by the minute and the hour are left out: they are over before anybody has read of them.
import { loadByCustomer } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import { queriesIn } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { readCounts } from '../../adapters/usage.ts';
import type { Context } from '../../context.ts';
import type { CustomerFacts, Footing, Plans } from '../../domain/entitlement.ts';
import { footingOf } from '../../domain/entitlement.ts';
import type { DueRows } from '../../domain/job.ts';
import { limitChecks, poolChecks } from '../../domain/limit.ts';
import type { LimitCheck } from '../../domain/limit.ts';
import { alertNews } from '../../domain/usage-alert.ts';
import type { UsageAlert } from '../../generated/prisma/client.ts';
import { settleDue } from '../job-due.ts';
import { publishUsage } from '../event/usage.ts';

const told = `('day', 'month', 'billing_period')`;

/** Something was counted since the last look, or something told may no longer hold. */
export const dueAlerts: DueRows = {
  kind: 'usage_alert',
  due: `SELECT c.id, $1::timestamptz AS due_at FROM customer c WHERE c.deleted_at IS NULL AND (
      c.id IN (SELECT a.customer_id FROM usage_alert a WHERE a.look_at <= $1)
      OR c.id IN (SELECT u.customer_id FROM usage_counter u
        LEFT JOIN usage_alert a ON (a.customer_id, a.feature, a."window") = (u.customer_id, u.feature, u."window")
        WHERE u."window" IN ${told} AND u.used > 0 AND u.feature ~ '^[a-z0-9_-]+$' AND u.window_start > $1 - interval '367 days'
          AND (a.customer_id IS NULL OR a.window_start < u.window_start
            OR a.window_start = u.window_start AND a.seen <> u.used)))`,
};

const batchSize = 25;

export async function tellDueUsage(ctx: Context): Promise<Record<string, number>> {
  let events = 0;
  const outcome = await settleDue(
    ctx,
    dueAlerts,
    async (tx, { ids, now }) => {
      const given = await readGiven(tx);
      for (const id of ids) events += await tellCustomer(tx, now, id, given);
    },
    { batchSize },
  );
  return { ...outcome, events };
}

type Given = { plans: Plans; defaultPlan: string | null; thresholds: number[] };

async function readGiven(tx: Tx): Promise<Given> {
  const reads = queriesIn(tx);
  const { usage_alert_thresholds } = await tx.setting.findUniqueOrThrow({ where: { id: 1 } });
  const { defaultPlan } = await loadRules(reads);
  return { plans: await loadPlans(reads), defaultPlan, thresholds: usage_alert_thresholds };
}

/** Returns how many events there were to tell. */
async function tellCustomer(tx: Tx, now: Date, id: string, given: Given): Promise<number> {
  const reads = queriesIn(tx);
  const customer = await loadByCustomer(reads, id);
  if (!customer) return 0;
  const footing = footingOf(customer, given.plans, given.defaultPlan, now.getTime());
  const limits = alertLimits(customer, footing, now.getTime());
  const counts = await readCounts(reads, id, limits, now.getTime());
  const alerts = await tx.usageAlert.findMany({ where: { customer_id: id } });
  let events = 0;
  for (const [at, limit] of limits.entries()) {
    const alert = alerts.find((one) => keyOf(one) === keyOf(limit)) ?? null;
    events += await tellLimit(tx, now, { id, alert, limit, used: counts[at]!.used, given });
  }
  await noteOthers(tx, id, limits);
  return events;
}

/** Of features and pools; a key's caps are its owner's own choice. */
export function alertLimits(customer: CustomerFacts, footing: Footing, now: number): LimitCheck[] {
  if (footing.code !== null || !footing.plan) return [];
  const situation = { customer, key: null, period: footing.period, now };
  const { features, pools } = footing.plan;
  const all = [
    ...features.flatMap((feature) => limitChecks({ ...feature, pool: null }, [], situation)),
    ...pools.flatMap((pool) => poolChecks(pool, 1, situation)),
  ];
  return all.filter(({ window }) => window !== 'minute' && window !== 'hour');
}

type Told = {
  id: string;
  alert: UsageAlert | null;
  limit: LimitCheck;
  used: number;
  given: Given;
};

async function tellLimit(tx: Tx, now: Date, { id, alert, limit, used, given }: Told) {
  const last = alert && {
    start: alert.window_start.getTime(),
    max: alert.max === null ? null : Number(alert.max),
    reached: alert.reached,
  };
  const news = alertNews(last, { start: limit.start, max: limit.max, used }, given.thresholds);
  const key = { customer_id: id, feature: limit.counter, window: limit.window };
  const row = {
    window_start: new Date(limit.start),
    seen: BigInt(used),
    max: BigInt(limit.max),
    reached: news.now,
    look_at: news.now > 0 ? new Date(limit.end) : null,
  };
  await tx.usageAlert.upsert({
    where: { customer_id_feature_window: key },
    create: { ...key, ...row },
    update: row,
  });
  return publishUsage(tx, now, { customerId: id, limit, used, news });
}

/** What no limit is about was seen as well, so that it is not looked at again before something changes. */
async function noteOthers(tx: Tx, id: string, limits: LimitCheck[]): Promise<void> {
  const names = limits.map(keyOf);
  await tx.$executeRaw`
    INSERT INTO usage_alert (customer_id, feature, "window", window_start, seen)
    SELECT DISTINCT ON (u.feature, u."window") u.customer_id, u.feature, u."window", u.window_start, u.used
    FROM usage_counter u
    WHERE u.customer_id = ${id} AND u."window" IN ('day', 'month', 'billing_period')
      AND u.feature || ' ' || u."window" <> ALL (${names})
    ORDER BY u.feature, u."window", u.window_start DESC
    ON CONFLICT (customer_id, feature, "window") DO UPDATE SET window_start = excluded.window_start,
      seen = excluded.seen, max = NULL, reached = 0, look_at = NULL`;
  await tx.$executeRaw`
    UPDATE usage_alert SET look_at = NULL, reached = 0
    WHERE customer_id = ${id} AND look_at IS NOT NULL AND feature || ' ' || "window" <> ALL (${names})`;
}

function keyOf(of: { window: string; counter: string } | { window: string; feature: string }) {
  return `${'counter' in of ? of.counter : of.feature} ${of.window}`;
}
