// POST /v1/invoices/create_preview: the deed itself, undone. What the preview shows is what the
// same code would do, so the two cannot differ.
import type { z } from 'zod';
import { invalid, missing, StripeError } from '../api/error.ts';
import type { previewParams } from '../routes/invoice-params.ts';
import { showInvoice } from '../shape/invoice.ts';
import type { Wire } from '../shape/wire.ts';
import type { Invoice } from '../store/entity-invoice.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import { newId, nowOn, type World } from '../world.ts';
import { holding, redeem } from './discount.ts';
import { createSubscription } from './subscription-create.ts';
import { changePlan } from './subscription-plan.ts';
import { upcomingInvoice } from './subscription-renew.ts';
import { cancelNow } from './subscription-cancel.ts';
import { days } from './period.ts';

type Asked = z.output<typeof previewParams>;

/** The invoice that would follow; the caller undoes everything this did. */
export const previewInvoice = (world: World, asked: Asked): Wire => {
  const wasSilent = world.silent;
  world.silent = true;
  try {
    const subscription = existing(world, asked);
    const invoice =
      subscription === null ? previewNew(world, asked) : previewChange(world, subscription, asked);
    return asPreview(world, invoice);
  } finally {
    world.silent = wasSilent;
  }
};

const existing = (world: World, asked: Asked): Subscription | null => {
  if (asked.subscription !== undefined) {
    const subscription = world.store.get('subscription', asked.subscription);
    if (subscription === undefined)
      throw missing('subscription', asked.subscription, 'subscription');
    return subscription;
  }
  if (asked.subscription_details?.items !== undefined) return null;
  const theirs = [...world.store.all('subscription')].find(
    (row) =>
      row.customer === asked.customer &&
      row.status !== 'canceled' &&
      row.status !== 'incomplete_expired',
  );
  if (theirs === undefined) throw noUpcoming(asked.customer ?? '');
  return theirs;
};

const noUpcoming = (id: string): StripeError =>
  new StripeError(404, {
    type: 'invalid_request_error',
    code: 'invoice_upcoming_none',
    message: `No upcoming invoices for customer: ${id}`,
  });

const previewNew = (world: World, asked: Asked): Invoice => {
  const customer = world.store.get('customer', asked.customer ?? '');
  if (customer === undefined || customer._deleted)
    throw missing('customer', asked.customer ?? '', 'customer');
  const details = asked.subscription_details!;
  const trialEnd = typeof details.trial_end === 'number' ? details.trial_end : null;
  const { subscription } = createSubscription(world, {
    customer,
    items: details.items!,
    behavior: 'default_incomplete',
    method: null,
    collection: 'charge_automatically',
    daysUntilDue: null,
    trialEnd,
    trialEndBehavior: 'create_invoice',
    anchor: null,
    prorates: details.proration_behavior !== 'none',
    cancelAt: null,
    cancelAtPeriodEnd: false,
    discounts: asked.discounts ?? [],
    metadata: {},
    description: null,
    billingMode: undefined,
  });
  return { ...world.store.need('invoice', subscription.latest_invoice ?? ''), _subscription: null };
};

const previewChange = (world: World, subscription: Subscription, asked: Asked): Invoice => {
  const details = asked.subscription_details ?? {};
  if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired')
    throw noUpcoming(subscription.customer);
  const discounted = withDiscounts(world, subscription, asked);
  if (details.cancel_now === true)
    return previewCancel(world, discounted, details.proration_behavior !== 'none');
  const changes =
    details.items !== undefined ||
    details.trial_end !== undefined ||
    details.billing_cycle_anchor?.type === 'now';
  if (!changes) {
    const ends = details.cancel_at_period_end ?? subscription.cancel_at_period_end;
    if (ends) throw noUpcoming(subscription.customer);
    return upcomingInvoice(world, discounted);
  }
  const before = discounted.latest_invoice;
  const changed = changePlan(world, discounted, {
    items: details.items ?? [],
    proration: details.proration_behavior ?? 'create_prorations',
    prorationDate: details.proration_date ?? null,
    behavior: 'default_incomplete',
    trialEnd: details.trial_end ?? null,
    resetAnchor: details.billing_cycle_anchor?.type === 'now',
    alongside: {},
  });
  const isInvoiced = changed.latest_invoice !== before && changed.latest_invoice !== null;
  return isInvoiced
    ? world.store.need('invoice', changed.latest_invoice!)
    : upcomingInvoice(world, changed);
};

const withDiscounts = (world: World, subscription: Subscription, asked: Asked): Subscription => {
  if (asked.discounts === undefined) return subscription;
  const now = nowOn(world, subscription.test_clock);
  const discounts = redeem(
    world,
    asked.discounts ?? [],
    { customer: subscription.customer, subscription: subscription.id },
    now,
  );
  return world.store.update('subscription', subscription.id, {
    discounts: holding(world, discounts, now).map((discount) => discount.id),
  });
};

const previewCancel = (world: World, subscription: Subscription, prorates: boolean): Invoice => {
  const ended = cancelNow(world, subscription, { invoice_now: true, prorate: prorates });
  if (ended.latest_invoice === null || ended.latest_invoice === subscription.latest_invoice) {
    throw invalid('Nothing to invoice for subscription', {
      code: 'invoice_no_subscription_line_items',
    });
  }
  return world.store.need('invoice', ended.latest_invoice);
};

const paymentDays = 1 / 24;

/** As Stripe shows what is not yet: a draft without number or page. */
const asPreview = (world: World, invoice: Invoice): Wire => {
  const shown = showInvoice(world, {
    ...invoice,
    id: newId('upcoming_in'),
    status: 'draft',
    number: null,
    amount_paid: 0,
    amount_remaining: invoice.amount_due,
    attempted: false,
    attempt_count: 0,
    auto_advance: true,
    automatically_finalizes_at: null,
    ending_balance: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    next_payment_attempt: invoice.created + Math.round(days(paymentDays)),
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
  });
  return { ...shown, effective_at: null };
};
