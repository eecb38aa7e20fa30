// A round through every endpoint of the sandbox: each answers at least once with success, and every
// answer, expanded ones too, and every event fits the strict schemas of the SDK's types.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { endpoints } from '../../src/sandbox/routes/table.ts';
import { openStand, until, type Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await openStand();
});
afterAll(() => stand.close());

const call = async (name: string, params: object = {}): Promise<any> => {
  const [method, path] = name.split(' ') as ['GET' | 'POST' | 'DELETE', string];
  try {
    return await stand.stripe.rawRequest(method, path, method === 'POST' ? params : undefined);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
};
const get = (path: string) => call(`GET /v1/${path}`);
const post = (path: string, params: object = {}) => call(`POST /v1/${path}`, params);
const del = (path: string) => call(`DELETE /v1/${path}`);

/** A call with a parameter that only Stripe's CLI still sends. */
const fromCli = async (path: string, body: string): Promise<void> => {
  const headers = {
    authorization: `Bearer ${stand.sandbox.secretKey}`,
    'content-type': 'application/x-www-form-urlencoded',
    'user-agent': 'Stripe/v1 stripe-cli/1.52.0',
  };
  const answer = await fetch(`${stand.sandbox.url}/v1/${path}`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
};

const customer = (card: string | null = 'pm_card_visa', more: object = {}) =>
  post('customers', {
    email: 'ada@example.com',
    ...(card === null
      ? {}
      : { payment_method: card, invoice_settings: { default_payment_method: card } }),
    ...more,
  });
const monthly = (amount = 1000, more: object = {}) =>
  post('prices', {
    currency: 'usd',
    unit_amount: amount,
    recurring: { interval: 'month' },
    product_data: { name: 'Pro' },
    ...more,
  });
const subscribe = async (who: string, price: string, more: object = {}) =>
  post('subscriptions', { customer: who, items: [{ price }], ...more });

/** Reads a thing by its id, changes its metadata, and lists its kind. */
const usual = async (path: string, id: string, change: object = { metadata: { a: 'b' } }) => {
  await get(`${path}/${id}`);
  await post(`${path}/${id}`, change);
  await get(`${path}?limit=100`);
};

const catalog = async (): Promise<void> => {
  const product = await post('products', {
    name: 'P',
    default_price_data: { currency: 'usd', unit_amount: 5 },
  });
  await usual('products', product.id);
  const price = await monthly(1000, { lookup_key: 'pro', nickname: 'n' });
  await usual('prices', price.id);
  await monthly(0, {
    unit_amount: undefined,
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [
      { up_to: 5, unit_amount: 500 },
      { up_to: 'inf', unit_amount: 400, flat_amount: 100 },
    ],
  });
  await get('prices?expand[]=data.tiers&limit=100');
  const plan = await post('plans', {
    currency: 'usd',
    interval: 'month',
    amount: 7,
    product: { name: 'Old' },
  });
  await usual('plans', plan.id);
  await del(`plans/${plan.id}`);
  const lone = await post('products', { name: 'Lone' });
  await del(`products/${lone.id}`);
  const coupon = await post('coupons', { percent_off: 10, duration: 'forever', name: 'ten' });
  await usual('coupons', coupon.id);
  const code = await post('promotion_codes', { promotion: { type: 'coupon', coupon: coupon.id } });
  await usual('promotion_codes', code.id);
  await get('promotion_codes?expand[]=data.promotion.coupon');
  const dropped = await post('coupons', { amount_off: 5, currency: 'usd' });
  await del(`coupons/${dropped.id}`);
  const rate = await post('tax_rates', { display_name: 'VAT', percentage: 20, inclusive: false });
  await usual('tax_rates', rate.id);
  const feature = await post('entitlements/features', { name: 'F', lookup_key: 'f' });
  await usual('entitlements/features', feature.id);
  const link = await post(`products/${product.id}/features`, { entitlement_feature: feature.id });
  await get(`products/${product.id}/features`);
  await get(`products/${product.id}/features/${link.id}`);
  const entitled = await monthly(900, { product: product.id, product_data: undefined });
  const who = await customer();
  await subscribe(who.id, entitled.id);
  const { data } = await get(`entitlements/active_entitlements?customer=${who.id}`);
  await get(`entitlements/active_entitlements/${data[0].id}`);
  await del(`products/${product.id}/features/${link.id}`);
};

const customers = async (): Promise<void> => {
  const who = await customer('pm_card_visa', {
    name: 'Ada',
    address: { line1: 'x', country: 'GB' },
  });
  await usual('customers', who.id);
  await get(`customers/${who.id}?expand[]=subscriptions&expand[]=sources&expand[]=tax_ids`);
  const { data } = await get(`customers/${who.id}/payment_methods`);
  await get(`customers/${who.id}/payment_methods/${data[0].id}`);
  const moved = await post(`customers/${who.id}/balance_transactions`, {
    amount: -500,
    currency: 'usd',
  });
  await usual(`customers/${who.id}/balance_transactions`, moved.id);
  const taxId = await post(`customers/${who.id}/tax_ids`, { type: 'eu_vat', value: 'DE123456789' });
  await get(`customers/${who.id}/tax_ids`);
  await get(`customers/${who.id}/tax_ids/${taxId.id}`);
  await del(`customers/${who.id}/tax_ids/${taxId.id}`);
  const source = await post(`customers/${who.id}/sources`, { source: 'tok_visa' });
  await usual(`customers/${who.id}/sources`, source.id);
  await del(`customers/${who.id}/sources/${source.id}`);
  const card = { number: '4242424242424242', exp_month: '1', exp_year: '2040' };
  const token = await post('tokens', { card });
  await get(`tokens/${token.id}`);
  const wrapped = await post('sources', { type: 'card', token: token.id });
  await get(`sources/${wrapped.id}`);
  await post(`sources/${wrapped.id}`, { metadata: { a: 'b' } });
  await post(`customers/${who.id}/sources`, { source: wrapped.id });
  await get(`customers/${who.id}/sources/${wrapped.id}`);
  const coupon = await post('coupons', { percent_off: 10, duration: 'forever' });
  await fromCli(`customers/${who.id}`, `coupon=${coupon.id}`);
  await get(`customers/${who.id}?expand[]=discount`);
  await del(`customers/${who.id}/discount`);
  const method = await post('payment_methods', { type: 'card', card: { token: 'tok_mastercard' } });
  await post(`payment_methods/${method.id}/attach`, { customer: who.id });
  await usual('payment_methods', method.id);
  await post(`payment_methods/${method.id}/detach`);
  await post(`test_helpers/customers/${who.id}/fund_cash_balance`, {
    amount: 500,
    currency: 'eur',
  });
  await get(`customers/${who.id}/cash_balance`);
  const cash = await get(`customers/${who.id}/cash_balance_transactions`);
  await get(`customers/${who.id}/cash_balance_transactions/${cash.data[0].id}`);
  await del(`customers/${(await customer()).id}`);
};

const payments = async (): Promise<void> => {
  const who = await customer();
  const pay = { amount: 2000, currency: 'usd', customer: who.id };
  const intent = await post('payment_intents', { ...pay, payment_method: 'pm_card_visa' });
  await usual('payment_intents', intent.id);
  await post(`payment_intents/${intent.id}/confirm`, { return_url: 'http://127.0.0.1/' });
  await get(`payment_intents/${intent.id}?expand[]=latest_charge.refunds&expand[]=customer`);
  const held = await post('payment_intents', {
    ...pay,
    payment_method: 'pm_card_visa',
    capture_method: 'manual',
    confirm: true,
    return_url: 'http://127.0.0.1/',
  });
  await post(`payment_intents/${held.id}/capture`, { amount_to_capture: 1500 });
  await post(`payment_intents/${(await post('payment_intents', pay)).id}/cancel`);
  for (const card of ['pm_card_threeDSecure2Required', 'pm_card_createDispute'])
    await post('payment_intents', {
      ...pay,
      payment_method: card,
      confirm: true,
      return_url: 'http://127.0.0.1/',
    });
  const charge = await post('charges', { amount: 700, currency: 'usd', source: 'tok_visa' });
  await usual('charges', charge.id);
  const kept = await post('charges', {
    amount: 700,
    currency: 'usd',
    source: 'tok_visa',
    capture: false,
  });
  await post(`charges/${kept.id}/capture`);
  const refund = await post('refunds', { charge: charge.id, amount: 100 });
  await usual('refunds', refund.id);
  const { data } = await get('disputes?expand[]=data.charge&expand[]=data.payment_intent');
  await usual('disputes', data[0].id);
  await post(`disputes/${data[0].id}/close`);
  for (const card of ['pm_card_visa', 'pm_card_threeDSecure2Required']) {
    const setup = await post('setup_intents', { customer: who.id, payment_method: card });
    await usual('setup_intents', setup.id);
    await post(`setup_intents/${setup.id}/confirm`, { return_url: 'http://127.0.0.1/' });
  }
  const setup = await post('setup_intents', { customer: who.id });
  await post(`setup_intents/${setup.id}/cancel`);
  const transfer = { amount: 100, currency: 'usd' };
  await post(`test_helpers/customers/${who.id}/fund_cash_balance`, transfer);
  await get(`customers/${who.id}/cash_balance`);
  const cash = await get(`customers/${who.id}/cash_balance_transactions`);
  await get(`customers/${who.id}/cash_balance_transactions/${cash.data[0].id}`);
};

const invoices = async (): Promise<void> => {
  const who = await customer();
  const line = { customer: who.id, amount: 500, currency: 'usd', description: 'work' };
  const make = async ({ id } = who) => {
    await post('invoiceitems', { ...line, customer: id });
    return post('invoices', { customer: id, pending_invoice_items_behavior: 'include' });
  };
  const item = await post('invoiceitems', line);
  await usual('invoiceitems', item.id);
  await del(`invoiceitems/${item.id}`);
  const first = await make();
  await usual('invoices', first.id);
  await get(`invoices/${first.id}/lines`);
  await post(`invoices/${first.id}/finalize`);
  await post(`invoices/${first.id}/send`);
  await post(`invoices/${first.id}/pay`);
  await get(`invoices/${first.id}?expand[]=payments.data.payment.payment_intent&expand[]=customer`);
  const { data } = await get(`invoice_payments?invoice=${first.id}`);
  await get(`invoice_payments/${data[0].id}`);
  await del(`invoices/${(await make()).id}`);
  for (const end of ['void', 'mark_uncollectible']) {
    const { id } = await make();
    await post(`invoices/${id}/finalize`, { auto_advance: false });
    await post(`invoices/${id}/${end}`);
  }
  const draft = await post('invoices', { customer: first.customer });
  const filled = await post(`invoices/${draft.id}/add_lines`, {
    lines: [{ amount: 300, description: 'one' }, { amount: 500 }],
  });
  const [one, two] = filled.lines.data;
  await post(`invoices/${draft.id}/lines/${one.id}`, { description: 'another' });
  await post(`invoices/${draft.id}/update_lines`, { lines: [{ id: one.id, amount: 200 }] });
  await post(`invoices/${draft.id}/remove_lines`, {
    lines: [{ id: two.id, behavior: 'delete' }],
  });
  for (const kind of [
    'charges',
    'customers',
    'invoices',
    'payment_intents',
    'prices',
    'products',
    'subscriptions',
  ])
    await get(`${kind}/search?query=created%3E0&limit=2`);
  const lines = (await get(`invoices/${first.id}/lines`)).data;
  const noted = { type: 'invoice_line_item', invoice_line_item: lines[0].id, quantity: 1 };
  const query = `invoice=${first.id}&lines[0][type]=${noted.type}&lines[0][invoice_line_item]=${noted.invoice_line_item}&lines[0][quantity]=1&credit_amount=500`;
  await get(`credit_notes/preview?${query}`);
  await get(`credit_notes/preview/lines?${query}`);
  const note = await post('credit_notes', {
    invoice: first.id,
    lines: [noted],
    credit_amount: 500,
  });
  await usual('credit_notes', note.id);
  await get(`credit_notes/${note.id}/lines`);
  const open = await make(await customer());
  await post(`invoices/${open.id}/finalize`, { auto_advance: false });
  const lowered = await post('credit_notes', { invoice: open.id, amount: 100 });
  await post(`credit_notes/${lowered.id}/void`);
};

const subscriptions = async (): Promise<void> => {
  const who = await customer();
  const [small, large, other] = [await monthly(1000), await monthly(2000), await monthly(300)];
  const coupon = await post('coupons', { percent_off: 10, duration: 'forever' });
  const made = await subscribe(who.id, small.id, { discounts: [{ coupon: coupon.id }] });
  await usual('subscriptions', made.id);
  await get(
    `subscriptions/${made.id}?expand[]=latest_invoice.payments.data.payment&expand[]=discounts&expand[]=items.data.price.product&expand[]=customer&expand[]=default_payment_method`,
  );
  const item = made.items.data[0].id;
  await post('invoices/create_preview', {
    subscription: made.id,
    subscription_details: { items: [{ id: item, price: large.id }] },
  });
  await post(`subscriptions/${made.id}`, {
    items: [{ id: item, price: large.id }],
    proration_behavior: 'always_invoice',
  });
  const added = await post('subscription_items', { subscription: made.id, price: other.id });
  await get(`subscription_items/${added.id}`);
  await post(`subscription_items/${added.id}`, { quantity: 2 });
  await get(`subscription_items?subscription=${made.id}`);
  await del(`subscription_items/${added.id}`);
  await post(`subscriptions/${made.id}/pause`, { type: 'subscription' });
  await post(`subscriptions/${made.id}/resume`);
  await post(`subscriptions/${made.id}/migrate`, {
    billing_mode: { type: 'flexible', flexible: { proration_discounts: 'itemized' } },
  });
  for (const end of ['release', 'cancel']) {
    const one = await subscribe((await customer()).id, small.id);
    const schedule = await post('subscription_schedules', { from_subscription: one.id });
    await usual('subscription_schedules', schedule.id);
    await post(`subscription_schedules/${schedule.id}/${end}`);
  }
  for (const card of [
    'pm_card_chargeCustomerFail',
    'pm_card_threeDSecure2Required',
    'pm_sepaDebit_processing',
  ])
    await subscribe((await customer(card)).id, small.id);
  await subscribe((await customer(null)).id, small.id, {
    trial_period_days: 2,
    trial_settings: { end_behavior: { missing_payment_method: 'pause' } },
  });
  const pending = await subscribe(who.id, small.id);
  const bad = await post('payment_methods/pm_card_chargeCustomerFail/attach', { customer: who.id });
  await post(`subscriptions/${pending.id}`, { default_payment_method: bad.id });
  await post(`subscriptions/${pending.id}`, {
    items: [{ id: pending.items.data[0].id, price: large.id }],
    proration_behavior: 'always_invoice',
    payment_behavior: 'pending_if_incomplete',
  });
  await del(`subscriptions/${made.id}`);
};

const quotes = async (): Promise<void> => {
  const who = await customer();
  const price = await monthly(1000);
  const make = () => post('quotes', { customer: who.id, line_items: [{ price: price.id }] });
  const quote = await make();
  await usual('quotes', quote.id);
  await get(`quotes/${quote.id}/line_items`);
  await get(`quotes/${quote.id}/computed_upfront_line_items`);
  await post(`quotes/${quote.id}/finalize`);
  await post(`quotes/${quote.id}/accept`);
  await post(`quotes/${(await make()).id}/cancel`);
};

const meters = async (): Promise<void> => {
  const meter = await post('billing/meters', {
    display_name: 'Calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  await usual('billing/meters', meter.id, { display_name: 'Calls made' });
  const who = await customer();
  const price = await monthly(2, {
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
  });
  await subscribe(who.id, price.id);
  const event = await post('billing/meter_events', {
    event_name: 'calls',
    identifier: 'once',
    payload: { stripe_customer_id: who.id, value: '3' },
  });
  const start = Math.floor(event.timestamp / 60) * 60;
  await get(
    `billing/meters/${meter.id}/event_summaries?customer=${who.id}&start_time=${start}&end_time=${start + 60}`,
  );
  const usage = { event_name: 'calls', payload: { stripe_customer_id: who.id, value: '1' } };
  await call('POST /v2/billing/meter_events', { ...usage, identifier: 'second' });
  await call('POST /v2/billing/meter_event_session');
  await call('POST /v2/billing/meter_event_stream', { events: [usage] });
  await call('POST /v2/billing/meter_event_adjustments', {
    event_name: 'calls',
    type: 'cancel',
    cancel: { identifier: 'second' },
  });
  await post('billing/meter_event_adjustments', {
    event_name: 'calls',
    type: 'cancel',
    cancel: { identifier: 'once' },
  });
  await post(`billing/meters/${meter.id}/deactivate`);
  await post(`billing/meters/${meter.id}/reactivate`);
};

const sessions = async (): Promise<void> => {
  const price = await monthly();
  for (const outcome of ['paid', 'declined', 'requires_action', 'processing', 'abandon']) {
    const session = await post('checkout/sessions', {
      mode: 'subscription',
      success_url: 'http://127.0.0.1/',
      line_items: [{ price: price.id, quantity: 1 }],
    });
    await stand.control('POST', `/checkout/${session.id}`, { outcome });
    await usual('checkout/sessions', session.id);
    await get(`checkout/sessions/${session.id}/line_items`);
    await get(
      `checkout/sessions/${session.id}?expand[]=line_items&expand[]=subscription.latest_invoice`,
    );
    if (outcome === 'abandon') await post(`checkout/sessions/${session.id}/expire`);
  }
  const who = await customer();
  await post('billing_portal/sessions', {
    customer: who.id,
    flow_data: { type: 'payment_method_update' },
  });
  const configuration = await post('billing_portal/configurations', {
    features: { invoice_history: { enabled: true } },
  });
  await usual('billing_portal/configurations', configuration.id);
};

const rest = async (): Promise<void> => {
  const { id } = await get('account');
  await get(`accounts/${id}`);
  const hook = await post('webhook_endpoints', {
    url: 'http://127.0.0.1:9/',
    enabled_events: ['plan.deleted'],
  });
  await usual('webhook_endpoints', hook.id);
  await del(`webhook_endpoints/${hook.id}`);
  const clock = await post('test_helpers/test_clocks', { frozen_time: 1_800_000_000 });
  await post(`test_helpers/test_clocks/${clock.id}/advance`, { frozen_time: 1_800_000_100 });
  await until(async () => (await get(`test_helpers/test_clocks/${clock.id}`)).status === 'ready');
  await get('test_helpers/test_clocks');
  await del(`test_helpers/test_clocks/${clock.id}`);
  const { data } = await get('events?limit=100');
  await get(`events/${data[0].id}`);
};

test('every endpoint answers, and every answer and event is as the types say', async () => {
  for (const part of [
    catalog,
    customers,
    payments,
    invoices,
    subscriptions,
    quotes,
    meters,
    sessions,
  ])
    await part();
  await stand.move(40 * 86_400);
  await rest();
  for (const path of [
    'subscriptions?status=all',
    'invoices',
    'charges',
    'payment_intents',
    'invoiceitems',
  ])
    await get(`${path}${path.includes('?') ? '&' : '?'}limit=100`);
  await stand.delivered();
  expect(stand.receiver.problems).toEqual([]);
  expect([...stand.judge.problems]).toEqual([]);
  const called = [...stand.judge.seen];
  const missed = endpoints
    .map(({ method, path }) => ({
      name: `${method} ${path}`,
      pattern: path.replaceAll(/:\w+/g, '[^/]+'),
    }))
    .filter(({ name, pattern }) => {
      const wanted = new RegExp(`^${name.split(' ')[0]!} ${pattern}$`);
      return !called.some((one) => wanted.test(one));
    });
  // Only a refund that waits can be canceled, and the sandbox's are done at once.
  expect(missed.map(({ name }) => name)).toEqual(['POST /v1/refunds/:id/cancel']);
});
