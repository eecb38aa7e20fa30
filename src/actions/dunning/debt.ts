// Which debts there are, and which of their steps have become due: rows that say what is to be done, made once each.
// Tells nobody and calls nobody; what a step does is in step.ts.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { dueAt, retryDue, stepsDue } from '../../domain/dunning.ts';
import type { DunningStep } from '../../domain/dunning.ts';
import type { LadderStep } from '../../domain/plan.ts';
import type { Dunning } from '../../generated/prisma/client.ts';
import { wantAttempt } from './attempt.ts';
import { tellDebtor } from './tell.ts';

const batchSize = 200;
const batchesMax = 500;

export type Debtor = {
  id: string;
  customer_id: string;
  status: string;
  past_due_since: Date | null;
  stripe_subscription_id: string | null;
  ladder: LadderStep[] | null;
  plan_name: string | null;
};

/** Late, by Stripe's word: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses */
export function isLate({ status, past_due_since }: Debtor): boolean {
  return (status === 'past_due' || status === 'unpaid') && past_due_since !== null;
}

/** Opens what has become due, closes what is settled. Each subscription in a transaction of its own. */
export async function followDebts(ctx: Context): Promise<{ opened: number; closed: number }> {
  return {
    opened: await forEach(ctx, dueDebtors, (tx, now, id) => openSteps(tx, now, id)),
    closed: await forEach(ctx, settledDebtors, (tx, now, id) => closeDebts(tx, now, id)),
  };
}

/** The subscription, locked: no step is taken while it is being written. */
export async function lockDebtor(tx: Tx, id: string): Promise<Debtor | null> {
  const rows = await tx.$queryRaw<Debtor[]>`
    SELECT s.id, s.customer_id, s.status, s.past_due_since, s.stripe_subscription_id, v.ladder, v.name AS plan_name
    FROM subscription s LEFT JOIN plan_version v ON v.id = s.plan_version_id
    WHERE s.id = ${id} FOR UPDATE OF s`;
  return rows[0] ?? null;
}

async function openSteps(tx: Tx, now: Date, id: string): Promise<void> {
  const debtor = await lockDebtor(tx, id);
  if (!debtor || !isLate(debtor)) return;
  const debt = await openDebt(tx, now, debtor);
  const since = debt.past_due_since.getTime();
  const rows = await tx.dunningStep.findMany({ where: { dunning_id: debt.id } });
  const taken = new Set(rows.map((row) => row.after_hours));
  const due = stepsDue(debtor.ladder ?? [], since, now.getTime(), taken);
  for (const step of due) await addStep(tx, { debt, step, isTold: step === due.at(-1) });
  if (!debt.is_hard) await wantScheduledRetry(tx, { debtor, since, now });
}

/** Steps that passed while nobody looked are not told after the event; the end of the ladder is never passed over. */
async function addStep(
  tx: Tx,
  { debt, step, isTold }: { debt: Dunning; step: DunningStep; isTold: boolean },
): Promise<void> {
  await tx.dunningStep.create({
    data: {
      id: newId('step'),
      dunning_id: debt.id,
      after_hours: step.afterHours,
      access: step.access,
      due_at: new Date(dueAt(step, debt.past_due_since.getTime())),
      state: isTold || step.access === 'cancel' ? 'due' : 'passed',
    },
  });
}

async function openDebt(tx: Tx, now: Date, debtor: Debtor): Promise<Dunning> {
  const { id, customer_id, past_due_since } = debtor;
  const key = { subscription_id: id, past_due_since: past_due_since! };
  const known = await tx.dunning.findUnique({
    where: { subscription_id_past_due_since: key },
  });
  if (known) return known;
  return tx.dunning.create({ data: { ...key, id: newId('dun'), customer_id, started_at: now } });
}

/** Where Stripe is told not to retry, we do, by the hours in the settings. */
async function wantScheduledRetry(
  tx: Tx,
  { debtor, since, now }: { debtor: Debtor; since: number; now: Date },
): Promise<void> {
  const setting = await tx.setting.findUniqueOrThrow({ where: { id: 1 } });
  if (setting.payment_retries !== 'tollgate') return;
  const invoice = await tx.invoice.findFirst({
    where: { subscription_id: debtor.id, status: 'open', attempted: true },
    orderBy: [{ finalized_at: 'asc' }, { id: 'asc' }],
    include: { payment_attempts: { where: { reason: 'schedule' } } },
  });
  if (!invoice) return;
  const made = new Set(invoice.payment_attempts.map(({ key }) => Number(key)));
  const hours = retryDue(setting.payment_retry_hours, since, now.getTime(), made);
  if (hours === null) return;
  const attempt = { invoiceId: invoice.id, key: String(hours), paymentMethod: null, now };
  await wantAttempt(tx, { ...attempt, reason: 'schedule' });
}

