// Makes our row say what Stripe's subscription says now. Takes nothing from events; a look that finds nothing
// new writes nothing. Which row is meant is found in subscription-row.ts.
import type { Tx } from '../../adapters/postgres.ts';
import { isLeased } from '../../adapters/lease.ts';
import { fetchSubscription } from '../../adapters/stripe-subscription.ts';
import type { PriceQuantity, StripeSubscriptionFacts } from '../../adapters/stripe-subscription.ts';
import { difference, isFinal, isLive } from '../../domain/subscription.ts';
import type { PlanVersion, Subscription } from '../../generated/prisma/client.ts';
import { audit, stripeActor } from '../audit.ts';
import { publishSubscription, publishSubscriptionAlone } from '../event/subscription.ts';
import { moneyBack } from './charge.ts';
import { saveInvoices } from './invoice.ts';
import { endPurchase } from '../purchase/end.ts';
import { startFreeSubscription } from '../subscription/free.ts';
import { lockCustomer, rowFor } from '../subscription/row.ts';
import { endInFreeOf } from '../subscription/subscription.ts';
import { saveSubscriptionPaymentMethod } from './payment-method.ts';
import { noteChanges } from './want.ts';
import type { Change, Reader } from './want.ts';

const actor = stripeActor;

export const subscriptionReader: Reader<StripeSubscriptionFacts> = {
  fetch: fetchSubscription,
  async save(tx, { id, now, found, changes }) {
    if (found === null) return endDeleted(tx, id, now, changes);
    const customer = await ownerOf(tx, found);
    if (!customer) return 'unknown_customer';
    await lockCustomer(tx, customer.id);
    const version = await planVersionOf(tx, found.items);
    const place = await rowFor(tx, customer.id, found);
    const next = await columns(tx, found, version, place.row);
    let subscriptionId = place.row?.id ?? null;
    if (place.how === 'write') {
      subscriptionId = await update(tx, now, { row: place.row, next, changes });
    }
    if (place.how === 'insert')
      subscriptionId = await insert(tx, now, {
        id: place.id,
        customerId: customer.id,
        found,
        next,
        changes,
      });
    const { invoices } = found;
    await saveInvoices(tx, { now, customerId: customer.id, subscriptionId, invoices, changes });
    if (subscriptionId && place.how !== 'none')
      await saveSubscriptionPaymentMethod(tx, {
        subscriptionId,
        methodId: found.paymentMethodId,
        now,
      });
    await closePurchase(tx, now, found);
    if (!isLive(found.status)) return null;
    if (customer.deleted_at) return 'live_after_deletion';
    if (!version) return 'unknown_price';
    return (await hasSeveralLive(tx, customer.id)) ? 'duplicate_subscription' : null;
  },
};

/** Whose row it is, also after the customer was deleted at Stripe; a new one belongs to whoever is linked. */
async function ownerOf(tx: Tx, { id, customerId }: StripeSubscriptionFacts) {
  const row = await tx.subscription.findUnique({
    where: { stripe_subscription_id: id },
    include: { customer: true },
  });
  return row?.customer ?? tx.customer.findUnique({ where: { stripe_customer_id: customerId } });
}

type Columns = Awaited<ReturnType<typeof columns>>;

/** What Stripe says, in our columns. */
async function columns(
  tx: Tx,
  found: StripeSubscriptionFacts,
  version: PlanVersion | null,
  row: Subscription | null,
) {
  const item =
    found.items.find(({ priceId }) => priceId === version?.stripe_price_id) ?? found.items[0];
  return {
    plan_version_id: version?.id ?? null,
    status: found.status,
    quantity: item?.quantity ?? 1,
    anchor: null,
    current_period_start: item?.periodStart ?? null,
    current_period_end: item?.periodEnd ?? null,
    trial_end: found.trialEnd,
    cancel_at: found.cancelAt,
    canceled_at: found.canceledAt,
    ended_at: found.endedAt,
    past_due_since: found.pastDueSince,
    collection_paused: found.collectionPaused,
    paused_at_trial_end: found.pausedAtTrialEnd,
    ever_paid: found.everPaid,
    stripe_subscription_id: found.id,
    checkout_url: found.status === 'incomplete' ? (row?.checkout_url ?? null) : null,
    ...(await moneyBack(tx, { stripe_subscription_id: found.id })),
    ...(await pendingColumns(tx, found, row)),
  };
}

const nothingPending = {
  pending_plan_version_id: null,
  pending_quantity: null,
  pending_effective_at: null,
  pending_reason: null,
};

/** What is to change and why, in the order in which one hides the other. */
async function pendingColumns(tx: Tx, found: StripeSubscriptionFacts, row: Subscription | null) {
  if (isFinal(found.status)) return nothingPending;
  if (found.unpaidChange) return pendingOf(tx, found.unpaidChange.items, null, 'payment_failed');
  if (found.nextPhase)
    return pendingOf(tx, found.nextPhase.items, found.nextPhase.startsAt, 'scheduled');
  if (!row) return nothingPending;
  const waitsForFree = row.pending_reason === 'scheduled' && (await isToEndInFree(tx, found, row));
  const waitsForPayer = row.pending_reason === 'checkout' && found.status === 'incomplete';
  if (!waitsForFree && !waitsForPayer) return nothingPending;
  return {
    pending_plan_version_id: row.pending_plan_version_id,
    pending_quantity: row.pending_quantity,
    pending_effective_at: (waitsForFree && found.cancelAt) || row.pending_effective_at,
    pending_reason: row.pending_reason,
  };
}

