// What an operator grants one customer besides the plan: set, taken back, listed. What it comes to is decided in
// domain/override.ts, with each check.
import { newId } from '../adapters/id.ts';
import { inTransaction } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { invalid, notFound } from '../domain/error.ts';
import { difference } from '../domain/subscription.ts';
import type { Override } from '../generated/prisma/client.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';
import { findCustomer } from './customer/customer.ts';
import { publishAccess } from './event/access.ts';
import { lockCustomer } from './subscription/row.ts';

export type OverrideInput = {
  limit: number | null;
  extra: number | null;
  expires_at: Date | null;
  reason: string | null;
};
type Place = { customerId: string; feature: string };

/** Every one of them is read with the customer's facts. */
const perCustomerMax = 50;

/** The same again changes nothing. 404 where there is no such customer. */
export async function putOverride(
  ctx: Context,
  caller: Caller,
  { customerId, feature, input }: Place & { input: OverrideInput },
) {
  return inTransaction(ctx, async (tx) => {
    await findCustomer(tx, customerId);
    await lockCustomer(tx, customerId);
    const where = { customer_id_feature: { customer_id: customerId, feature } };
    const before = await tx.override.findUnique({ where });
    const known = before && asNumbers(before);
    if (known && !difference(known, input)) return view(before);
    if (
      !before &&
      (await tx.override.count({ where: { customer_id: customerId } })) >= perCustomerMax
    )
      throw invalid({ pointer: '/feature', detail: `a customer has up to ${perCustomerMax}` });
    const after = await tx.override.upsert({
      where,
      create: {
        ...input,
        id: newId('ovr'),
        customer_id: customerId,
        feature,
        created_at: ctx.now(),
      },
      update: input,
    });
    await audit(tx, ctx.now(), caller, {
      action: 'override.set',
      objectId: after.id,
      customerId,
      ...(before ? { before: view(before) } : {}),
      after: view(after),
    });
    await publishAccess(tx, ctx.now(), customerId);
    return view(after);
  });
}

/** Where there is none, nothing is done; 404 where there is no such customer. */
export async function deleteOverride(
  ctx: Context,
  caller: Caller,
  { customerId, feature }: Place,
): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const customer = await tx.customer.findUnique({ where: { id: customerId } });
    if (!customer) throw notFound();
    await lockCustomer(tx, customerId);
    const where = { customer_id_feature: { customer_id: customerId, feature } };
    const before = await tx.override.findUnique({ where });
    if (!before) return;
    await tx.override.delete({ where });
    await audit(tx, ctx.now(), caller, {
      action: 'override.delete',
      objectId: before.id,
      customerId,
      before: view(before),
    });
    await publishAccess(tx, ctx.now(), customerId);
  });
}

/** All that are set, ended ones too, by feature. */
export async function listOverrides(ctx: Context, customerId: string) {
  await findCustomer(ctx.db, customerId);
  const rows = await ctx.db.override.findMany({
    where: { customer_id: customerId },
    orderBy: { feature: 'asc' },
  });
  return { data: rows.map(view), next_cursor: null };
}

function asNumbers({ limit, extra, expires_at, reason }: Override): OverrideInput {
  return { limit: number(limit), extra: number(extra), expires_at, reason };
}

function number(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}

function view(row: Override) {
  return {
    customer_id: row.customer_id,
    feature: row.feature,
    limit: number(row.limit),
    extra: number(row.extra),
    expires_at: row.expires_at?.toISOString() ?? null,
    reason: row.reason,
    created_at: row.created_at.toISOString(),
  };
}
