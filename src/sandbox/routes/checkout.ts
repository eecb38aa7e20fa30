// /v1/checkout/sessions (https://docs.stripe.com/api/checkout/sessions): all three modes.
import { z } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missingParam } from '../api/error.ts';
import { lineItems } from '../api/expand.ts';
import { page } from '../api/list.ts';
import { isWithin, mergeMetadata, metadata, paging } from '../api/params.ts';
import { expireSession, notOpen } from '../billing/checkout.ts';
import { findCoupon } from '../billing/discount.ts';
import { percent } from '../billing/money.ts';
import { hourSeconds } from '../billing/period.ts';
import { createSetup } from '../billing/setup.ts';
import { requireTogether } from '../billing/interval.ts';
import { priceAmount } from '../billing/price-amount.ts';
import { priceIn, storedPrice } from '../billing/price-currency.ts';
import { isOwnInline, withPrices } from '../billing/price-inline.ts';
import { isMetered } from '../billing/usage.ts';
import { createParams, listParams } from './checkout-params.ts';
import { setTimer } from '../engine/timer.ts';
import type { Customer } from '../store/entity.ts';
import type { CheckoutSession } from '../store/entity-session.ts';
import { randomText, type World } from '../world.ts';

type Asked = z.output<typeof createParams>;

const lifeHours = 24;
const none = z.strictObject({});
const url = '/v1/checkout/sessions';

const create = (world: World, asked: Asked): CheckoutSession => {
  const customer = asked.customer === undefined ? null : findCustomer(world, asked.customer);
  const now = customerNow(world, customer);
  refuse(asked, now);
  const items = itemsOf(world, asked);
  const subtotal = items.reduce(
    (sum, { price, quantity }) =>
      sum +
      priceAmount(
        storedPrice(world, price, asked.currency),
        isCounted(world, price) ? 0 : quantity,
      ),
    0,
  );
  const id = `cs_test_${randomText(58)}`;
  const session: CheckoutSession = {
    id,
    object: 'checkout.session',
    allow_promotion_codes: asked.allow_promotion_codes ?? null,
    amount_subtotal: asked.mode === 'setup' ? null : subtotal,
    amount_total: asked.mode === 'setup' ? null : total(world, asked, subtotal, now),
    cancel_url: asked.cancel_url ?? null,
    client_reference_id: asked.client_reference_id ?? null,
    created: now,
    currency: currencyOf(world, asked, items),
    customer: customer?.id ?? null,
    customer_email: asked.customer_email ?? null,
    expires_at: asked.expires_at ?? now + lifeHours * hourSeconds,
    invoice: null,
    livemode: false,
    metadata: mergeMetadata({}, asked.metadata),
    mode: asked.mode,
    ...(asked.mode === 'payment' ? paymentPart(asked) : {}),
    payment_status: asked.mode === 'setup' ? 'no_payment_required' : 'unpaid',
    setup_intent: asked.mode === 'setup' ? setupIntent(world, customer, asked, now) : null,
    status: 'open',
    subscription: null,
    success_url: asked.success_url ?? null,
    url: `${world.publicUrl}/checkout/${id}`,
    _items: items,
    _subscription_data: subscriptionData(asked),
    _setup_subscription: null,
    _discounts: asked.discounts ?? [],
    _collect: asked.payment_method_collection ?? 'always',
    _attempt: null,
    _test_clock: customer?.test_clock ?? null,
  };
  setTimer(world, 'checkout.expire', id, { clock: session._test_clock, at: session.expires_at });
  return world.store.put('checkout.session', session);
};

const isCounted = (world: World, price: string): boolean =>
  isMetered(world.store.need('price', price));

const dataKeys = [
  ['payment', 'payment_intent_data'],
  ['setup', 'setup_intent_data'],
  ['subscription', 'subscription_data'],
] as const;

/** Payments take what is paid once; subscriptions what recurs, and more beside it. */
const itemsOf = (world: World, asked: Asked): CheckoutSession['_items'] => {
  const items = withPrices(world, asked.line_items ?? [], 'line_items');
  const prices = items.map((item, i) => {
    const param = `line_items[${i}][price]`;
    const price = world.store.get('price', item.price ?? '');
    if (price === undefined) throw missingParam('price', item.price ?? '', param);
    if (!price.active && !isOwnInline(world, price))
      throw invalid('The price specified is inactive.', { param });
    if (asked.mode === 'payment' && price.recurring !== null) {
      throw invalid(
        'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
        { param },
      );
    }
    return price;
  });
  const recurring = prices.filter((price) => price.recurring !== null);
  if (asked.mode === 'subscription' && recurring.length === 0) {
    throw invalid('You must provide at least one recurring price in `subscription` mode.', {
      param: 'line_items',
    });
  }
  requireTogether(
    recurring.map((price) => priceIn(price, asked.currency)),
    false,
  );
  return items.map((item, i) => ({ price: prices[i]!.id, quantity: item.quantity ?? 1 }));
};

