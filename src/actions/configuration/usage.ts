// Who would find a limit full: the customers that have used enough for it, each with the counts the check would count
// on. Bounded; reads only.
import { findUsersAbove } from '../../adapters/customer-group.ts';
import { loadByCustomers } from '../../adapters/facts.ts';
import { readCounts } from '../../adapters/usage.ts';
import type { Context } from '../../context.ts';
import { counterName } from '../../domain/check.ts';
import { standingOf } from '../../domain/configuration/impact.ts';
import type { Impact, Rules, Standing } from '../../domain/configuration/impact.ts';
import { thresholdsOf } from '../../domain/configuration/usage.ts';
import type { User } from '../../domain/configuration/usage.ts';
import { limitsOf } from '../../domain/entitlement.ts';
import type { CustomerFacts } from '../../domain/entitlement.ts';
import type { LimitCheck } from '../../domain/limit.ts';

const usersMax = 500;

/** None where nothing becomes tighter; `isComplete` false where there are more than one look takes in. */
export async function loadUsers(
  ctx: Context,
  { tight }: Impact,
  rules: { before: Rules; after: Rules },
): Promise<{ users: User[]; isComplete: boolean }> {
  const thresholds = thresholdsOf(tight);
  if (thresholds.length === 0) return { users: [], isComplete: true };
  const now = ctx.now();
  const ids = await findUsersAbove(ctx.pool, thresholds, { now, max: usersMax + 1 });
  const customers = await loadByCustomers(ctx.pool, ids.slice(0, usersMax));
  const users: User[] = [];
  for (const customer of customers.values()) {
    users.push(await userOf(ctx, customer, rules, now.getTime()));
  }
  return { users, isComplete: ids.length <= usersMax };
}

async function userOf(
  ctx: Context,
  customer: CustomerFacts,
  { before, after }: { before: Rules; after: Rules },
  now: number,
): Promise<User> {
  const flags = { past_due: false, paused: false, disputed: false, refunded: false };
  const group = { ...flags, customers: 1, ids: [customer.id], before: customer, after: customer };
  const standing = standingOf(group, before, after, now);
  const limits = limitsIn(standing, customer, now);
  const counts = await readCounts(ctx.pool, customer.id, limits, now);
  const usage = {
    counts: new Map(limits.map((limit, at) => [counterName(limit), counts[at]!])),
    spent: new Map<number, bigint>(),
  };
  return { customer, usage, standing };
}

/** Every counter of the plans that serve before and after. */
function limitsIn({ footing }: Standing, customer: CustomerFacts, now: number): LimitCheck[] {
  const all = [footing.before, footing.after].flatMap((at) =>
    (at.plan?.features ?? []).flatMap(({ feature }) => limitsOf(feature, customer, at, now) ?? []),
  );
  return [...new Map(all.map((limit) => [counterName(limit), limit])).values()];
}
