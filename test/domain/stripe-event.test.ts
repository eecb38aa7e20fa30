// The table from events to root objects, over the shapes of old and new API versions.
import { expect, test } from '@jest/globals';
import { rootObject } from '../../src/domain/stripe-event.ts';

const invoiceSince = (subscription: unknown) => ({
  id: 'in_1',
  customer: 'cus_1',
  parent: { subscription_details: { subscription } },
});

test.each([
  ['customer.subscription.created', { id: 'sub_1', object: 'subscription' }, 'subscription', 'sub_1', false],
  ['customer.subscription.deleted', { id: 'sub_1', object: 'subscription' }, 'subscription', 'sub_1', true],
  ['invoice.paid', invoiceSince('sub_1'), 'subscription', 'sub_1', false],
  ['invoice.paid', invoiceSince({ id: 'sub_1', object: 'subscription' }), 'subscription', 'sub_1', false],
  ['invoice.paid', { id: 'in_1', customer: 'cus_1', subscription: 'sub_1' }, 'subscription', 'sub_1', false],
  ['invoice.upcoming', { customer: 'cus_1', lines: { data: [{ subscription: 'sub_1' }] } }, 'subscription', 'sub_1', false],
  ['invoice.created', { id: 'in_1', customer: 'cus_1', parent: null, lines: { data: [{ parent: { subscription_item_details: { subscription: 'sub_1' } } }] } }, 'subscription', 'sub_1', false],
  ['invoice.created', { id: 'in_1', customer: 'cus_1', parent: { quote_details: {} } }, 'customer', 'cus_1', false],
  ['invoice.deleted', { id: 'in_1', customer: { id: 'cus_1' } }, 'customer', 'cus_1', false],
  ['invoiceitem.created', { id: 'ii_1', customer: 'cus_1', subscription: 'sub_1' }, 'subscription', 'sub_1', false],
  ['checkout.session.completed', { id: 'cs_1', customer: 'cus_1' }, 'checkout_session', 'cs_1', false],
  ['customer.deleted', { id: 'cus_1', object: 'customer' }, 'customer', 'cus_1', true],
  ['customer.source.created', { id: 'card_1', object: 'card', customer: 'cus_1' }, 'customer', 'cus_1', false],
  ['customer.discount.deleted', { id: 'di_1', object: 'discount', customer: 'cus_1', subscription: 'sub_1' }, 'subscription', 'sub_1', false],
  ['payment_method.attached', { id: 'pm_1', customer: 'cus_1' }, 'customer', 'cus_1', false],
  ['payment_intent.succeeded', { id: 'pi_1', customer: 'cus_1' }, 'customer', 'cus_1', false],
  ['charge.succeeded', { id: 'ch_1', customer: 'cus_1' }, 'customer', 'cus_1', false],
  ['charge.refunded', { id: 'ch_1', customer: 'cus_1' }, 'charge', 'ch_1', false],
  ['charge.refund.updated', { id: 're_1', charge: 'ch_1' }, 'charge', 'ch_1', false],
  ['refund.created', { id: 're_1', charge: 'ch_1' }, 'charge', 'ch_1', false],
  ['charge.dispute.created', { id: 'dp_1', charge: 'ch_1' }, 'charge', 'ch_1', false],
  ['charge.dispute.closed', { id: 'dp_1', charge: { id: 'ch_1' } }, 'charge', 'ch_1', false],
  ['subscription_schedule.updated', { id: 'sub_sched_1', subscription: 'sub_1' }, 'subscription', 'sub_1', false],
  ['subscription_schedule.released', { id: 'sub_sched_1', subscription: null, released_subscription: 'sub_1' }, 'subscription', 'sub_1', false],
  ['price.deleted', { id: 'price_1', object: 'price' }, 'price', 'price_1', true],
  ['plan.updated', { id: 'price_1', object: 'plan' }, 'price', 'price_1', false],
  ['product.updated', { id: 'prod_1', object: 'product' }, 'product', 'prod_1', false],
] as const)('%s points at its root', (type, object, kind, id, deleted) => {
  expect(rootObject({ type, object })).toEqual({ kind, id, deleted });
}); // prettier-ignore

test('a detached payment method points at the customer it had', () => {
  const event = { type: 'payment_method.detached', object: { id: 'pm_1', customer: null } };
  expect(rootObject({ ...event, previous: { customer: 'cus_1' } })).toMatchObject({
    kind: 'customer',
    id: 'cus_1',
  });
  expect(rootObject(event)).toBeNull();
});

test.each([
  ['coupon.created', { id: 'co_1' }],
  ['test_helpers.test_clock.ready', { id: 'clock_1' }],
  ['refund.created', { id: 're_1', charge: null }],
  ['customer.subscription.updated', {}],
  ['customer.subscription.updated', { id: 7 }],
  ['invoice.paid', { parent: null, lines: null, customer: null }],
])('%s may point at nothing', (type, object) => {
  expect(rootObject({ type, object })).toBeNull();
});
