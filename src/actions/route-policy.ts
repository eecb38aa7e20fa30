// Route policies: what a call needs, by method and path. Two that would tie cannot both be saved: the unique
// index over method and shape is the judge, so concurrent requests cannot slip past it.
import { newId } from '../adapters/id.ts';
import { inTransaction, isUniqueViolation } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import type { ConfiguredRoutePolicy } from '../domain/configuration/configuration.ts';
import { AppError, notFound } from '../domain/error.ts';
import { routeShape } from '../domain/route-policy.ts';
import type { Access } from '../domain/route-policy.ts';
import type { RoutePolicy } from '../generated/prisma/client.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';
import { afterCursor, pageArguments, toPage } from './page.ts';
import type { Page } from './page.ts';

/** What the audit calls it; a deletion that is repeated is known by it. */
export const deletion = 'route_policy.delete';

/** 409 `route_conflict` where another policy has the same method and shape. */
export async function createRoutePolicy(
  ctx: Context,
  caller: Caller,
  input: ConfiguredRoutePolicy,
) {
  return namingConflicts(ctx, input, () =>
    inTransaction(ctx, async (tx) => {
      const created = await tx.routePolicy.create({
        data: { id: newId('rp'), ...routePolicyRow(input), created_at: ctx.now() },
      });
      await audit(tx, ctx.now(), caller, {
        action: 'route_policy.create',
        objectId: created.id,
        after: routePolicyView(created),
      });
      return routePolicyView(created);
    }),
  );
}

/** Replaces the whole: what the input leaves out gets its default. */
export async function replaceRoutePolicy(
  ctx: Context,
  caller: Caller,
  { id, policy }: { id: string; policy: ConfiguredRoutePolicy },
) {
  return namingConflicts(ctx, policy, () =>
    inTransaction(ctx, async (tx) => {
      const before = await tx.routePolicy.findUnique({ where: { id } });
      if (!before) throw notFound();
      const after = await tx.routePolicy.update({ where: { id }, data: routePolicyRow(policy) });
      await audit(tx, ctx.now(), caller, {
        action: 'route_policy.replace',
        objectId: id,
        before: routePolicyView(before),
        after: routePolicyView(after),
      });
      return routePolicyView(after);
    }),
  );
}

/** Deleting what is gone is the same as deleting it, as the audit remembers; what never was is 404. */
export async function deleteRoutePolicy(ctx: Context, caller: Caller, id: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const before = await tx.routePolicy.findUnique({ where: { id } });
    const { count } = await tx.routePolicy.deleteMany({ where: { id } });
    if (!before || count === 0) {
      const deleted = await tx.auditEntry.findFirst({ where: { object_id: id, action: deletion } });
      if (!deleted && !before) throw notFound();
      return;
    }
    await audit(tx, ctx.now(), caller, {
      action: deletion,
      objectId: id,
      before: routePolicyView(before),
    });
  });
}

export async function getRoutePolicy(ctx: Context, id: string) {
  const found = await ctx.db.routePolicy.findUnique({ where: { id } });
  if (!found) throw notFound();
  return routePolicyView(found);
}

export async function listRoutePolicies(ctx: Context, page: Page) {
  const rows = await ctx.db.routePolicy.findMany({
    where: afterCursor(page),
    ...pageArguments(page),
  });
  return toPage(rows, page, routePolicyView);
}

async function namingConflicts<T>(
  ctx: Context,
  input: ConfiguredRoutePolicy,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const other = await ctx.db.routePolicy.findUnique({
      where: { method_shape: { method: input.method, shape: routeShape(input.path) } },
    });
    const name = other ? `${other.method} ${other.path} (${other.id})` : 'another policy';
    throw new AppError('route_conflict', `It would tie with ${name}.`, {
      conflicts_with: other?.id ?? null,
    });
  }
}

export function routePolicyRow(input: ConfiguredRoutePolicy) {
  return { ...input, shape: routeShape(input.path) };
}

export function routePolicyView(row: RoutePolicy) {
  return { id: row.id, ...configuredRoutePolicy(row) };
}

/** As it could be written down. */
export function configuredRoutePolicy(row: RoutePolicy): ConfiguredRoutePolicy {
  return {
    method: row.method,
    path: row.path,
    access: row.access as Access,
    feature: row.feature,
    cost: row.cost,
    read_only: row.read_only,
    when_down: row.when_down === 'open' ? 'open' : 'closed',
    max_stale_seconds: row.max_stale_seconds,
  };
}
