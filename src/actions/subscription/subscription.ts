// Subscriptions as the outside sees them, and how an action gets hold of one. Changes nothing.
import { withLease } from '../../adapters/lease.ts';
import type { Context } from '../../context.ts';
import { invalid, notFound } from '../../domain/error.ts';
import { monthlyPeriod } from '../../domain/window.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { assertOwner } from '../caller.ts';
import type { Caller } from '../caller.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';

export const withPlans = {
  plan_version: { include: { plan: true } },
  pending_plan_version: { include: { plan: true } },
} satisfies Prisma.SubscriptionInclude;
export type SubscriptionWithPlans = Prisma.SubscriptionGetPayload<{ include: typeof withPlans }>;
export type SubscriptionView = ReturnType<typeof subscriptionView>;

/** Newest first; a customer sees their own, an operator all or one customer's. */
export async function listSubscriptions(
  ctx: Context,
  caller: Caller,
  query: Page & { customer_id?: string | undefined },
) {
  const customerId = ownCustomerId(caller, query.customer_id);
  const rows = await ctx.db.subscription.findMany({
    where: { ...afterCursor(query), ...(customerId ? { customer_id: customerId } : {}) },
    include: withPlans,
    ...pageArguments(query),
  });
  return toPage(rows, query, (row) => subscriptionView(row, ctx.now()));
}

export async function getSubscription(
  ctx: Context,
  caller: Caller,
  id: string,
): Promise<SubscriptionView> {
  return subscriptionView(await loadSubscription(ctx, caller, id), ctx.now());
}

/** The row, if the caller may see it; else 404. */
export async function loadSubscription(
  ctx: Context,
  caller: Caller,
  id: string,
): Promise<SubscriptionWithPlans> {
  const row = await ctx.db.subscription.findUnique({ where: { id }, include: withPlans });
  if (!row) throw notFound();
  assertOwner(caller, row.customer_id);
  return row;
}

/**
 * Changes of one subscription, each of several steps, happen one after the other. `work` gets the row as the
 * one before left it. Whose it is is checked first: nobody waits for, or holds up, what is not theirs.
 */
export async function withSubscription<T>(
  ctx: Context,
  caller: Caller,
  id: string,
  work: (row: SubscriptionWithPlans) => Promise<T>,
): Promise<T> {
  await loadSubscription(ctx, caller, id);
  return withLease(ctx.pool, `subscription-${id}`, async () =>
    work(await loadSubscription(ctx, caller, id)),
  );
}

/** The lease under which a paid subscription is told to end, so that a free plan follows. */
export function endInFreeOf(id: string): string {
  return `end-in-free-${id}`;
}

/** Whose things are meant: a customer's own; an operator's filter. Somebody else's is not there. */
export function ownCustomerId(caller: Caller, named: string | undefined): string | undefined {
  if (caller.kind !== 'customer') return named;
  if (named !== undefined) assertOwner(caller, named);
  return caller.customerId;
}

/** For a POST: a customer's own; an operator must name one (422), and it must exist (404). */
export async function customerToServe(
  ctx: Context,
  caller: Caller,
  named: string | undefined,
): Promise<string> {
  const id = ownCustomerId(caller, named);
  if (id === undefined)
    throw invalid({ pointer: '/customer_id', detail: 'is needed from an operator' });
  const customer = await ctx.db.customer.findUnique({
    where: { id },
    select: { deleted_at: true },
  });
  if (!customer || customer.deleted_at) throw notFound();
  return id;
}

export function subscriptionView(row: SubscriptionWithPlans, now: Date) {
  const period = periodOf(row, now);
  return {
    id: row.id,
    customer_id: row.customer_id,
    plan: row.plan_version?.plan.key ?? null,
    plan_version: row.plan_version?.version ?? null,
    status: isFreeAndOver(row, now) ? 'canceled' : row.status,
    quantity: row.quantity,
    comped: row.anchor !== null && row.plan_version?.price_amount != null,
    current_period_start: text(period.start),
    current_period_end: text(period.end),
    trial_end: text(row.trial_end),
    cancel_at: text(row.cancel_at),
    canceled_at: text(row.canceled_at),
    past_due_since: text(row.past_due_since),
    pending_change: pendingChange(row),
    checkout_url: row.checkout_url,
    stripe_subscription_id: row.stripe_subscription_id,
  };
}

/** Stripe names the periods of its own; free ones are months from their anchor. */
export function periodOf(
  row: SubscriptionWithPlans,
  now: Date,
): { start: Date | null; end: Date | null } {
  if (!row.anchor) return { start: row.current_period_start, end: row.current_period_end };
  const at = row.ended_at && row.ended_at < now ? row.ended_at : now;
  return monthlyPeriod(row.anchor, at);
}

function pendingChange(row: SubscriptionWithPlans) {
  if (row.pending_reason === null) return null;
  return {
    plan: row.pending_plan_version?.plan.key ?? null,
    quantity: row.pending_quantity ?? row.quantity,
    effective_at: text(row.pending_effective_at),
    reason: row.pending_reason,
  };
}

/** Its date has come, whether or not the job has been by. */
function isFreeAndOver(row: SubscriptionWithPlans, now: Date): boolean {
  return row.stripe_subscription_id === null && row.cancel_at !== null && row.cancel_at <= now;
}

function text(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}
