// The billing portal lets people do what its configuration says, and refuses the rest.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { customerWith, errorOf, monthly, openStand, type Stand } from './stand.ts';

let stand: Stand;
let stripe: Stripe;
beforeAll(async () => {
  stand = await openStand();
  ({ stripe } = stand);
});
afterAll(() => stand.close());

type Features = Stripe.BillingPortal.ConfigurationCreateParams.Features;

/** A subscriber on the portal of a configuration. */
const portalWith = async (
  features: Features,
  more: Partial<Stripe.SubscriptionCreateParams> = {},
) => {
  const customer = await customerWith(stripe, 'pm_card_visa');
  const price = await monthly(stripe, 1_000);
  const { id } = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
  });
  const configuration = await stripe.billingPortal.configurations.create({ features });
  const { url } = await stripe.billingPortal.sessions.create({
    customer: customer.id,
    configuration: configuration.id,
  });
  return {
    customer,
    price,
    configuration,
    page: async () => (await fetch(url)).text(),
    /** The path it leads to when it worked, the page with what went wrong otherwise. */
    press: async (fields: Record<string, string>) => {
      const body = new URLSearchParams(fields);
      const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' });
      return answer.status === 303 ? 'done' : answer.text();
    },
    now: () => stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] }),
    id,
  };
};

test('what was not enabled is neither shown nor done', async () => {
  const portal = await portalWith({ invoice_history: { enabled: true } });
  expect(portal.configuration.features).toMatchObject({
    invoice_history: { enabled: true },
    payment_method_update: { enabled: false },
    subscription_cancel: { enabled: false },
    subscription_update: { enabled: false },
    customer_update: { enabled: false },
  });
  const page = await portal.page();
  expect(page).toContain('Invoices');
  for (const word of ['name="number"', 'name="cancel"', 'name="change"', 'name="details"'])
    expect(page).not.toContain(word);
  for (const fields of [
    { cancel: portal.id },
    { number: '4242424242424242' },
    { change: portal.id, quantity: '2' },
    { details: 'save', name: 'Eve' },
  ])
    expect(await portal.press(fields)).toContain('This is not offered here.');
  expect(await portal.now()).toMatchObject({ status: 'active', cancel_at: null });
});

test('without invoice history there is nothing to pay', async () => {
  const portal = await portalWith({ payment_method_update: { enabled: true } });
  expect(await portal.page()).not.toContain('Invoices');
  expect(await portal.press({ pay: 'in_1' })).toContain('This is not offered here.');
});

describe('cancelling', () => {
  test('at once, the rest given back, with the reason', async () => {
    const portal = await portalWith({
      subscription_cancel: {
        enabled: true,
        mode: 'immediately',
        proration_behavior: 'create_prorations',
        cancellation_reason: { enabled: true, options: ['too_expensive', 'unused'] },
      },
    });
    expect(await portal.page()).toContain('<option>too_expensive</option>');
    expect(await portal.press({ cancel: portal.id, feedback: 'unused' })).toBe('done');
    expect(await portal.now()).toMatchObject({
      status: 'canceled',
      cancellation_details: { feedback: 'unused', reason: 'cancellation_requested' },
    });
    const { data } = await stripe.invoiceItems.list({ customer: portal.customer.id });
    expect(data.map(({ amount }) => Math.sign(amount))).toEqual([-1]);
  });

  test('at the period’s end, with nothing given back', async () => {
    const portal = await portalWith({
      subscription_cancel: { enabled: true, mode: 'at_period_end' },
    });
    expect(await portal.press({ cancel: portal.id })).toBe('done');
    const after = await portal.now();
    expect(after.cancel_at).toBe(after.items.data[0]!.current_period_end);
    expect((await stripe.invoiceItems.list({ customer: portal.customer.id })).data).toEqual([]);
  });
});

