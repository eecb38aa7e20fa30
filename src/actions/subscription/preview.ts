// What a change would cost, asked of Stripe with the very items the change would send. Changes nothing, here or
// there. https://docs.stripe.com/api/invoices/create_preview
import type Stripe from 'stripe';
import { callStripe } from '../../adapters/stripe-error.ts';
import { allItems } from '../../adapters/stripe-subscription.ts';
import { instant, toSeconds } from '../../adapters/stripe-time.ts';
import type { Context } from '../../context.ts';
import { addMonths } from '../../domain/window.ts';
import type { Caller } from '../caller.ts';
import { trialDaysFor } from '../purchase/pay.ts';
import { moveFrom, planItem } from './change.ts';
import type { Move, SubscriptionChange } from './change.ts';
import { loadSubscription } from './subscription.ts';

export type ChangePreview = {
  /** What is to be paid when the change is made. */
  amount_due: number;
  currency: string | null;
  lines: ReturnType<typeof lineView>[];
  /** Given to the change, it is charged what is shown here; null where nothing is prorated. */
  proration_at: string | null;
  effective_at: string;
  /** What each period costs from then on. */
  renewal_amount: number;
};

const dayMs = 86_400_000;

/** `POST /subscriptions/{id}/preview`: takes what `PATCH` takes. */
export async function previewChange(
  ctx: Context,
  caller: Caller,
  { id, change }: { id: string; change: SubscriptionChange },
): Promise<ChangePreview> {
  const row = await loadSubscription(ctx, caller, id);
  const move = await moveFrom(ctx, caller, row, change);
  const now = ctx.now();
  if (move.version.price_amount === null) return nothingDue(move, now, 0);
  return row.stripe_subscription_id
    ? previewAtStripe(ctx, move, row.stripe_subscription_id)
    : previewPurchase(ctx, move);
}

/** The very items of the change, once as it would be invoiced and once as it would recur. */
async function previewAtStripe(ctx: Context, move: Move, id: string): Promise<ChangePreview> {
  const { row, version, quantity } = move;
  const current = await callStripe(() => ctx.stripe.subscriptions.retrieve(id));
  const all = await callStripe(() => allItems(ctx.stripe, current));
  const item = planItem(all, row.plan_version?.stripe_price_id);
  const at = move.prorationAt ?? ctx.now();
  const items = [{ id: item.id, price: version.stripe_price_id!, quantity }];
  const show = (
    proration_behavior: 'always_invoice' | 'none',
    preview_mode: 'next' | 'recurring',
  ) =>
    callStripe(() =>
      ctx.stripe.invoices.createPreview({
        subscription: id,
        subscription_details: {
          items,
          proration_behavior,
          ...(proration_behavior === 'none' ? {} : { proration_date: toSeconds(at) }),
        },
        preview_mode,
      }),
    );
  const renewal = await show('none', 'recurring');
  if (move.effective === 'period_end') return nothingDue(move, ctx.now(), renewal.total);
  const due = await show('always_invoice', 'next');
  return {
    amount_due: due.amount_due,
    currency: due.currency,
    lines: due.lines.data.map(lineView),
    proration_at: instant(toSeconds(at)).toISOString(),
    effective_at: ctx.now().toISOString(),
    renewal_amount: renewal.total,
  };
}

/** Up from free is the whole first period, or a trial of it: no need to ask, and no customer at Stripe yet. */
async function previewPurchase(
  ctx: Context,
  { row, version, quantity }: Move,
): Promise<ChangePreview> {
  const now = ctx.now();
  const days = await trialDaysFor(ctx, row.customer_id, version);
  const whole = Number(version.price_amount) * quantity;
  const amount = days > 0 ? 0 : whole;
  const end =
    days > 0
      ? now.getTime() + days * dayMs
      : addMonths(now.getTime(), version.price_interval === 'year' ? 12 : 1);
  const line = {
    description: `${quantity} × ${version.name}`,
    amount,
    proration: false,
    period_start: now.toISOString(),
    period_end: new Date(end).toISOString(),
  };
  return {
    amount_due: amount,
    currency: version.price_currency,
    lines: [line],
    proration_at: null,
    effective_at: now.toISOString(),
    renewal_amount: whole,
  };
}

/** Nothing is paid for going down to free, or for what waits for the period's end. */
function nothingDue({ row, version }: Move, now: Date, renewal: number): ChangePreview {
  const at = row.stripe_subscription_id ? (row.current_period_end ?? now) : now;
  return {
    amount_due: 0,
    currency: version.price_currency ?? row.plan_version?.price_currency ?? null,
    lines: [],
    proration_at: null,
    effective_at: at.toISOString(),
    renewal_amount: renewal,
  };
}

function lineView(line: Stripe.InvoiceLineItem) {
  const { parent } = line;
  const details = parent?.subscription_item_details ?? parent?.invoice_item_details;
  return {
    description: line.description,
    amount: line.amount,
    proration: details?.proration ?? false,
    period_start: instant(line.period.start).toISOString(),
    period_end: instant(line.period.end).toISOString(),
  };
}
