// Usage that has happened, told by a gateway or an operator: recorded whatever the limits say, once per id of a
// customer, in the windows of its own time. All of a batch or nothing; only the check denies.
import { loadByCustomers, loadByKeyHashes } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import { hashSecret } from '../../adapters/secret.ts';
import { findRecorded, readCountedPeriods, recordUsage } from '../../adapters/usage.ts';
import type { Recorded, UsageRecord } from '../../adapters/usage.ts';
import type { Context } from '../../context.ts';
import type { CustomerFacts, Footing, KeyFacts, Plans } from '../../domain/entitlement.ts';
import { footingOf } from '../../domain/entitlement.ts';
import { invalid } from '../../domain/error.ts';
import type { FieldError } from '../../domain/error.ts';
import type { LimitCheck } from '../../domain/limit.ts';
import { countedIn, periodHolding } from '../../domain/limit.ts';

/** What two machines' clocks may differ by: such usage counts as of now. */
const futureToleranceMs = 60_000;
const errorsMax = 50;
/** Longer than any billing period: what was counted before is no help to find one. */
const longestPeriodMs = 400 * 86_400_000;

export type UsageRecordInput = {
  customer_id?: string | undefined;
  api_key?: string | undefined;
  feature: string;
  units: number;
  id: string;
  at?: Date | undefined;
  /** Where it stands in the body, for whoever must correct it. */
  pointer: string;
};
export type UsageRecordView = ReturnType<typeof view>;

/** Whose units these are, and when they were used. */
type Placed = {
  given: UsageRecordInput;
  customer: CustomerFacts;
  key: KeyFacts | null;
  atMs: number;
};

/** The results in the order given. 422 names the records that cannot be placed, and then none is recorded. */
export async function recordAllUsage(
  ctx: Context,
  records: UsageRecordInput[],
): Promise<UsageRecordView[]> {
  const [plans, rules] = await Promise.all([loadPlans(ctx.pool), loadRules(ctx.pool)]);
  const nowMs = ctx.clock.nowMs();
  const placed = await place(ctx, records, nowMs);
  await refuseLate(ctx, placed, nowMs - rules.usageLateMs);
  const first = new Map<string, Placed>();
  for (const one of placed) if (!first.has(keyOf(one))) first.set(keyOf(one), one);
  const distinct = [...first.values()];
  const toCount = await countable(ctx, distinct, { plans, defaultPlan: rules.defaultPlan, nowMs });
  const recorded = await recordUsage(ctx.pool, toCount, nowMs);
  const results = new Map(distinct.map((one, index) => [keyOf(one), recorded[index]!]));
  return placed.map((one) => view(one, results.get(keyOf(one))!, first.get(keyOf(one)) === one));
}

/** 422 where a record names nobody that exists, or lies in the future. */
async function place(ctx: Context, records: UsageRecordInput[], nowMs: number): Promise<Placed[]> {
  const ids = new Set(records.flatMap((one) => one.customer_id ?? []));
  const hashes = new Map(
    [...new Set(records.flatMap((one) => one.api_key ?? []))].map((key) => [
      key,
      hashSecret(ctx.config.keyPepper, key),
    ]),
  );
  const [customers, keys] = await Promise.all([
    loadByCustomers(ctx.pool, [...ids]),
    loadByKeyHashes(ctx.pool, [...hashes.values()]),
  ]);
  const errors: FieldError[] = [];
  const placed: Placed[] = [];
  for (const given of records) {
    const byKey = given.api_key && keys.get(hashes.get(given.api_key)!.toString('base64'));
    const customer = byKey ? byKey.customer : customers.get(given.customer_id ?? '');
    const atMs = given.at?.getTime() ?? nowMs;
    if (!customer) {
      const name = given.api_key === undefined ? 'customer_id' : 'api_key';
      errors.push({ pointer: `${given.pointer}/${name}`, detail: 'names nobody' });
    } else if (atMs > nowMs + futureToleranceMs) {
      errors.push({ pointer: `${given.pointer}/at`, detail: 'lies in the future' });
    } else {
      const key = byKey ? byKey.key : null;
      placed.push({ given, customer, key, atMs: Math.min(atMs, nowMs) });
    }
  }
  if (errors.length) throw invalid(...errors.slice(0, errorsMax));
  return placed;
}

/** A retry of what was recorded in time is no late record. */
async function refuseLate(ctx: Context, placed: Placed[], earliestMs: number): Promise<void> {
  const late = placed.filter(({ atMs }) => atMs < earliestMs);
  if (late.length === 0) return;
  const known = await findRecorded(
    ctx.pool,
    late.map(({ customer, given }) => ({ customerId: customer.id, id: given.id })),
  );
  const errors = late
    .filter((one) => !known.has(keyOf(one)))
    .map(({ given }) => ({
      pointer: `${given.pointer}/at`,
      detail: 'is too long ago: see usage_late_seconds in the settings',
    }));
  if (errors.length) throw invalid(...errors.slice(0, errorsMax));
}

/** Each with the counters of the windows that held at its time. */
async function countable(
  ctx: Context,
  placed: Placed[],
  of: { plans: Plans; defaultPlan: string | null; nowMs: number },
): Promise<UsageRecord[]> {
  const footings = new Map<string, Footing>();
  for (const { customer } of placed) {
    if (footings.has(customer.id)) continue;
    footings.set(customer.id, footingOf(customer, of.plans, of.defaultPlan, of.nowMs));
  }
  const earlier = placed.filter(
    ({ customer, atMs }) => atMs < footings.get(customer.id)!.period.start,
  );
  const periods = earlier.length
    ? await readCountedPeriods(
        ctx.pool,
        [...new Set(earlier.map(({ customer }) => customer.id))],
        Math.min(...earlier.map(({ atMs }) => atMs)) - longestPeriodMs,
      )
    : new Map<string, number[]>();
  return placed.map(({ given, customer, key, atMs }) => {
    const footing = footings.get(customer.id)!;
    const countedFrom = latestNotAfter(periods.get(customer.id) ?? [], atMs);
    const period = periodHolding(footing.period, atMs, countedFrom);
    const limits: LimitCheck[] = countedIn(given.feature, footing.plan, {
      customer,
      key,
      period,
      now: atMs,
    });
    const { id, feature, units } = given;
    return { id, feature, units, customerId: customer.id, limits, atMs };
  });
}

function latestNotAfter(starts: number[], atMs: number): number | null {
  const before = starts.filter((start) => start <= atMs);
  return before.length ? Math.max(...before) : null;
}

function keyOf({ customer, given }: Placed): string {
  return `${customer.id} ${given.id}`;
}

/** What is recorded under this id: of a duplicate, what came first. */
function view({ given, customer }: Placed, recorded: Recorded, isFirst: boolean) {
  return {
    id: given.id,
    customer_id: customer.id,
    feature: recorded.feature,
    units: recorded.units,
    at: recorded.at.toISOString(),
    status: recorded.isNew && isFirst ? ('recorded' as const) : ('duplicate' as const),
  };
}
