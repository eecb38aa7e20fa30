// Events as endpoints of older API versions render them: whatever the shape, the object is found, re-read and right.
// The shapes are those of Stripe's changelog (https://docs.stripe.com/changelog), cut to what tells one from another.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Stripe from 'stripe';
import { processStripeEvent } from '../../jobs/process-stripe-event.ts';
import { startBilling } from '../support/billing.ts';
import type { Billing } from '../support/billing.ts';

let billing: Billing;
let events = 0;
beforeAll(async () => {
  billing = await startBilling({ worker: false });
});
afterAll(() => billing.close());

type Ids = { subscription: string; customer: string; price: string; invoice: string };
type Shape = Record<string, unknown>;
type Rendered = { type: string; object: (ids: Ids) => Shape };

/** With the plan beside the price and the period at the top, as until 2025-03-31.basil. */
const subscriptionWithPlan = ({ subscription, customer, price }: Ids): Shape => ({
  id: subscription,
  object: 'subscription',
  customer,
  status: 'trialing',
  current_period_start: 1,
  current_period_end: 2,
  plan: { id: price, object: 'plan' },
  items: { object: 'list', data: [{ id: 'si_1', plan: { id: price }, price: { id: price } }] },
});

/** With the period on the items. */
const subscriptionWithItems = ({ subscription, customer, price }: Ids): Shape => ({
  id: subscription,
  object: 'subscription',
  customer,
  status: 'unpaid',
  billing_mode: { type: 'flexible' },
  items: {
    object: 'list',
    data: [{ id: 'si_1', current_period_end: 2, price: { id: price } }],
  },
});

const invoiceWithSubscription = ({ subscription, customer, invoice }: Ids): Shape => ({
  id: invoice,
  object: 'invoice',
  customer,
  subscription,
  paid: true,
  charge: 'ch_1',
  lines: { object: 'list', data: [{ id: 'il_1', object: 'line_item', type: 'subscription', subscription }] },
}); // prettier-ignore

const invoiceWithExpandedSubscription = (ids: Ids): Shape => ({
  ...invoiceWithSubscription(ids),
  subscription: { id: ids.subscription, object: 'subscription' },
});

/** Renewal announced: it has no id, and only its lines name the subscription. */
const upcomingInvoice = ({ subscription, customer }: Ids): Shape => ({
  object: 'invoice',
  customer,
  lines: { object: 'list', data: [{ id: 'il_1', subscription }] },
});

const invoiceWithParent = ({ subscription, customer, invoice }: Ids): Shape => ({
  id: invoice,
  object: 'invoice',
  customer,
  parent: { type: 'subscription_details', subscription_details: { subscription, metadata: {} } },
});

/** A proration by hand: the invoice has no parent, its line has. */
const invoiceWithLineParent = ({ subscription, customer, invoice }: Ids): Shape => ({
  id: invoice,
  object: 'invoice',
  customer,
  parent: null,
  lines: {
    object: 'list',
    data: [{ id: 'il_1', parent: { invoice_item_details: { subscription, proration: true } } }],
  },
});

const itemWithSubscription = ({ subscription, customer }: Ids): Shape => ({
  id: 'ii_1', object: 'invoiceitem', customer, subscription, proration: true,
}); // prettier-ignore
const itemWithParent = ({ subscription, customer }: Ids): Shape => ({
  id: 'ii_1', object: 'invoiceitem', customer, parent: { subscription_details: { subscription } },
}); // prettier-ignore
const discountWithCoupon = ({ subscription, customer }: Ids): Shape => ({
  id: 'di_1', object: 'discount', customer, subscription, coupon: { id: 'co_1' },
}); // prettier-ignore
const discountWithSource = ({ subscription, customer }: Ids): Shape => ({
  id: 'di_1', object: 'discount', customer, subscription, source: { type: 'coupon', coupon: 'co_1' },
}); // prettier-ignore
const schedule = ({ subscription, customer }: Ids): Shape => ({
  id: 'sub_sched_1', object: 'subscription_schedule', customer, subscription,
}); // prettier-ignore

