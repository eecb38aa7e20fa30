// Fixes what a charge will be once its billing period is over: no more units come onto it, and the customer's spend
// cap bounds what all charges of the period cost together. In the caller's transaction, with the customer locked.
import type { Tx } from '../../adapters/postgres.ts';
import { costAtMost, lineAmount } from '../../domain/overage.ts';
import { billedAt, unitsWithinCap } from '../../domain/overage-report.ts';
import type { Term } from '../../domain/overage-report.ts';
import type { OverageCharge } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';

export async function fixCharges(
  tx: Tx,
  subscriptionId: string,
  terms: Term[],
  now: Date,
): Promise<void> {
  const open = await tx.overageCharge.findMany({
    where: { subscription_id: subscriptionId, state: 'open' },
    orderBy: { id: 'asc' },
  });
  for (const charge of open) {
    const periodStart = charge.period_start.getTime();
    const isRunning = terms.some((term) => term.periodStart === periodStart && term.until === null);
    if (isRunning && charge.period_end > now) continue;
    const periodEnd = billedAt(terms, { periodStart, periodEnd: charge.period_end.getTime() });
    await fix(tx, { ...charge, period_end: new Date(periodEnd) }, now);
  }
}

async function fix(tx: Tx, charge: OverageCharge, now: Date): Promise<void> {
  const { id, customer_id: customerId, period_end, is_trial: isTrial } = charge;
  const price = await tx.overagePrice.findUniqueOrThrow({ where: { id: charge.overage_price_id } });
  const { unit_amount_decimal: unitAmountDecimal } = price;
  const used = Number(charge.units);
  const { units } = isTrial
    ? { units: 0 }
    : unitsWithinCap({ units: used, unitAmountDecimal }, await capOf(tx, charge));
  const isNothing = lineAmount(units, unitAmountDecimal) === 0n;
  const reason = isTrial
    ? 'trial'
    : units < used
      ? 'spend_cap'
      : isNothing
        ? 'rounds_to_zero'
        : null;
  const data = {
    period_end,
    reason,
    billed_units: BigInt(isNothing ? 0 : units),
    ...(isNothing ? { state: 'waived', done_at: now } : { state: 'due', due_at: now }),
  };
  await tx.overageCharge.update({ where: { id }, data });
  await audit(tx, now, 'job:report-overage', {
    action: 'overage.fix',
    objectId: id,
    customerId,
    after: { units: used, billed_units: Number(data.billed_units), state: data.state, reason },
  });
}

/** What the customer may still pay for this billing period. */
async function capOf(
  tx: Tx,
  charge: OverageCharge,
): Promise<{ max: bigint | null; spent: bigint }> {
  const { customer_id: id, period_start } = charge;
  const { spend_cap: max } = await tx.customer.findUniqueOrThrow({ where: { id } });
  if (max === null) return { max, spent: 0n };
  const others = await tx.$queryRaw<{ units: bigint; price: string }[]>`
    SELECT c.billed_units AS units, p.unit_amount_decimal AS price
    FROM overage_charge c JOIN overage_price p ON p.id = c.overage_price_id
    WHERE c.customer_id = ${id} AND c.period_start = ${period_start} AND c.state IN ('due', 'done')`;
  const spent = others.reduce(
    (sum, { units, price }) => sum + costAtMost(Number(units), price),
    0n,
  );
  return { max, spent };
}
