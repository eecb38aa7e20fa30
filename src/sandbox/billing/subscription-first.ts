// The first period of a subscription: how long it is, where a chosen end cuts it, and what it costs
// (https://docs.stripe.com/billing/subscriptions/billing-cycle). Keeps nothing.
import { invalid } from '../api/error.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { InvoiceLine } from '../store/entity-invoice.ts';
import type { BillingMode, Subscription } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { isFlexible } from './billing-mode.ts';
import { backdatedLines } from './backdate.ts';
import { cancelInstant } from './cancel-at.ts';
import { periodLines } from './invoice-line.ts';
import { share } from './money.ts';
import { boundary, boundaryAfter, cycleAt } from './period.ts';
import type { NewSubscription } from './subscription-create.ts';

type Asked = Pick<
  NewSubscription,
  'trialEnd' | 'anchor' | 'prorates' | 'cancelAt' | 'cancelAtPeriodEnd' | 'since'
>;

export const firstPeriodEnd = (asked: Asked, price: Price, now: number): number => {
  if (asked.trialEnd !== null) return asked.trialEnd;
  const end = boundaryAfter(asked.anchor ?? now, price.recurring!, now);
  if (asked.anchor !== null && end > boundary(now, price.recurring!, 1)) {
    throw invalid('billing_cycle_anchor cannot be later than next natural billing date for plan', {
      param: 'billing_cycle_anchor',
    });
  }
  return end;
};

/**
 * What an end asked for makes of the first period. Classic billing moves the anchor and a trial's end
 * with it; flexible billing leaves them
 * (https://docs.stripe.com/billing/subscriptions/billing-mode/compare).
 */
export const cutAt = (asked: Asked, mode: BillingMode, ends: number[], now: number) => {
  const firstEnd = Math.min(...ends);
  const at = asked.cancelAt === null ? null : cancelInstant(asked.cancelAt, ends);
  if (at !== null && at <= now)
    throw invalid('cancel_at must be in the future.', { param: 'cancel_at' });
  const cuts = at !== null && at < firstEnd;
  const spares = asked.trialEnd !== null && mode.type === 'flexible';
  return {
    cancelAt: at ?? (asked.cancelAtPeriodEnd ? firstEnd : null),
    anchor: cuts && mode.type === 'classic' ? at : null,
    ends: (end: number): number => (at === null || spares ? end : Math.min(end, at)),
  };
};

/** The first lines: what is past, then a whole period, or the part up to a chosen anchor or end. */
export const firstLines = (
  world: World,
  row: Subscription,
  asked: Asked,
  now: number,
): InvoiceLine[] => {
  const lines = periodLines(world, row, row.trial_end !== null);
  if (row.trial_end !== null) return lines;
  const charged =
    asked.since === undefined || !asked.prorates ? [] : elapsedLines(world, row, asked, now);
  if (charged.length > 0 && asked.anchor !== null) return charged;
  return [...charged, ...lines.flatMap((line) => partial(world, row, asked, line, now))];
};

/** The time before now, and with an anchor ahead the time up to it. */
const elapsedLines = (world: World, row: Subscription, asked: Asked, now: number): InvoiceLine[] =>
  row.items.flatMap((item) =>
    backdatedLines(world, row, item, {
      start: asked.since!,
      until: asked.anchor === null ? now : item.current_period_end,
    }),
  );

const partial = (
  world: World,
  row: Subscription,
  asked: Asked,
  line: InvoiceLine,
  now: number,
): InvoiceLine[] => {
  const { recurring } = world.store.need('price', line.price ?? '');
  const cycle = cycleAt(asked.anchor ?? now, recurring!, now);
  const whole = cycle.end - cycle.start;
  const part = line.period.end - now;
  if (part >= whole) return [line];
  if (!asked.prorates && asked.anchor !== null) return [];
  if (!asked.prorates && isFlexible(row)) return [line];
  return [{ ...line, amount: share(line.amount, part, whole), proration: true }];
};
