// Brings a charge to Stripe, once: as a meter event while that still comes onto the period's own invoice, else as an
// invoice item. What is about to be done is saved before it is done; whoever goes on after a crash looks first.
import { withLease } from '../../adapters/lease.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import { isRefused } from '../../adapters/stripe-error.ts';
import {
  billedUnits,
  fetchBilling,
  findInvoiceItem,
  isKnownEvent,
} from '../../adapters/stripe-overage.ts';
import type { OverageBilling } from '../../adapters/stripe-overage.ts';
import { toSeconds } from '../../adapters/stripe-time.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import { meteredAt, wayOf } from '../../domain/overage-report.ts';
import type { Way } from '../../domain/overage-report.ts';
import type { OverageCharge, OveragePrice } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import { attemptDue } from '../job-attempt.ts';
import { makeInvoiceItem } from './invoice-item.ts';
import { eventName } from './price.ts';

export const dueCharges: DueRows = {
  kind: 'overage_charge',
  due: `SELECT c.id, c.due_at FROM overage_charge c WHERE c.state = 'due' AND c.due_at <= $1`,
};

/** Each in its own attempt; those of one subscription one after the other, since they may share an invoice. */
export function settleCharges(ctx: Context): Promise<{ settled: number; failed: number }> {
  return attemptDue(ctx, dueCharges, async (id) => {
    const { subscription_id } = await ctx.db.overageCharge.findUniqueOrThrow({ where: { id } });
    await withLease(ctx.pool, `overage-${subscription_id}`, () => settleCharge(ctx, id));
  });
}

export type Case = {
  charge: OverageCharge;
  price: OveragePrice;
  billing: OverageBilling;
  stripeId: string;
};

async function settleCharge(ctx: Context, id: string): Promise<void> {
  const charge = await ctx.db.overageCharge.findUniqueOrThrow({ where: { id } });
  if (charge.state !== 'due') return;
  const given = await caseOf(ctx, charge);
  const way = wayOf({ periodEnd: charge.period_end.getTime() }, given.billing, ctx.now().getTime());
  if (charge.way === 'meter') return settleMetered(ctx, given, way);
  if (charge.way === 'item') {
    const made = await findInvoiceItem(ctx.stripe, {
      customerId: given.billing.customerId,
      chargeId: id,
      since: charge.due_at!,
    });
    if (made) return finish(ctx, charge, { itemId: made.id, invoiceId: idOf(made.invoice) });
    return chargeByItem(ctx, given, way);
  }
  if (way.to === 'meter') return meter(ctx, given, way);
  return chargeByItem(ctx, given, way);
}

async function caseOf(ctx: Context, charge: OverageCharge): Promise<Case> {
  const [price, subscription] = await Promise.all([
    ctx.db.overagePrice.findUniqueOrThrow({ where: { id: charge.overage_price_id } }),
    ctx.db.subscription.findUniqueOrThrow({ where: { id: charge.subscription_id } }),
  ]);
  const stripeId = subscription.stripe_subscription_id!;
  const billing = await fetchBilling(ctx.stripe, {
    subscriptionId: stripeId,
    priceId: price.stripe_price_id,
    periodEnd: charge.period_end.getTime(),
  });
  return { charge, price, billing, stripeId };
}

/** Whether the event came in time is known once its invoice has closed; until then nothing else is done. */
async function settleMetered(ctx: Context, given: Case, way: Way): Promise<void> {
  const { charge, price, stripeId } = given;
  if (charge.metered_at === null && way.to === 'meter') return meter(ctx, given, way);
  const billed = await billedUnits(ctx.stripe, {
    subscriptionId: stripeId,
    priceId: price.stripe_price_id!,
    at: meteredAt({ periodEnd: charge.period_end.getTime() }),
  });
  if (billed.units - (await confirmedUnits(ctx, charge)) >= Number(charge.billed_units)) {
    return finish(ctx, charge, { itemId: null, invoiceId: billed.invoiceId });
  }
  if (way.to === 'meter') return lookAgain(ctx, charge, way.until);
  const draft = given.billing.draft;
  if (draft) return lookAgain(ctx, charge, (draft.finalizesAt ?? ctx.now().getTime()) + waitMs);
  ctx.log.error(
    { charge: charge.id },
    'metered overage is on no invoice: it becomes an invoice item',
  );
  return chargeByItem(ctx, given, way);
}

const waitMs = 10 * 60_000;

async function meter(ctx: Context, given: Case, way: Way & { to: 'meter' }): Promise<void> {
  const { charge, price, billing } = given;
  await ctx.db.overageCharge.update({ where: { id: charge.id }, data: { way: 'meter' } });
  try {
    await ctx.stripe.billing.meterEvents.create({
      event_name: eventName(price.id),
      payload: { stripe_customer_id: billing.customerId, value: String(charge.billed_units) },
      identifier: charge.id,
      timestamp: toSeconds(new Date(way.at)),
    });
  } catch (error) {
    if (!isKnownEvent(error)) {
      if (!isRefused(error)) throw error;
      ctx.log.warn({ err: error, charge: charge.id }, 'Stripe does not take a meter event');
      return chargeByItem(
        ctx,
        given,
        wayOf(
          { periodEnd: charge.period_end.getTime() },
          { ...billing, item: null },
          ctx.now().getTime(),
        ),
      );
    }
  }
  await ctx.db.overageCharge.update({
    where: { id: charge.id },
    data: { metered_at: ctx.now(), due_at: new Date(way.until) },
  });
}

/** What earlier charges at this price have on the same invoice line. */
async function confirmedUnits(ctx: Context, charge: OverageCharge): Promise<number> {
  const { subscription_id, overage_price_id, period_end } = charge;
  const { _sum } = await ctx.db.overageCharge.aggregate({
    where: { subscription_id, overage_price_id, period_end, way: 'meter', state: 'done' },
    _sum: { billed_units: true },
  });
  return Number(_sum.billed_units ?? 0n);
}

async function lookAgain(ctx: Context, { id }: OverageCharge, at: number): Promise<void> {
  await ctx.db.overageCharge.update({ where: { id }, data: { due_at: new Date(at) } });
}

async function chargeByItem(ctx: Context, given: Case, way: Way): Promise<void> {
  const { id } = given.charge;
  await ctx.db.overageCharge.update({ where: { id }, data: { way: 'item' } });
  const made = await makeInvoiceItem(ctx, given, way.to === 'meter' ? { to: 'next' } : way);
  await finish(ctx, given.charge, { itemId: made.id, invoiceId: idOf(made.invoice) });
}

async function finish(
  ctx: Context,
  { id, customer_id: customerId }: OverageCharge,
  made: { itemId: string | null; invoiceId: string | null },
): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const now = ctx.now();
    const after = { stripe_invoice_item_id: made.itemId, stripe_invoice_id: made.invoiceId };
    const { count } = await tx.overageCharge.updateMany({
      where: { id, state: 'due' },
      data: { ...after, state: 'done', done_at: now },
    });
    if (count === 0) return;
    await audit(tx, now, 'job:report-overage', {
      action: 'overage.charge',
      objectId: id,
      customerId,
      after,
    });
  });
}

function idOf(invoice: string | { id: string } | null | undefined): string | null {
  return typeof invoice === 'string' ? invoice : (invoice?.id ?? null);
}