const paymentPart = (asked: Asked): Partial<CheckoutSession> => {
  const { metadata: meta, ...data } = asked.payment_intent_data ?? {};
  const given = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  return {
    payment_intent: null,
    customer_creation:
      asked.customer === undefined ? (asked.customer_creation ?? 'if_required') : null,
    _payment_data: { ...given, metadata: mergeMetadata({}, meta) },
  };
};

const refuse = (asked: Asked, now: number): void => {
  if (asked.success_url === undefined) throw needed('success_url');
  if (asked.mode !== 'setup' && asked.line_items === undefined) throw needed('line_items');
  for (const [mode, key] of dataKeys) {
    if (asked.mode === mode || asked[key] === undefined) continue;
    throw invalid(`You can not pass \`${key}\` in \`${asked.mode}\` mode.`, { param: key });
  }
  if (asked.mode === 'setup' && asked.line_items !== undefined) {
    throw invalid('You can not pass `line_items` in `setup` mode.', { param: 'line_items' });
  }
  if (asked.customer !== undefined && asked.customer_email !== undefined) {
    throw invalid('You may only specify one of these parameters: customer, customer_email.', {
      code: 'parameters_exclusive',
    });
  }
  if (asked.discounts !== undefined && asked.allow_promotion_codes !== undefined) {
    throw invalid(
      'You may only specify one of these parameters: allow_promotion_codes, discounts.',
      { code: 'parameters_exclusive' },
    );
  }
  const { expires_at: at } = asked;
  if (
    at !== undefined &&
    (at < now + hourSeconds / 2 - 60 || at > now + lifeHours * hourSeconds + 60)
  ) {
    throw invalid(
      'The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session creation.',
      { param: 'expires_at' },
    );
  }
};

const needed = (param: string) =>
  invalid(`Missing required param: ${param}.`, { param, code: 'parameter_missing' });

const total = (world: World, asked: Asked, subtotal: number, now: number): number => {
  const { trial_end: end, trial_period_days: length } = asked.subscription_data ?? {};
  if (end !== undefined || length !== undefined) return 0;
  const [discount] = asked.discounts ?? [];
  if (discount === undefined) return subtotal;
  const { coupon } = findCoupon(world, discount, 'discounts[0]', asked.customer ?? null, now);
  const off =
    coupon.percent_off === null ? (coupon.amount_off ?? 0) : percent(subtotal, coupon.percent_off);
  return Math.max(0, subtotal - off);
};

const currencyOf = (world: World, asked: Asked, items: { price: string }[]): string | null => {
  const currencies = new Set(
    items.map((item) => storedPrice(world, item.price, asked.currency).currency),
  );
  if (currencies.size > 1)
    throw invalid('All line items must have the same currency.', { param: 'line_items' });
  return [...currencies][0] ?? asked.currency ?? null;
};

const setupIntent = (world: World, customer: Customer | null, asked: Asked, now: number): string =>
  createSetup(world, customer, {
    method: null,
    metadata: mergeMetadata({}, asked.setup_intent_data?.metadata),
    usage: 'off_session',
    now,
  }).id;

const subscriptionData = (asked: Asked): CheckoutSession['_subscription_data'] => {
  const data = asked.subscription_data ?? {};
  return {
    metadata: mergeMetadata({}, data.metadata),
    trial_period_days: data.trial_period_days ?? null,
    trial_end: data.trial_end ?? null,
    missing_payment_method:
      data.trial_settings?.end_behavior.missing_payment_method ?? 'create_invoice',
    description: data.description ?? null,
    billing_mode: data.billing_mode,
  };
};

export const checkoutEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      'checkout.session',
      url,
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) &&
        row.status === (params.status ?? row.status) &&
        row.subscription === (params.subscription ?? row.subscription) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) =>
    find(world, 'checkout.session', ids['id']),
  ),
  endpoint(
    'POST',
    `${url}/:id`,
    z.strictObject({ metadata: metadata.optional() }),
    ({ world, params, ids }) => {
      const session = find(world, 'checkout.session', ids['id']);
      return world.store.update('checkout.session', session.id, {
        metadata: mergeMetadata(session.metadata, params.metadata),
      });
    },
  ),
  endpoint('GET', `${url}/:id/line_items`, z.strictObject({ ...paging }), ({ world, ids }) => {
    const session = find(world, 'checkout.session', ids['id']);
    return {
      raw: {
        object: 'list',
        data: lineItems(world, session.id),
        has_more: false,
        url: `${url}/${session.id}/line_items`,
      },
    };
  }),
  endpoint('POST', `${url}/:id/expire`, none, ({ world, ids }) => {
    const session = find(world, 'checkout.session', ids['id']);
    if (session.status !== 'open') throw notOpen(session, 'expired');
    return expireSession(world, session);
  }),
];
