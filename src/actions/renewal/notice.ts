// The notice before a renewal, or before a trial turns into a paid subscription: what it will cost, asked of Stripe,
// and whether the card lasts until then. One per subscription and period. Changes nothing at Stripe.
import Stripe from 'stripe';
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { stripeFailure } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { DueRows } from '../../domain/job.ts';
import type { Money } from '../../domain/notice.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { attemptDue } from '../job-attempt.ts';
import { notify } from '../notice/notify.ts';

export const dueRenewalNotices: DueRows = {
  kind: 'renewal_notice',
  due: `SELECT id, due_at FROM renewal_notice WHERE state = 'due' AND due_at <= $1`,
};
const batchSize = 200;
const batchesMax = 500;

type Notice = { subscription_id: string; period_end: Date };
const withPlan = {
  customer: true,
  plan_version: true,
  pending_plan_version: true,
} satisfies Prisma.SubscriptionInclude;
type Renewing = Prisma.SubscriptionGetPayload<{ include: typeof withPlan }>;

/** Marks every period whose end has come near enough, and then tells of each. */
export async function noticeRenewals(ctx: Context): Promise<{ settled: number; failed: number }> {
  for (let batch = 0, after = ''; batch < batchesMax && !ctx.queue.stopping(); batch += 1) {
    const near = await nearRenewals(ctx, after);
    await inTransaction(ctx, (tx) => mark(tx, near));
    if (near.length < batchSize) break;
    after = near.at(-1)!.subscription_id;
  }
  return attemptDue(ctx, dueRenewalNotices, (id) => tell(ctx, id));
}

/** A subscription that ends, waits or stands still instead of renewing has nothing to announce. */
async function nearRenewals(ctx: Context, after: string): Promise<(Notice & { due_at: Date })[]> {
  const { rows } = await ctx.pool.query<Notice & { due_at: Date }>(
    `SELECT s.id AS subscription_id, e.period_end, e.period_end - make_interval(days => c.renewal_notice_days) AS due_at
     FROM setting c, subscription s,
       LATERAL (SELECT CASE s.status WHEN 'trialing' THEN s.trial_end ELSE s.current_period_end END AS period_end) e
     WHERE c.renewal_notice_days > 0 AND s.id > $2
       AND s.status IN ('active', 'trialing') AND s.stripe_subscription_id IS NOT NULL
       AND s.cancel_at IS NULL AND NOT s.collection_paused
       AND e.period_end > $1 AND e.period_end <= $1 + make_interval(days => c.renewal_notice_days)
       AND NOT EXISTS (SELECT FROM renewal_notice n WHERE n.subscription_id = s.id AND n.period_end = e.period_end)
     ORDER BY s.id LIMIT $3`,
    [ctx.now(), after, batchSize],
  );
  return rows;
}

async function mark(tx: Tx, near: (Notice & { due_at: Date })[]): Promise<void> {
  const rows = near.map((notice) => ({ ...notice, id: newId('rn'), state: 'due' }));
  await tx.renewalNotice.createMany({ data: rows, skipDuplicates: true });
}

async function tell(ctx: Context, id: string): Promise<void> {
  const row = await ctx.db.renewalNotice.findUniqueOrThrow({ where: { id } });
  const before = await load(ctx.db, row);
  const amount = before && (await amountOf(ctx, before));
  await inTransaction(ctx, async (tx) => {
    await tx.$queryRaw`SELECT id FROM subscription WHERE id = ${row.subscription_id} FOR UPDATE`;
    const subscription = await load(tx, row);
    const now = ctx.now();
    const isDue = subscription !== null && amount !== null && now < row.period_end;
    const ended = await tx.renewalNotice.updateMany({
      where: { id, state: 'due' },
      data: { state: isDue ? 'done' : 'moot', done_at: now },
    });
    if (ended.count === 0 || !isDue) return;
    await notifyRenewal(tx, { row, subscription, amount, now });
  });
}

/** The subscription, where it still renews at that instant. */
async function load(
  db: Pick<Tx, 'subscription'>,
  { subscription_id: id, period_end }: Notice,
): Promise<Renewing | null> {
  const row = await db.subscription.findUnique({ where: { id }, include: withPlan });
  if (!row || row.cancel_at || row.collection_paused) return null;
  const end = row.status === 'trialing' ? row.trial_end : row.current_period_end;
  const renews = row.status === 'active' || row.status === 'trialing';
  return renews && end?.getTime() === period_end.getTime() ? row : null;
}

/** What the next invoice will ask for; null where there will be none. */
async function amountOf(ctx: Context, row: Renewing): Promise<Money | null> {
  try {
    const next = await ctx.stripe.invoices.createPreview({
      subscription: row.stripe_subscription_id!,
    });
    return { amount: next.amount_due, currency: next.currency };
  } catch (error) {
    if (isNoneComing(error)) return null;
    throw stripeFailure(error);
  }
}

/** https://docs.stripe.com/error-codes#invoice-upcoming-none */
function isNoneComing(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && error.code === 'invoice_upcoming_none';
}

type Told = { row: Notice; subscription: Renewing; amount: Money; now: Date };

async function notifyRenewal(tx: Tx, { row, subscription, amount, now }: Told): Promise<void> {
  const { customer, plan_version, pending_plan_version: pending } = subscription;
  const changes =
    pending && subscription.pending_effective_at?.getTime() === row.period_end.getTime();
  const plan = (changes ? pending.name : plan_version?.name) ?? null;
  const about = {
    customerId: customer.id,
    subscriptionId: subscription.id,
    key: `renewal-${subscription.id}-${row.period_end.toISOString()}`,
    at: now,
  };
  if (subscription.status === 'trialing') {
    const data = { plan, amount, trial_end: row.period_end };
    await notify(tx, { ...about, kind: 'trial_ending', data });
    return;
  }
  const expiry = customer.card_expires_at;
  const card_expires_at = expiry && expiry <= row.period_end ? expiry : null;
  const data = { plan, amount, renews_at: row.period_end, card_expires_at };
  await notify(tx, { ...about, kind: 'renewal_upcoming', data });
}