/** The plan is saved before Stripe is told of the end: while somebody is at that, a look must not take it back. */
async function isToEndInFree(
  tx: Tx,
  found: StripeSubscriptionFacts,
  row: Subscription,
): Promise<boolean> {
  if (!(await pendsOnFree(tx, row))) return false;
  return found.cancelAt !== null || isLeased(tx, endInFreeOf(row.id));
}

async function pendingOf(tx: Tx, items: PriceQuantity[], at: Date | null, reason: string) {
  const version = await planVersionOf(tx, items);
  const item = items.find(({ priceId }) => priceId === version?.stripe_price_id) ?? items[0];
  return {
    pending_plan_version_id: version?.id ?? null,
    pending_quantity: item?.quantity ?? 1,
    pending_effective_at: at,
    pending_reason: reason,
  };
}

/** The plan's item may stand anywhere among others: the first price that a plan version owns. */
async function planVersionOf(tx: Tx, items: PriceQuantity[]): Promise<PlanVersion | null> {
  const versions = await tx.planVersion.findMany({
    where: { stripe_price_id: { in: items.map((item) => item.priceId) } },
  });
  const owner = (item: PriceQuantity) =>
    versions.find((version) => version.stripe_price_id === item.priceId);
  const item = items.find(owner);
  return item ? owner(item)! : null;
}

async function pendsOnFree(tx: Tx, row: Subscription): Promise<boolean> {
  if (!row.pending_plan_version_id) return false;
  const version = await tx.planVersion.findUnique({ where: { id: row.pending_plan_version_id } });
  return version?.price_amount === null;
}

async function update(
  tx: Tx,
  now: Date,
  { row, next, changes }: { row: Subscription; next: Columns; changes: Change[] },
): Promise<string> {
  const change = difference<Subscription>(row, next);
  if (!change) return row.id;
  noteChanges(changes, next.stripe_subscription_id, change);
  const freeVersion =
    isFinal(next.status) && (await pendsOnFree(tx, row)) ? row.pending_plan_version_id : null;
  await tx.subscription.update({ where: { id: row.id }, data: change.after });
  const { id, customer_id: customerId } = row;
  await audit(tx, now, actor, { action: 'subscription.sync', objectId: id, customerId, ...change });
  if (freeVersion) {
    await publishSubscriptionAlone(tx, now, { id, before: row });
    // Paid to free: free begins the instant the paid one ended, also where we hear of it later.
    const at = next.ended_at ?? next.cancel_at ?? now;
    await startFreeSubscription(tx, { now, actor, customerId, versionId: freeVersion, at });
  } else await publishSubscription(tx, now, { id, before: row });
  return id;
}

async function insert(
  tx: Tx,
  now: Date,
  row: {
    id: string;
    customerId: string;
    found: StripeSubscriptionFacts;
    next: Columns;
    changes: Change[];
  },
): Promise<string> {
  const { id, customerId, next } = row;
  row.changes.push({ object: row.found.id, field: 'status', ours: null, stripes: next.status });
  await tx.subscription.create({
    data: {
      ...next,
      id,
      customer_id: customerId,
      started_at: row.found.startedAt,
      created_at: now,
    },
  });
  await audit(tx, now, actor, {
    action: 'subscription.sync',
    objectId: id,
    customerId,
    after: next,
  });
  await publishSubscription(tx, now, { id, before: null });
  return id;
}

/** The purchase this subscription came from has succeeded, or come to nothing. */
async function closePurchase(tx: Tx, now: Date, found: StripeSubscriptionFacts): Promise<void> {
  if (!found.purchaseHint || found.status === 'incomplete') return;
  const state = isFinal(found.status) ? 'failed' : 'done';
  await endPurchase(tx, { id: found.purchaseHint, state, now, stripeSubscriptionId: found.id });
}

async function hasSeveralLive(tx: Tx, customerId: string): Promise<boolean> {
  const live = await tx.subscription.count({
    where: {
      customer_id: customerId,
      status: { notIn: ['incomplete', 'incomplete_expired', 'canceled'] },
    },
  });
  return live > 1;
}

/** Stripe said that this very subscription is deleted, and no longer knows it: it is over. */
async function endDeleted(
  tx: Tx,
  id: string,
  now: Date,
  changes: Change[],
): Promise<string | null> {
  const row = await tx.subscription.findUnique({ where: { stripe_subscription_id: id } });
  if (!row || isFinal(row.status)) return null;
  const ended = {
    status: 'canceled',
    canceled_at: row.canceled_at ?? now,
    ended_at: now,
    ...nothingPending,
  };
  const change = difference<Subscription>(row, ended)!;
  noteChanges(changes, id, change);
  await tx.subscription.update({ where: { id: row.id }, data: change.after });
  const details = {
    action: 'subscription.sync',
    objectId: row.id,
    customerId: row.customer_id,
    ...change,
  };
  await audit(tx, now, actor, details);
  await publishSubscription(tx, now, { id: row.id, before: row });
  return null;
}