describe('another plan', () => {
  const offer = async (update: 'price' | 'quantity', maximum = 5) => {
    const dear = await monthly(stripe, 3_000, 'Premium');
    const portal = await portalWith({ invoice_history: { enabled: true } });
    const product = (price: Stripe.Price) => ({
      product: price.product as string,
      prices: [price.id],
      adjustable_quantity: { enabled: true, maximum },
    });
    await stripe.billingPortal.configurations.update(portal.configuration.id, {
      features: {
        subscription_update: {
          enabled: true,
          default_allowed_updates: [update],
          proration_behavior: 'always_invoice',
          products: [product(portal.price), product(dear)],
        },
      },
    });
    return { portal, dear };
  };

  test('one that is offered is taken and charged as configured', async () => {
    const { portal, dear } = await offer('price');
    expect(await portal.page()).toContain('Premium');
    expect(await portal.press({ change: portal.id, price: dear.id })).toBe('done');
    const after = await portal.now();
    expect(after.items.data[0]!.price.id).toBe(dear.id);
    expect((after.latest_invoice as Stripe.Invoice).billing_reason).toBe('subscription_update');
  });

  test('one that is not offered is refused', async () => {
    const { portal } = await offer('price');
    const other = await monthly(stripe, 1, 'Nothing');
    const refused = 'This change is not offered here.';
    expect(await portal.press({ change: portal.id, price: other.id })).toContain(refused);
    expect(await portal.press({ change: portal.id, quantity: '2' })).toContain(refused);
  });

  test('a quantity within the bounds is taken', async () => {
    const { portal, dear } = await offer('quantity');
    expect(await portal.press({ change: portal.id, quantity: '6' })).toContain('not offered');
    expect(await portal.press({ change: portal.id, price: dear.id })).toContain('not offered');
    expect(await portal.press({ change: portal.id, quantity: '4' })).toBe('done');
    expect((await portal.now()).items.data[0]!.quantity).toBe(4);
  });
});

test('people change what they may about themselves', async () => {
  const portal = await portalWith({
    customer_update: { enabled: true, allowed_updates: ['name', 'address', 'tax_id'] },
  });
  const fields = { details: 'save', name: 'Ada', line1: '1 Mill Lane', country: 'GB' };
  expect(await portal.press({ ...fields, tax_id_type: 'gb_vat', tax_id_value: 'GB1' })).toBe(
    'done',
  );
  expect(await stripe.customers.retrieve(portal.customer.id)).toMatchObject({
    name: 'Ada',
    address: { line1: '1 Mill Lane', country: 'GB', city: null },
  });
  expect((await stripe.customers.listTaxIds(portal.customer.id)).data).toMatchObject([
    { type: 'gb_vat', value: 'GB1' },
  ]);
  expect(await portal.press({ details: 'save', email: 'eve@example.com' })).toContain(
    'not offered here',
  );
});

test('a flow into what is disabled, and half a configuration, are refused', async () => {
  const { configuration, customer, id, price } = await portalWith({
    invoice_history: { enabled: true },
  });
  const flow = stripe.billingPortal.sessions.create({
    customer: customer.id,
    configuration: configuration.id,
    flow_data: { type: 'subscription_cancel', subscription_cancel: { subscription: id } },
  });
  expect((await errorOf(flow)).message).toContain('cancellation feature in the portal');
  const make = (features: Features) =>
    errorOf(stripe.billingPortal.configurations.create({ features }));
  expect(await make({ customer_update: { enabled: true } })).toMatchObject({
    param: 'features[customer_update][allowed_updates]',
  });
  const update = { enabled: true, default_allowed_updates: ['price' as const] };
  expect(await make({ subscription_update: update })).toMatchObject({
    param: 'features[subscription_update][products]',
  });
  const products = [{ product: 'prod_other', prices: [price.id] }];
  expect(await make({ subscription_update: { ...update, products } })).toMatchObject({
    statusCode: 400,
  });
});
