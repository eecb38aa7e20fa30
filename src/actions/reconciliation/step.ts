// What a comparison goes through, step by step and in portions that each leave a position behind: Stripe's events,
// Stripe's subscriptions, our customers, our prices. A list only says what to look at; it is never believed to be whole.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { toSeconds } from '../../adapters/stripe-time.ts';
import { isFinal } from '../../domain/subscription.ts';
import { rootObject } from '../../domain/stripe-event.ts';
import type { RootObject } from '../../domain/stripe-event.ts';
import { storeListedEvent } from '../stripe/event.ts';
import { check, markChecked } from './check.ts';
import type { Run } from './check.ts';

/** Does the portion after `position` and returns the new position; null: this step is over. */
type Step = (run: Run, position: string | null) => Promise<string | null>;
export type StepName = 'event' | 'subscription' | 'customer' | 'price';

const pageSize = 100;
const perCustomerMax = 500;

export const steps: Record<StepName, Step> = {
  event: missedEvents,
  subscription: strangeSubscriptions,
  customer: nextCustomer,
  price: nextPrice,
};

/** Newest first. Those that never came are looked into, then kept. */
async function missedEvents(run: Run, position: string | null): Promise<string | null> {
  const { ctx, eventsSince } = run;
  if (!eventsSince) return null;
  const page = await ctx.stripe.events.list({
    created: { gte: toSeconds(eventsSince) },
    limit: pageSize,
    ...(position ? { starting_after: position } : {}),
  });
  for (const event of await unknownEvents(run, page.data)) {
    const root = await ours(run, event);
    if (!root || !(await check(run, root)) || run.dryRun) continue;
    await inTransaction(ctx, (tx) => storeListedEvent(tx, ctx.now(), event));
  }
  return nextPosition(page);
}

async function unknownEvents({ ctx }: Run, events: Stripe.Event[]): Promise<Stripe.Event[]> {
  const known = await ctx.db.stripeEvent.findMany({
    where: { id: { in: events.map(({ id }) => id) } },
    select: { id: true },
  });
  const ids = new Set(known.map(({ id }) => id));
  return events.filter(({ id }) => !ids.has(id));
}

/** The object to look at; null where the event is about somebody else's business in the same account. */
async function ours({ ctx }: Run, event: Stripe.Event): Promise<RootObject | null> {
  const object = event.data.object as unknown as Record<string, unknown>;
  const previous = event.data.previous_attributes as Record<string, unknown> | undefined;
  const root = rootObject({ type: event.type, object, previous });
  if (!root) return null;
  const metadata = (object['metadata'] ?? {}) as Record<string, unknown>;
  if (Object.keys(metadata).some((name) => name.startsWith('tollgate_'))) return root;
  const { rowCount } = await ctx.pool.query(
    `SELECT 1 FROM customer WHERE stripe_customer_id = ANY ($1)
     UNION ALL SELECT 1 FROM subscription WHERE stripe_subscription_id = $2
     UNION ALL SELECT 1 FROM plan_version WHERE stripe_price_id = $2
     UNION ALL SELECT 1 FROM plan WHERE stripe_product_id = $2 LIMIT 1`,
    [[root.id, object['customer']].filter((id) => typeof id === 'string'), root.id],
  );
  return rowCount ? root : null;
}

/** Those of customers we do not know, but at our prices or with our marks. The others come with their customer. */
async function strangeSubscriptions(run: Run, position: string | null): Promise<string | null> {
  const page = await run.ctx.stripe.subscriptions.list({
    status: 'all',
    limit: pageSize,
    ...(position ? { starting_after: position } : {}),
  });
  for (const subscription of await strange(run, page.data)) {
    await check(run, { kind: 'customer', id: idOf(subscription.customer) });
    await check(run, { kind: 'subscription', id: subscription.id });
  }
  return nextPosition(page);
}

async function strange({ ctx }: Run, listed: Stripe.Subscription[]) {
  const customers = await ctx.db.customer.findMany({
    where: { stripe_customer_id: { in: listed.map(({ customer }) => idOf(customer)) } },
    select: { stripe_customer_id: true },
  });
  const prices = await ctx.db.planVersion.findMany({
    where: {
      stripe_price_id: {
        in: listed.flatMap(({ items }) => items.data.map(({ price }) => price.id)),
      },
    },
    select: { stripe_price_id: true },
  });
  const known = new Set(customers.map((row) => row.stripe_customer_id));
  const ourPrices = new Set(prices.map((row) => row.stripe_price_id));
  return listed.filter(
    ({ customer, metadata, items, status }) =>
      !known.has(idOf(customer)) &&
      !isFinal(status) &&
      (metadata['tollgate_purchase'] !== undefined ||
        items.data.some(({ price }) => ourPrices.has(price.id))),
  );
}

/**
 * Everything that Stripe has of one customer and everything that we have. Asked by customer, Stripe also tells of
 * subscriptions under a test clock.
 */
async function nextCustomer(run: Run, position: string | null): Promise<string | null> {
  const { ctx } = run;
  const customer = await ctx.db.customer.findFirst({
    where: { id: { gt: position ?? '' }, stripe_customer_id: { not: null } },
    orderBy: { id: 'asc' },
  });
  if (!customer) return null;
  const stripeId = customer.stripe_customer_id!;
  if (!(await check(run, { kind: 'customer', id: stripeId }))) return customer.id;
  const listed = await ctx.stripe.subscriptions
    .list({ customer: stripeId, status: 'all', limit: pageSize })
    .autoPagingToArray({ limit: perCustomerMax });
  const rows = await ctx.db.subscription.findMany({
    where: { customer_id: customer.id, stripe_subscription_id: { not: null } },
  });
  const ours = new Map(rows.map((row) => [row.stripe_subscription_id!, row.status]));
  const stripes = new Map(listed.map(({ id, status }) => [id, status]));
  for (const id of new Set([...stripes.keys(), ...ours.keys()])) {
    // Nothing follows the end: where both sides say so, or only we do, there is nothing to ask.
    const isOver = isFinal(ours.get(id) ?? '') && isFinal(stripes.get(id) ?? 'canceled');
    if (isOver) await markChecked(run, id);
    else await check(run, { kind: 'subscription', id });
  }
  return customer.id;
}

async function nextPrice(run: Run, position: string | null): Promise<string | null> {
  const version = await run.ctx.db.planVersion.findFirst({
    where: { id: { gt: position ?? '' }, stripe_price_id: { not: null } },
    orderBy: { id: 'asc' },
  });
  if (!version) return null;
  await check(run, { kind: 'price', id: version.stripe_price_id! });
  return version.id;
}

function nextPosition<T extends { id: string }>(page: Stripe.ApiList<T>): string | null {
  return page.has_more ? (page.data.at(-1)?.id ?? null) : null;
}

function idOf(value: string | { id: string }): string {
  return typeof value === 'string' ? value : value.id;
}
