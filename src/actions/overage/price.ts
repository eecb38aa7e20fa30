// What overage costs, as Stripe knows it: a meter and a metered price, one pair for each plan, name, window and unit
// price, made by us when first needed and never twice. A meter of its own, since two items of a subscription on one
// meter would bill the same usage twice.
import Stripe from 'stripe';
import { newId } from '../../adapters/id.ts';
import { withLease } from '../../adapters/lease.ts';
import type { Db } from '../../adapters/postgres.ts';
import { isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { SoftLimit } from '../../domain/overage.ts';
import type { WindowKind } from '../../domain/plan.ts';
import type { OveragePrice, PlanVersion } from '../../generated/prisma/client.ts';

const metersMax = 10_000;
const pageSize = 100;

export type MadePrice = OveragePrice & { stripe_meter_id: string; stripe_price_id: string };

/**
 * The id of our row; versions of a plan that sell at the same price share it. Made outside the caller's transaction:
 * two that each hold something else and wait for the other's new row would deadlock.
 */
export async function overagePriceOf(
  db: Db,
  of: { version: PlanVersion; limit: SoftLimit; now: Date },
): Promise<string> {
  const { version, limit, now } = of;
  const key = {
    plan_id: version.plan_id,
    name: limit.name,
    window: limit.window,
    unit_amount_decimal: limit.unitAmountDecimal,
    currency: version.price_currency!,
    interval: version.price_interval!,
  };
  const known = await db.overagePrice.findFirst({ where: key, select: { id: true } });
  if (known) return known.id;
  await db.overagePrice.createMany({
    data: { ...key, id: newId('ovp'), title: titleOf(version, limit), created_at: now },
    skipDuplicates: true,
  });
  return (await db.overagePrice.findFirstOrThrow({ where: key, select: { id: true } })).id;
}

/** Meter and price exist at Stripe when this returns. The keys come from our row, so a lost answer is replayed. */
export async function ensureOveragePrice(ctx: Context, id: string): Promise<MadePrice> {
  const known = await ctx.db.overagePrice.findUniqueOrThrow({ where: { id } });
  if (isMade(known)) return known;
  return withLease(ctx.pool, `overage-price-${id}`, async () => {
    const row = await ctx.db.overagePrice.findUniqueOrThrow({ where: { id } });
    if (isMade(row)) return row;
    const meter = row.stripe_meter_id ?? (await makeMeter(ctx, row));
    await ctx.db.overagePrice.update({ where: { id }, data: { stripe_meter_id: meter } });
    const price = await makePrice(ctx, row, meter);
    return ctx.db.overagePrice.update({
      where: { id },
      data: { stripe_price_id: price },
    }) as Promise<MadePrice>;
  });
}

/** Meter events of this price go by this name. */
export function eventName(priceId: string): string {
  return `tollgate.${priceId}`;
}

function isMade(row: OveragePrice): row is MadePrice {
  return row.stripe_meter_id !== null && row.stripe_price_id !== null;
}

const windowWords: Record<WindowKind, string> = {
  minute: 'the limit per minute',
  hour: 'the hourly limit',
  day: 'the daily limit',
  month: 'the monthly limit',
  billing_period: 'the limit',
};

/** What stands on the customer's invoice. */
function titleOf({ name }: PlanVersion, limit: SoftLimit): string {
  return `${name}: ${limit.name} beyond ${windowWords[limit.window]}`;
}

/** A key is remembered for a day; after that the meter that is there says so itself, by refusing a second one. */
async function makeMeter(ctx: Context, { id, title }: OveragePrice): Promise<string> {
  try {
    const made = await ctx.stripe.billing.meters.create(
      {
        display_name: title,
        event_name: eventName(id),
        default_aggregation: { formula: 'sum' },
        customer_mapping: { type: 'by_id', event_payload_key: 'stripe_customer_id' },
        value_settings: { event_payload_key: 'value' },
      },
      { idempotencyKey: `${id}-meter` },
    );
    return made.id;
  } catch (error) {
    if (!isRefused(error)) throw error;
    const all = ctx.stripe.billing.meters.list({ status: 'active', limit: pageSize });
    const there = (await all.autoPagingToArray({ limit: metersMax })).find(
      (meter) => meter.event_name === eventName(id),
    );
    if (!there) throw error;
    return there.id;
  }
}

/** The lookup key is our id: one that an earlier attempt made is found by it. */
async function makePrice(ctx: Context, row: OveragePrice, meter: string): Promise<string> {
  const { data } = await ctx.stripe.prices.list({ lookup_keys: [row.id], limit: 1 });
  if (data[0]) return data[0].id;
  const made = await ctx.stripe.prices.create(
    {
      product_data: { name: row.title },
      currency: row.currency,
      unit_amount_decimal: Stripe.Decimal.from(row.unit_amount_decimal),
      recurring: {
        interval: row.interval === 'year' ? 'year' : 'month',
        usage_type: 'metered',
        meter,
      },
      lookup_key: row.id,
      metadata: { tollgate_overage_price: row.id },
    },
    { idempotencyKey: `${row.id}-price` },
  );
  return made.id;
}
