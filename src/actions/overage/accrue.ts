// Puts overage on charges: what ended windows hold beyond their limits, once, and fixes a charge when its billing
// period is over, within the customer's spend cap. All in PostgreSQL; Stripe hears of it elsewhere.
import { newId } from '../../adapters/id.ts';
import type { Db, Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import { softLimits } from '../../domain/overage.ts';
import { billedAt, overageDue } from '../../domain/overage-report.ts';
import type { Counter, Overage, Term } from '../../domain/overage-report.ts';
import { withOverrides } from '../../domain/override.ts';
import type { Override } from '../../domain/override.ts';
import type { PlanFacts, WindowKind } from '../../domain/plan.ts';
import type {
  Override as OverrideRow,
  PlanVersion,
  SubscriptionTerm,
} from '../../generated/prisma/client.ts';
import { settleDue } from '../job-due.ts';
import { contentOf } from '../plan/view.ts';
import { fixCharges } from './fix.ts';
import { overagePriceOf } from './price.ts';

/** The customer is locked as well: its spend cap is over all of its charges. */
export const dueOverage: DueRows = {
  kind: 'overage',
  due: `SELECT s.id, $1::timestamptz AS due_at FROM subscription s JOIN customer c ON c.id = s.customer_id
    WHERE s.id IN (SELECT o.subscription_id FROM overage_due($1) o)`,
};

const chunkSize = 20;

/**
 * Accounts everything that is due. What is due is asked once: the question goes over all counters, and one that is
 * accounted twice is accounted once. Counters may be thrown away only up to where this has got to.
 */
export async function accrueOverage(
  ctx: Context,
): Promise<{ accounted: number; unaccounted: number }> {
  const startedAt = ctx.now();
  const { rows } = await ctx.pool.query<{ id: string }>(
    'SELECT subscription_id AS id FROM overage_due($1) ORDER BY 1',
    [startedAt],
  );
  const count = { accounted: 0, unaccounted: 0 };
  for (let from = 0; from < rows.length && !ctx.queue.stopping(); from += chunkSize) {
    const { settled, failed } = await accrueChunk(ctx, rows.slice(from, from + chunkSize));
    count.accounted += settled;
    count.unaccounted += failed;
  }
  if (count.unaccounted === 0 && !ctx.queue.stopping()) await noteProgress(ctx, startedAt);
  return count;
}

/** One batch: those that somebody else has locked are left to them. */
function accrueChunk(ctx: Context, rows: { id: string }[]) {
  const ids = rows.map(({ id }) => `'${id.replaceAll("'", "''")}'`).join(', ');
  const due = `SELECT s.id, $1::timestamptz AS due_at FROM subscription s JOIN customer c ON c.id = s.customer_id
    WHERE s.id IN (${ids})`;
  return settleDue(
    ctx,
    { ...dueOverage, due },
    async (tx, batch) => {
      for (const id of batch.ids) await accrueOne(ctx, tx, { subscriptionId: id, now: batch.now });
    },
    { batchSize: chunkSize + 1 },
  );
}

async function accrueOne(
  ctx: Context,
  tx: Tx,
  { subscriptionId, now }: { subscriptionId: string; now: Date },
): Promise<void> {
  const rows = await tx.subscriptionTerm.findMany({
    where: { subscription_id: subscriptionId, settled: false },
    orderBy: { since: 'asc' },
  });
  const terms = rows.map(termOf);
  const customerId = rows[0]?.customer_id;
  if (customerId) {
    const facts = await readFacts(tx, { customerId, terms });
    const { due, ended } = overageDue({ ...facts, terms, now: now.getTime() });
    await noteWindows(tx, customerId, due, ended);
    const { db } = ctx;
    await putOnCharges(tx, { ...facts, db, subscriptionId, customerId, now, terms, due });
    await tx.subscriptionTerm.updateMany({
      where: { subscription_id: subscriptionId, closed: false, until: { lte: now } },
      data: { closed: true },
    });
  }
  await fixCharges(tx, subscriptionId, terms, now);
}

function termOf(row: SubscriptionTerm): Term {
  return {
    since: row.since.getTime(),
    until: row.until?.getTime() ?? null,
    versionId: row.plan_version_id,
    periodStart: row.period_start.getTime(),
    periodEnd: row.period_end.getTime(),
    isTrial: row.is_trial,
    closed: row.closed,
    countedBefore: row.counted_before as Counter[],
    counted: row.counted as Counter[],
  };
}

type CounterRow = { name: string; window: WindowKind; start: bigint; used: bigint };
const longestWindowMs = 32 * 86_400_000;

/** Counters that are over a limit of these terms, how much of each is on a charge, and what the limits were. */
async function readFacts(tx: Tx, of: { customerId: string; terms: Term[] }) {
  const { customerId, terms } = of;
  const customer = await tx.customer.findUniqueOrThrow({ where: { id: customerId } });
  const overrides = (await tx.override.findMany({ where: { customer_id: customerId } })).map(
    overrideOf,
  );
  const versions = await tx.planVersion.findMany({
    where: { id: { in: terms.map(({ versionId }) => versionId) } },
    include: { plan: true },
  });
  const plans = new Map(versions.map((version) => [version.id, planFacts(version)]));
  const least = Math.min(...overrides.flatMap(({ limit }) => limit ?? []));
  const from = new Date(Math.min(...terms.map(({ periodStart }) => periodStart)) - longestWindowMs);
  const limits = [...plans.values()].flatMap(softLimits);
  const rows = await tx.$queryRaw<CounterRow[]>`
    SELECT DISTINCT u.feature AS name, u."window", ms(u.window_start) AS start, u.used
    FROM unnest(${limits.map(({ name }) => name)}::text[], ${limits.map(({ window }) => window)}::text[],
      ${limits.map(({ max }) => BigInt(Math.min(max, least)))}::bigint[]) AS l (name, kind, max)
    JOIN usage_counter u ON u.customer_id = ${customerId} AND u.feature = l.name AND u."window" = l.kind
      AND u.used > l.max AND u.window_start >= ${from}`;
  const noted = await tx.overageWindow.findMany({
    where: { customer_id: customerId, window_start: { gte: from }, units: { gt: 0 } },
  });
  const accounted = new Map(
    noted.map((row) => [
      keyOf(row.since.getTime(), { ...row, name: row.feature, start: row.window_start.getTime() }),
      Number(row.units),
    ]),
  );
  return {
    versions,
    limitsOf: (versionId: string, windowStart: number) =>
      softLimits(withOverrides(plans.get(versionId)!, overrides, windowStart)),
    counters: rows.map((row) => ({ ...row, start: Number(row.start), used: Number(row.used) })),
    accounted: ({ since }: Term, counter: Counter) => accounted.get(keyOf(since, counter)) ?? 0,
    timezone: customer.timezone,
  };
}

function planFacts(version: PlanVersion & { plan: { key: string } }): PlanFacts {
  const { id: versionId, version: number, plan } = version;
  return { ...contentOf(version), versionId, version: number, key: plan.key, offered: false };
}

function overrideOf({ feature, limit, extra, expires_at }: OverrideRow): Override {
  const number = (value: bigint | null) => (value === null ? null : Number(value));
  return {
    feature,
    limit: number(limit),
    extra: number(extra),
    expiresAt: expires_at?.getTime() ?? null,
  };
}

function keyOf(since: number, of: { name: string; window: string; start: number }): string {
  return `${since} ${of.name} ${of.window} ${of.start}`;
}

/** `counted` is set for windows that are over: they are looked at again when something more was counted in them. */
async function noteWindows(
  tx: Tx,
  customerId: string,
  due: Overage[],
  ended: { term: Term; counter: Counter }[],
): Promise<void> {
  const notes = [
    ...due.map(({ term, limit, windowStart: start, units }) => ({ term, of: limit, start, units, counted: 0 })),
    ...ended.map(({ term, counter: of }) => ({ term, of, start: of.start, units: 0, counted: of.used })),
  ]; // prettier-ignore
  await tx.$executeRaw`
    INSERT INTO overage_window AS w (customer_id, feature, "window", window_start, since, units, counted)
    SELECT ${customerId}, name, kind, start, since, sum(units), max(counted)
    FROM unnest(${notes.map(({ of }) => of.name)}::text[], ${notes.map(({ of }) => of.window)}::text[],
      ${notes.map(({ start }) => new Date(start))}::timestamptz[],
      ${notes.map(({ term }) => new Date(term.since))}::timestamptz[], ${notes.map(({ units }) => BigInt(units))}::bigint[],
      ${notes.map(({ counted }) => BigInt(counted))}::bigint[]) AS n (name, kind, start, since, units, counted)
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (customer_id, feature, "window", window_start, since)
    DO UPDATE SET units = w.units + excluded.units, counted = greatest(w.counted, excluded.counted)`;
}

type Accrual = {
  db: Db;
  subscriptionId: string;
  customerId: string;
  now: Date;
  terms: Term[];
  versions: PlanVersion[];
  due: Overage[];
};

/** One charge per billing period and price collects the units of all its windows. */
async function putOnCharges(tx: Tx, accrual: Accrual): Promise<void> {
  const { customerId, due } = accrual;
  for (const { term, limit, units } of summed(due)) {
    const version = accrual.versions.find(({ id }) => id === term.versionId)!;
    const price = await overagePriceOf(accrual.db, { version, limit, now: accrual.now });
    const periodEnd = billedAt(accrual.terms, term);
    await tx.$executeRaw`
      INSERT INTO overage_charge AS c (id, subscription_id, customer_id, overage_price_id, period_start, period_end,
        is_trial, units, state, created_at)
      VALUES (${newId('ovc')}, ${accrual.subscriptionId}, ${customerId}, ${price}, ${new Date(term.periodStart)},
        ${new Date(periodEnd)}, ${term.isTrial}, ${BigInt(units)}, 'open', ${accrual.now})
      ON CONFLICT (subscription_id, period_start, overage_price_id) WHERE state = 'open'
      DO UPDATE SET units = c.units + excluded.units`;
  }
}

function summed(due: Overage[]): Overage[] {
  const sums = new Map<string, Overage>();
  for (const one of due) {
    const { term, limit } = one;
    const key = `${term.since} ${limit.name} ${limit.window}`;
    const known = sums.get(key);
    sums.set(key, known ? { ...known, units: known.units + one.units } : one);
  }
  return [...sums.values()];
}

/** Also forgets terms that late usage can no longer change. */
async function noteProgress(ctx: Context, at: Date): Promise<void> {
  await ctx.pool.query(
    'UPDATE overage_progress SET accounted_until = greatest(accounted_until, $1::timestamptz)',
    [at],
  );
  await ctx.pool.query(
    `UPDATE subscription_term SET settled = true
     WHERE NOT settled AND closed
       AND until < $1::timestamptz - interval '1 day' - (SELECT usage_late_seconds * interval '1 second' FROM setting)`,
    [at],
  );
}
