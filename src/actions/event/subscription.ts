// The one call after every change of a subscription's row: publishes what happened to it, and the access that
// follows from it. Changes nothing of the subscription itself.
import type { Tx } from '../../adapters/postgres.ts';
import { endingNotice } from '../../domain/ending.ts';
import { subscriptionEvent } from '../../domain/event.ts';
import type { EventType } from '../../domain/event.ts';
import type { Subscription } from '../../generated/prisma/client.ts';
import { notify } from '../notice/notify.ts';
import { subscriptionView, withPlans } from '../subscription/subscription.ts';
import type { SubscriptionView, SubscriptionWithPlans } from '../subscription/subscription.ts';
import { publishAccess } from './access.ts';
import { publish } from './publish.ts';

type Changed = {
  id: string;
  /** The row as it was, null where it is new. */
  before: Subscription | null;
  /** When it happened, where that was earlier than now. */
  at?: Date;
};

/** Nothing that anybody is told of changed: nothing is published. */
export async function publishSubscription(tx: Tx, now: Date, changed: Changed): Promise<void> {
  const customerId = await publishSubscriptionAlone(tx, now, changed);
  await publishAccess(tx, now, customerId);
}

/** Without the access, where what follows in the same transaction decides about that. Returns whose it is. */
export async function publishSubscriptionAlone(
  tx: Tx,
  now: Date,
  { id, before, at = now }: Changed,
): Promise<string> {
  const after = await tx.subscription.findUniqueOrThrow({ where: { id }, include: withPlans });
  const type = subscriptionEvent(before, after);
  if (type) {
    const subscription = subscriptionView(after, at);
    const previous = before && otherwise(await viewOf(tx, at, before), subscription);
    await publish(tx, {
      customerId: after.customer_id,
      subscriptionId: id,
      type,
      at,
      data: { subscription, previous },
    });
    if (before) await tellOfEnd(tx, now, { type, before, after });
  }
  return after.customer_id;
}

type End = { type: EventType; before: Subscription; after: SubscriptionWithPlans };

/** Once, whoever else notices it. */
async function tellOfEnd(tx: Tx, now: Date, { type, before, after }: End): Promise<void> {
  const kind = endingNotice(type, before, after);
  if (!kind) return;
  const { id, customer_id: customerId, plan_version, ended_at } = after;
  const about = { customerId, subscriptionId: id, key: `${kind}-${id}`, at: now };
  const plan = plan_version?.name ?? null;
  if (kind === 'trial_ended') await notify(tx, { ...about, kind, data: { plan } });
  else await notify(tx, { ...about, kind, data: { plan, ended_at } });
}

async function viewOf(tx: Tx, now: Date, row: Subscription): Promise<SubscriptionView> {
  const ids = [row.plan_version_id, row.pending_plan_version_id].filter((id) => id !== null);
  const versions = await tx.planVersion.findMany({
    where: { id: { in: ids } },
    include: { plan: true },
  });
  const version = (id: string | null) => versions.find((one) => one.id === id) ?? null;
  const withVersions: SubscriptionWithPlans = {
    ...row,
    plan_version: version(row.plan_version_id),
    pending_plan_version: version(row.pending_plan_version_id),
  };
  return subscriptionView(withVersions, now);
}

/** The fields that are another now, as they were. */
function otherwise(before: SubscriptionView, after: SubscriptionView): Partial<SubscriptionView> {
  const names = Object.keys(after) as (keyof SubscriptionView)[];
  const other = names.filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  return Object.fromEntries(other.map((name) => [name, before[name]]));
}
