// A subscription's first moment: its items and periods, the first invoice, and what the payment
// behaviour makes of the first payment (https://docs.stripe.com/api/subscriptions/create).
import { invalid } from '../api/error.ts';
import { announce, change } from '../delivery/event.ts';
import { redeem, type DiscountAsked } from './discount.ts';
import type { PaymentMethod } from '../store/entity-payment.ts';
import type {
  BillingModeAsked,
  CollectionMethod,
  Subscription,
} from '../store/entity-subscription.ts';
import type { Customer, Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { billingModeOf } from './billing-mode.ts';
import type { CancelAtAsked } from './cancel-at.ts';
import type { Decline } from './card.ts';
import { createInvoice, finalizeInvoice, takePendingLines } from './invoice.ts';
import { collect, type Collected } from './invoice-collect.ts';
import { periodLines } from './invoice-line.ts';
import { cardError, defaultMethod } from './payment-method.ts';
import { openSince } from './backdate.ts';
import { days, hourSeconds } from './period.ts';
import { addOnceItems, type OnceItemAsked } from './once-item.ts';
import { requireCurrency } from './price-currency.ts';
import { withPrices } from './price-inline.ts';
import { cutAt, firstLines, firstPeriodEnd } from './subscription-first.ts';
import { oneCurrency, recurringPrice } from './subscription-price.ts';
import { newItem, ownDiscounts, type ItemAsked } from './subscription-item.ts';
import { taxRates } from './tax.ts';
import { rearm } from './subscription-timer.ts';

export type PaymentBehavior =
  'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete' | 'pending_if_incomplete';

export type NewSubscription = {
  customer: Customer;
  items: ItemAsked[];
  behavior: PaymentBehavior;
  method: PaymentMethod | null;
  collection: CollectionMethod;
  daysUntilDue: number | null;
  trialEnd: number | null;
  trialEndBehavior: 'create_invoice' | 'pause' | 'cancel';
  anchor: number | null;
  /** It began before now. */
  since?: number | undefined;
  prorates: boolean;
  cancelAt: CancelAtAsked | null;
  cancelAtPeriodEnd: boolean;
  discounts: DiscountAsked[];
  metadata: Metadata;
  description: string | null;
  billingMode: BillingModeAsked | undefined;
  taxRates?: string[];
  currency?: string | undefined;
  onceItems?: OnceItemAsked[] | undefined;
  /** Active at once, its first invoice a draft for an hour: schedules and quotes. */
  draftsFirst?: boolean;
  schedule?: string | null;
};

/** Makes the subscription and its first invoice and tries to collect it as the behaviour says. */
export const createSubscription = (
  world: World,
  asked: NewSubscription,
): { subscription: Subscription; collected: Collected } => {
  const now = nowOn(world, asked.customer.test_clock);
  const row = newRow(world, asked, now);
  requirePayer(world, asked, row);
  world.store.put('subscription', row);
  const discounts = redeem(
    world,
    asked.discounts,
    { customer: row.customer, subscription: row.id },
    now,
  );
  const invoiceId = newId('in');
  const items = row.items.map((item, i) => ({
    ...item,
    ...ownDiscounts(world, row, item.id, asked.items[i]!.discounts),
  }));
  addOnceItems(world, row, asked.onceItems ?? []);
  const lines = [
    ...firstLines(world, { ...row, discounts, items }, asked, now),
    ...takePendingLines(world, row.id, invoiceId),
  ];
  const isFree = lines.every((line) => line.amount === 0);
  const status =
    row.trial_end !== null
      ? 'trialing'
      : isFree || asked.collection === 'send_invoice' || asked.draftsFirst === true
        ? 'active'
        : 'incomplete';
  const created = world.store.update('subscription', row.id, {
    discounts,
    items,
    status,
    latest_invoice: lines.length === 0 ? null : invoiceId,
  });
  announce(world, 'customer.subscription.created', created);
  if (world.store.need('customer', row.customer).currency === null) {
    const { currency } = row;
    change(world, 'customer', row.customer, { currency }, 'customer.updated');
  }
  rearm(world, created, now);
  announceShortTrial(world, created, now);
  if (lines.length === 0) return { subscription: created, collected: { kind: 'nothing_due' } };
  const draft = createInvoice(world, {
    id: invoiceId,
    subscription: created,
    reason: 'subscription_create',
    lines,
    period: { start: now, end: now },
    finalizesAt: asked.draftsFirst === true ? now + hourSeconds : null,
  });
  if (asked.draftsFirst === true) {
    return { subscription: created, collected: { kind: 'nothing_due' } };
  }
  const invoice = finalizeInvoice(world, {
    ...draft,
    auto_advance: asked.collection === 'charge_automatically',
  });
  const collected = firstPayment(world, asked, invoice);
  return { subscription: world.store.need('subscription', row.id), collected };
};

const firstPayment = (
  world: World,
  asked: NewSubscription,
  invoice: ReturnType<typeof finalizeInvoice>,
): Collected => {
  if (asked.behavior === 'default_incomplete') return { kind: 'nothing_due' };
  const collected = collect(world, invoice, 'create');
  if (asked.behavior === 'error_if_incomplete') refuseUnpaid(collected);
  return collected;
};

/** The 402 of `error_if_incomplete`: nothing of what was done remains. */
export const refuseUnpaid = (collected: Collected): void => {
  if (collected.kind === 'failed') throw dropped(collected.decline);
  if (collected.kind === 'requires_action') {
    throw dropped({
      code: 'subscription_payment_intent_requires_action',
      decline_code: '',
      message:
        'Payment for this subscription requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with subscription.latest_invoice.',
    });
  }
};

const dropped = (decline: Decline) => {
  const error = cardError(decline, {});
  return Object.assign(error, { keeps: false });
};

const newRow = (world: World, asked: NewSubscription, now: number): Subscription => {
  const id = newId('sub');
  const wanted = withPrices(world, asked.items, 'items');
  const prices = wanted.map((item, i) =>
    requireCurrency(
      recurringPrice(world, item.price, `items[${i}][price]`, item.isKept),
      asked.currency,
    ),
  );
  for (const [i, item] of asked.items.entries()) {
    taxRates(world, item.tax_rates ?? [], `items[${i}][tax_rates]`);
  }
  const mode = billingModeOf(asked.billingMode);
  const currency = oneCurrency(prices, asked.customer, mode.type === 'flexible');
  const ends = prices.map((price) => firstPeriodEnd(asked, price, now));
  const cut = cutAt(asked, mode, ends, now);
  return {
    id,
    object: 'subscription',
    billing_cycle_anchor: cut.anchor ?? asked.trialEnd ?? asked.anchor ?? now,
    billing_mode: mode,
    cancel_at: cut.cancelAt,
    cancel_at_period_end: asked.cancelAtPeriodEnd,
    canceled_at: cut.cancelAt === null ? null : now,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: asked.collection,
    created: now,
    currency,
    customer: asked.customer.id,
    days_until_due: asked.daysUntilDue,
    default_payment_method: asked.method?.id ?? null,
    description: asked.description,
    discounts: [],
    ended_at: null,
    items: wanted.map((item, i) =>
      newItem(id, prices[i]!, item, {
        start:
          asked.since === undefined || asked.anchor === null || asked.trialEnd !== null
            ? now
            : openSince(prices[i]!, asked.since, now, asked.anchor),
        end: cut.ends(ends[i]!),
      }),
    ),
    latest_invoice: null,
    livemode: false,
    metadata: asked.metadata,
    pause_collection: null,
    pending_setup_intent: null,
    schedule: asked.schedule ?? null,
    start_date: asked.since ?? now,
    status: 'incomplete',
    status_details: null,
    test_clock: asked.customer.test_clock,
    trial_start: asked.trialEnd === null ? null : now,
    trial_end: asked.trialEnd === null ? null : cut.ends(asked.trialEnd),
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: asked.trialEndBehavior },
    },
    _pending: null,
    _tax_rates: taxRates(world, asked.taxRates ?? [], 'default_tax_rates'),
  };
};

const requirePayer = (world: World, asked: NewSubscription, row: Subscription): void => {
  if (asked.collection === 'send_invoice' || asked.behavior === 'default_incomplete') return;
  if (row.trial_end !== null || asked.draftsFirst === true) return;
  const costs = periodLines(world, row, false).some((line) => line.amount > 0);
  if (!costs || defaultMethod(world, row.customer, row) !== null) return;
  throw invalid(
    'This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://docs.stripe.com/billing/subscriptions/payment-methods-setting#payment-method-priority.',
    { code: 'resource_missing' },
  );
};

const trialWillEndDays = 3;

/** A trial shorter than three days announces its end at once. */
const announceShortTrial = (world: World, subscription: Subscription, now: number): void => {
  if (subscription.trial_end === null || subscription.trial_end - now > days(trialWillEndDays))
    return;
  announce(world, 'customer.subscription.trial_will_end', subscription);
};
