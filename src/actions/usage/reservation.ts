// Units held for a call whose cost is known only afterwards: taken like the check takes them, then settled with
// what was used, released, or free again when their time is over.
import { createActionLinks } from '../../adapters/action-link.ts';
import { loadByCustomer, loadByKeyHash } from '../../adapters/facts.ts';
import { loadPlans, loadRules } from '../../adapters/rules.ts';
import { newId } from '../../adapters/id.ts';
import { writeKeyUses } from '../../adapters/key-use.ts';
import { hashSecret } from '../../adapters/secret.ts';
import { endReservation, expireReservations, reserve } from '../../adapters/usage-reservation.ts';
import type { ReservationRow } from '../../adapters/usage-reservation.ts';
import type { Context } from '../../context.ts';
import { isWellFormedKey } from '../../domain/api-key.ts';
import type { CustomerFacts, Deny, KeyFacts, Plans } from '../../domain/entitlement.ts';
import { decide, decideUnidentified, footingOf } from '../../domain/entitlement.ts';
import { notFound } from '../../domain/error.ts';
import type { DueRows } from '../../domain/job.ts';
import type { LimitCheck } from '../../domain/limit.ts';
import { countedIn, exceededCode } from '../../domain/limit.ts';
import { secondsUntil } from '../../domain/window.ts';
import { buildProblem } from '../denial.ts';
import type { Problem } from '../denial.ts';
import { settleDue } from '../job-due.ts';
import type { Settle } from '../job-due.ts';

/** `last_used_at` is right within a minute: a write for every call is more than that needs. */
const noteUseEveryMs = 30_000;
const expireBatchSize = 500;

export type ReservationInput = {
  customer_id?: string | undefined;
  api_key?: string | undefined;
  feature: string;
  units: number;
  expires_in: number;
};
export type ReservationView = ReturnType<typeof view>;
/** A denial is an answer: the check's own, with the seconds after which to ask again. */
export type Reserved =
  | { reservation: ReservationView; denial: null }
  | { reservation: null; denial: { problem: Problem; retryAfter: number | null } };

/** Decides as the check does, then holds the units in all windows, or in none. */
export async function reserveUsage(ctx: Context, input: ReservationInput): Promise<Reserved> {
  const asOf = Date.now();
  const [who, plans, rules] = await Promise.all([
    identify(ctx, input),
    loadPlans(ctx.pool),
    loadRules(ctx.pool),
  ]);
  const { feature, units } = input;
  const now = ctx.clock.nowMs();
  if (who?.key) await writeKeyUses(ctx.pool, [[who.key.id, now]], noteUseEveryMs);
  const need = { access: 'feature' as const, feature, cost: units, readOnly: false };
  const { defaultPlan } = rules;
  const verdict = who
    ? decide({ ...who, plans, defaultPlan }, need, now)
    : decideUnidentified(need, 'key_invalid');
  const denied = (deny: Deny, full: Full | null) => refuse(ctx, deny, { full, plans, now, asOf });
  if (!verdict.allowed) return denied(verdict, null);
  const { customer, key } = who!;
  const { plan, period } = footingOf(customer, plans, defaultPlan, now);
  const limits = countedIn(feature, plan, { customer, key, period, now });
  const id = newId('res');
  const expiresMs = now + input.expires_in * 1000;
  const customerId = customer.id;
  const { failed, used, held } = await reserve(ctx.pool, {
    id,
    customerId,
    feature,
    units,
    limits,
    atMs: now,
    expiresMs,
  });
  if (failed >= 0) {
    const limit = limits[failed]!;
    const code = exceededCode(limit);
    return denied(
      { allowed: false, code, customerId, plan, feature, subscriptionId: null },
      { limit, used: used[failed]!, held: held[failed]! },
    );
  }
  const [created_at, expires_at] = [new Date(now), new Date(expiresMs)];
  const row = { id, customer_id: customerId, feature, units, created_at, expires_at };
  return {
    reservation: view({ ...row, status: 'held', settled_units: null }, created_at),
    denial: null,
  };
}

/** Records what was used, whatever the balance and however late; again: what was recorded first. */
export async function settleReservation(
  ctx: Context,
  { id, units }: { id: string; units: number },
): Promise<ReservationView> {
  return end(ctx, id, units);
}

/** Frees what is held. Again, after the end, or after a settlement, which stays: nothing is held then either. */
export async function releaseReservation(ctx: Context, id: string): Promise<void> {
  await end(ctx, id, null);
}

export const dueReservations: DueRows = {
  kind: 'usage_reservation',
  due: `SELECT id, expires_at AS due_at FROM usage_reservation WHERE status = 'held' AND expires_at <= $1`,
};

/** Makes the rows of expired reservations follow. What they held was free from that instant on. */
export function expireDueReservations(ctx: Context): Promise<{ settled: number; failed: number }> {
  const settle: Settle = (tx, { ids, now }) => expireReservations(tx, ids, now);
  return settleDue(ctx, dueReservations, settle, { batchSize: expireBatchSize });
}

async function end(ctx: Context, id: string, units: number | null): Promise<ReservationView> {
  const row = await endReservation(ctx.pool, id, units, ctx.clock.nowMs());
  if (!row) throw notFound();
  return view(row, ctx.now());
}

async function identify(
  ctx: Context,
  { customer_id: id, api_key: key }: ReservationInput,
): Promise<{ customer: CustomerFacts; key: KeyFacts | null } | null> {
  if (key === undefined) {
    const customer = await loadByCustomer(ctx.pool, id ?? '');
    return customer && { customer, key: null };
  }
  if (!isWellFormedKey(key)) return null;
  return loadByKeyHash(ctx.pool, hashSecret(ctx.config.keyPepper, key));
}

type Full = { limit: LimitCheck; used: number; held: number };

function refuse(
  ctx: Context,
  verdict: Deny,
  { full, plans, now, asOf }: { full: Full | null; plans: Plans; now: number; asOf: number },
): Reserved {
  const problem = buildProblem(ctx.config.publicUrl, createActionLinks(ctx.config), {
    verdict,
    full: full?.limit ?? null,
    used: full?.used ?? null,
    held: full?.held ?? null,
    decisionId: newId('dec'),
    asOf,
    plans,
  });
  const waits = verdict.code === 'rate_limited' || verdict.code === 'quota_exhausted';
  const retryAfter = full && waits ? secondsUntil(full.limit.end, now) : null;
  return { reservation: null, denial: { problem, retryAfter } };
}

function view(row: ReservationRow, now: Date) {
  const isOver = row.status === 'held' && row.expires_at <= now;
  return {
    id: row.id,
    customer_id: row.customer_id,
    feature: row.feature,
    units: row.units,
    expires_at: row.expires_at.toISOString(),
    status: isOver ? ('expired' as const) : row.status,
    settled_units: row.settled_units,
    created_at: row.created_at.toISOString(),
  };
}