/** Paid, over, or replaced by a later debt: nothing further is asked. Who was told of it is told that it is settled. */
async function closeDebts(tx: Tx, now: Date, id: string): Promise<void> {
  const debtor = await lockDebtor(tx, id);
  if (!debtor) return;
  const open = await tx.dunning.findMany({ where: { subscription_id: id, ended_at: null } });
  for (const debt of open) {
    const goesOn =
      isLate(debtor) && debtor.past_due_since!.getTime() === debt.past_due_since.getTime();
    if (goesOn) continue;
    const outcome = outcomeFor(debtor);
    await tx.dunning.update({ where: { id: debt.id }, data: { ended_at: now, outcome } });
    await tx.dunningStep.updateMany({
      where: { dunning_id: debt.id, state: 'due' },
      data: { state: 'moot', done_at: now },
    });
    const kind = endNotices[outcome];
    const wasTold = await tx.dunningStep.count({ where: { dunning_id: debt.id, state: 'done' } });
    if (kind === null || wasTold === 0) continue;
    await tellDebtor(tx, { debt, debtor, invoice: null, now }, { kind, step: 'ended' });
  }
}

const endNotices = {
  recovered: 'payment_recovered',
  canceled: 'subscription_canceled_unpaid',
  superseded: null,
} as const;

function outcomeFor(debtor: Debtor): 'recovered' | 'canceled' | 'superseded' {
  if (isLate(debtor)) return 'superseded';
  return debtor.status === 'active' || debtor.status === 'trialing' ? 'recovered' : 'canceled';
}

/** Late ones of which a step of the ladder (the first one implied), or a retry of our own, is due and not there. */
const dueDebtors = `
  SELECT s.id FROM subscription s
  LEFT JOIN plan_version v ON v.id = s.plan_version_id
  LEFT JOIN dunning d ON d.subscription_id = s.id AND d.past_due_since = s.past_due_since
  WHERE s.status IN ('past_due', 'unpaid') AND s.past_due_since IS NOT NULL AND s.id > $2 AND (
    d.id IS NULL
    OR EXISTS (SELECT FROM jsonb_array_elements(coalesce(v.ladder, '[]')) step
      WHERE s.past_due_since + make_interval(hours => (step->>'after_hours')::int) <= $1
        AND NOT EXISTS (SELECT FROM dunning_step t
          WHERE t.dunning_id = d.id AND t.after_hours = (step->>'after_hours')::int))
    OR EXISTS (SELECT FROM setting c, unnest(c.payment_retry_hours) AS hours
      WHERE c.payment_retries = 'tollgate' AND NOT d.is_hard
        AND s.past_due_since + make_interval(hours => hours) <= $1
        AND NOT EXISTS (SELECT FROM payment_attempt a JOIN invoice i ON i.id = a.invoice_id
          WHERE i.subscription_id = s.id AND i.status = 'open' AND a.reason = 'schedule' AND a.key::int >= hours)))
  ORDER BY s.id LIMIT $3`;

const settledDebtors = `
  SELECT DISTINCT s.id FROM dunning d JOIN subscription s ON s.id = d.subscription_id
  WHERE d.ended_at IS NULL AND s.id > $2 AND $1::timestamptz IS NOT NULL
    AND (s.status NOT IN ('past_due', 'unpaid') OR s.past_due_since IS DISTINCT FROM d.past_due_since)
  ORDER BY s.id LIMIT $3`;

async function forEach(
  ctx: Context,
  dueSql: string,
  work: (tx: Tx, now: Date, id: string) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (let batch = 0, after = ''; batch < batchesMax; batch += 1) {
    const now = ctx.now();
    const { rows } = await ctx.pool.query<{ id: string }>(dueSql, [now, after, batchSize]);
    for (const { id } of rows) {
      if (ctx.queue.stopping()) return count;
      await inTransaction(ctx, (tx) => work(tx, now, id));
      count += 1;
    }
    if (rows.length < batchSize) break;
    after = rows.at(-1)!.id;
  }
  return count;
}