const one = (type: string, object: Rendered['object']): Rendered => ({ type, object });
const older = [
  one('customer.subscription.updated', subscriptionWithPlan),
  one('invoice.paid', invoiceWithSubscription),
  one('invoice.payment_failed', invoiceWithExpandedSubscription),
  one('invoice.upcoming', upcomingInvoice),
  one('invoiceitem.created', itemWithSubscription),
  one('customer.discount.created', discountWithCoupon),
  one('subscription_schedule.updated', schedule),
];
const newer = [
  one('customer.subscription.updated', subscriptionWithItems),
  one('invoice.paid', invoiceWithParent),
  one('invoice.finalized', invoiceWithLineParent),
  one('invoiceitem.created', itemWithParent),
  one('customer.discount.created', discountWithSource),
];
const versions: [string, Rendered[]][] = [
  ['2020-08-27', older],
  ['2022-11-15', older],
  ['2024-06-20', older],
  ['2024-09-30.acacia', older],
  ['2025-03-31.basil', newer],
  ['2025-09-30.clover', newer],
  ['2026-03-25.dahlia', newer],
  ['2026-10-28.endive', newer],
];

async function subscribed() {
  const { id: customerId, call } = await billing.customer('pm_card_visa');
  const { body } = await call('POST', '/subscriptions', { plan: 'pro' });
  await billing.delivered();
  await processStripeEvent(billing.ctx);
  const subscription = body.stripe_subscription_id as string;
  const at = await billing.stripe.subscriptions.retrieve(subscription);
  const ids: Ids = {
    subscription,
    customer: at.customer as string,
    price: at.items.data[0]!.price.id,
    invoice: at.latest_invoice as string,
  };
  return {
    customerId,
    ids,
    read: async () => (await call('GET', `/subscriptions/${body.id}`)).body,
  };
}

/** As Stripe's endpoint of that version would. */
async function deliver(version: string | null, type: string, object: Shape) {
  events += 1;
  const payload = JSON.stringify({
    id: `evt_version_${events}`, object: 'event', api_version: version, type, created: Math.floor(Date.now() / 1000),
    livemode: false, pending_webhooks: 1, request: null, data: { object },
  }); // prettier-ignore
  const [secret] = billing.ctx.config.stripeWebhookSecrets;
  const signature = new Stripe('sk_test_unused').webhooks.generateTestHeaderString({
    payload,
    secret: secret!,
  });
  const response = await fetch(`${billing.url}/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stripe-signature': signature },
    body: payload,
  });
  expect(response.status).toBe(200);
  await processStripeEvent(billing.ctx);
}

describe.each(versions)('events of %s', (version, rendered) => {
  test('of every kind lead to a look at the subscription', async () => {
    const { ids, read } = await subscribed();
    await billing.control('PUT', '/_sandbox/faults', { webhooks: { mode: 'drop' } });
    for (const { type, object } of rendered) {
      const isEnding = (await read()).cancel_at === null;
      await billing.stripe.subscriptions.update(ids.subscription, {
        cancel_at_period_end: isEnding,
      });
      await deliver(version, type, object(ids));
      // What the event says of the status is not believed; what Stripe has is.
      expect([type, (await read()).cancel_at !== null, (await read()).status]).toEqual([type, isEnding, 'active']); // prettier-ignore
    }
    await billing.control('PUT', '/_sandbox/faults', {});
  });

  test('that tell of a deletion end what Stripe no longer knows, from what is known here', async () => {
    const { ids, read } = await subscribed();
    const gone = {
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: '' } },
    };
    await billing.control('PUT', '/_sandbox/faults', {
      api: [{ match: `GET /v1/subscriptions/${ids.subscription}`, ...gone }],
    });
    const before = await read();
    await deliver(version, 'customer.subscription.deleted', rendered[0]!.object(ids));
    expect(await read()).toMatchObject({ plan: before.plan, status: 'canceled', quantity: 1 });
    await billing.control('PUT', '/_sandbox/faults', {});
  });
});

test('an event that names no version, and one of a type that is not known yet, are taken', async () => {
  const { ids, read } = await subscribed();
  await deliver(null, 'invoice.paid', invoiceWithParent(ids));
  await deliver('2031-01-01.future', 'customer.subscription.reborn', { id: ids.subscription });
  await deliver('2031-01-01.future', 'v9.something', { id: 'x_1', object: 'x' });
  expect((await read()).status).toBe('active');
});
