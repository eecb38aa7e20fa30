// The metered items of subscriptions: added at Stripe as soon as a limit that sells overage is passed, so that the
// period's own invoice can bill it, and taken away when the plan that sold it was left and all of it is billed.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import { isMissing } from '../../adapters/stripe-error.ts';
import { findItem } from '../../adapters/stripe-overage.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import type { WindowKind } from '../../domain/plan.ts';
import { isFinal } from '../../domain/subscription.ts';
import { attemptDue } from '../job-attempt.ts';
import { ensureOveragePrice, overagePriceOf } from './price.ts';

export const dueItems: DueRows = {
  kind: 'overage_item',
  due: `SELECT i.id, i.due_at FROM overage_item i WHERE i.state = 'due' AND i.due_at <= $1`,
};

const batchSize = 500;
const batchesMax = 200;

/** Adds what is missing and takes away what is left over. Each item in its own attempt. */
export async function meterSubscriptions(ctx: Context): Promise<Record<string, number>> {
  const wanted = await wantItems(ctx);
  const unwanted = await giveUpItems(ctx);
  const { settled, failed } = await attemptDue(ctx, dueItems, (id) => settleItem(ctx, id));
  return { wanted, unwanted, metered: settled, failed };
}

type Overrun = {
  subscription_id: string;
  plan_version_id: string;
  name: string;
  window: WindowKind;
  unit_amount_decimal: string;
};

/** Subscriptions that are over a soft limit of their plan in a window of the running period, and not metered yet. */
async function wantItems(ctx: Context): Promise<number> {
  let wanted = 0;
  for (let batch = 0; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const { rows } = await ctx.pool.query<Overrun>(
      `SELECT DISTINCT t.subscription_id, t.plan_version_id, l.name, l."window", l.unit_amount_decimal
       FROM subscription_term t
       JOIN subscription s ON s.id = t.subscription_id AND s.status IN ('active', 'past_due', 'trialing')
       JOIN soft_limit l ON l.plan_version_id = t.plan_version_id
       JOIN usage_counter u ON u.customer_id = t.customer_id AND u.feature = l.name AND u."window" = l."window"
         AND u.used > l.max
       WHERE t.until IS NULL
         AND CASE WHEN u."window" = 'billing_period' THEN u.window_start = t.period_start
           ELSE window_ends_about(u."window", u.window_start, NULL) > t.since END
         AND NOT EXISTS (
           SELECT FROM overage_item i JOIN overage_price p ON p.id = i.overage_price_id
           WHERE i.subscription_id = t.subscription_id AND i.wanted
             AND (p.plan_id, p.name, p."window", p.unit_amount_decimal, p.currency, p."interval")
               = (l.plan_id, l.name, l."window", l.unit_amount_decimal, l.currency, l."interval"))
       LIMIT $1`,
      [batchSize],
    );
    for (const row of rows) await wantItem(ctx, row);
    wanted += rows.length;
    if (rows.length < batchSize) break;
  }
  return wanted;
}

async function wantItem(ctx: Context, overrun: Overrun): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const version = await tx.planVersion.findUniqueOrThrow({
      where: { id: overrun.plan_version_id },
    });
    const { name, window, unit_amount_decimal: unitAmountDecimal } = overrun;
    const now = ctx.now();
    const price = await overagePriceOf(ctx.db, {
      version,
      limit: { name, window, max: 0, unitAmountDecimal },
      now,
    });
    await tx.$executeRaw`
      INSERT INTO overage_item (id, subscription_id, overage_price_id, state, due_at)
      VALUES (${newId('ovi')}, ${overrun.subscription_id}, ${price}, 'due', ${now})
      ON CONFLICT (subscription_id, overage_price_id) DO UPDATE SET wanted = true, state = 'due', due_at = ${now}`;
  });
}

/** Not while a charge at that price is on its way: its invoice may still need the item. */
async function giveUpItems(ctx: Context): Promise<number> {
  const { rowCount } = await ctx.pool.query(
    `UPDATE overage_item i SET wanted = false, state = 'due', due_at = $1
     FROM overage_price p
     WHERE p.id = i.overage_price_id AND i.wanted AND i.state = 'done'
       AND NOT EXISTS (
         SELECT FROM overage_charge c
         WHERE (c.subscription_id, c.overage_price_id) = (i.subscription_id, p.id) AND c.state IN ('open', 'due'))
       AND NOT EXISTS (
         SELECT FROM subscription_term t JOIN soft_limit l ON l.plan_version_id = t.plan_version_id
         WHERE t.subscription_id = i.subscription_id AND (t.until IS NULL OR NOT t.closed)
           AND (p.plan_id, p.name, p."window", p.unit_amount_decimal, p.currency, p."interval")
             = (l.plan_id, l.name, l."window", l.unit_amount_decimal, l.currency, l."interval"))`,
    [ctx.now()],
  );
  return rowCount ?? 0;
}

async function settleItem(ctx: Context, id: string): Promise<void> {
  const item = await ctx.db.overageItem.findUnique({ where: { id } });
  if (item?.state !== 'due') return;
  const subscription = await ctx.db.subscription.findUniqueOrThrow({
    where: { id: item.subscription_id },
  });
  const stripeId = subscription.stripe_subscription_id;
  if (!stripeId || isFinal(subscription.status)) {
    await ctx.db.overageItem.deleteMany({ where: { id } });
  } else if (item.wanted) {
    const stripeItemId = await addItem(ctx, { id, stripeId, priceId: item.overage_price_id });
    await ctx.db.overageItem.updateMany({
      where: { id, wanted: true },
      data: { state: 'done', done_at: ctx.now(), stripe_item_id: stripeItemId },
    });
  } else {
    await removeItem(ctx, item.stripe_item_id);
    await ctx.db.overageItem.deleteMany({ where: { id, wanted: false } });
  }
}

/** Charges nothing now. One that an earlier attempt has added is adopted. */
async function addItem(
  ctx: Context,
  { id, stripeId, priceId }: { id: string; stripeId: string; priceId: string },
): Promise<string> {
  const { stripe_price_id: price } = await ensureOveragePrice(ctx, priceId);
  const there = await findItem(ctx.stripe, stripeId, price);
  if (there) return there;
  const made = await ctx.stripe.subscriptionItems.create(
    {
      subscription: stripeId,
      price,
      proration_behavior: 'none',
      metadata: { tollgate_overage_item: id },
    },
    { idempotencyKey: id },
  );
  return made.id;
}

async function removeItem(ctx: Context, stripeItemId: string | null): Promise<void> {
  if (!stripeItemId) return;
  try {
    await ctx.stripe.subscriptionItems.del(stripeItemId, { proration_behavior: 'none' });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
