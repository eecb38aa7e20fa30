// `expand`: references replaced by what they name, to four levels, also through the lists inside
// (https://docs.stripe.com/api/expanding_objects). Which field names what is a table.
import { StripeError } from './error.ts';
import { sourcesOf } from '../billing/customer.ts';
import { intentOf } from '../billing/invoice.ts';
import { priceAmount } from '../billing/price-amount.ts';
import { storedPrice } from '../billing/price-currency.ts';
import { showOptions, showPrice } from '../shape/catalog.ts';
import { render } from '../shape/render.ts';
import { showSource } from '../shape/source.ts';
import { embedded, type Wire } from '../shape/wire.ts';
import type { TableName } from '../store/table.ts';
import type { World } from '../world.ts';

export const expandDepthMax = 4;

/** Fields that hold an id, and the table it is looked up in. */
const references: Record<string, TableName> = {
  charge: 'charge',
  configuration: 'billing_portal.configuration',
  coupon: 'coupon',
  credit_note: 'credit_note',
  customer_balance_transaction: 'customer_balance_transaction',
  customer: 'customer',
  default_payment_method: 'payment_method',
  default_price: 'price',
  default_source: 'payment_method',
  discount: 'discount',
  feature: 'entitlements.feature',
  meter: 'billing.meter',
  quote: 'quote',
  discounts: 'discount',
  invoice: 'invoice',
  latest_charge: 'charge',
  latest_invoice: 'invoice',
  payment_intent: 'payment_intent',
  payment_method: 'payment_method',
  pending_setup_intent: 'setup_intent',
  price: 'price',
  product: 'product',
  promotion_code: 'promotion_code',
  refund: 'refund',
  schedule: 'subscription_schedule',
  setup_intent: 'setup_intent',
  subscription: 'subscription',
  test_clock: 'test_helpers.test_clock',
};

/** Fields that are there only when asked for. */
const included: Record<string, (world: World, object: Wire) => unknown> = {
  'invoice payments': (world, { id }) => {
    const { _payment } = world.store.need('invoice', id as string);
    const payment =
      _payment === null ? [] : [render(world, world.store.need('invoice_payment', _payment))];
    return embedded(`/v1/invoice_payments?invoice=${String(id)}`, payment);
  },
  'invoice confirmation_secret': (world, { id }) => {
    const intent = intentOf(world, world.store.need('invoice', id as string));
    return intent === null ? null : { client_secret: intent.client_secret, type: 'payment_intent' };
  },
  'customer subscriptions': (world, { id }) =>
    embedded(
      `/v1/customers/${String(id)}/subscriptions`,
      [...world.store.all('subscription')]
        .filter(
          (row) =>
            row.customer === id && row.status !== 'canceled' && row.status !== 'incomplete_expired',
        )
        .map((row) => render(world, row)),
    ),
  'customer sources': (world, { id }) =>
    embedded(`/v1/customers/${String(id)}/sources`, sourcesOf(world, id as string).map(showSource)),
  'customer tax_ids': (world, { id }) =>
    embedded(
      `/v1/customers/${String(id)}/tax_ids`,
      [...world.store.all('tax_id')]
        .filter((row) => row.customer === id)
        .map((row) => render(world, row)),
    ),
  'price tiers': (world, { id }) => world.store.need('price', id as string)._tiers ?? [],
  'price currency_options': (world, { id }) => showOptions(world.store.need('price', id as string)),
  'plan tiers': (world, { id }) => world.store.need('price', id as string)._tiers ?? [],
  'customer tax': () => ({
    automatic_tax: 'unrecognized_location',
    ip_address: null,
    location: null,
    provider: 'stripe',
  }),
  'charge refunds': (world, { id }) =>
    embedded(
      `/v1/charges/${String(id)}/refunds`,
      [...world.store.all('refund')]
        .filter((row) => row.charge === id)
        .map((row) => render(world, row)),
    ),
  'checkout.session line_items': (world, { id }) =>
    embedded(`/v1/checkout/sessions/${String(id)}/line_items`, lineItems(world, id as string)),
};

/** The line items of a Checkout session. */
export const lineItems = (world: World, id: string): Wire[] => {
  const session = world.store.need('checkout.session', id);
  return session._items.map((item, i) => {
    const price = storedPrice(world, item.price, session.currency ?? undefined);
    const amount = priceAmount(price, item.quantity);
    return {
      id: `li_${session.id.slice(-20)}${i}`,
      object: 'item',
      adjustable_quantity: null,
      amount_discount: 0,
      amount_subtotal: amount,
      amount_tax: 0,
      amount_total: amount,
      currency: price.currency,
      description: world.store.need('product', price.product).name,
      metadata: {},
      price: showPrice(price),
      quantity: item.quantity,
    };
  });
};

/** The object with every path of `expand` followed. */
export const expandAll = (world: World, object: Wire, paths: string[]): Wire => {
  let result = object;
  for (const path of paths) {
    const parts = path.split('.');
    if (parts.length > expandDepthMax + (parts[0] === 'data' ? 1 : 0)) {
      throw refuse(
        `You cannot expand more than ${expandDepthMax} levels of a property. Property: ${path}`,
      );
    }
    result = follow(world, result, parts, path) as Wire;
  }
  return result;
};

const refuse = (message: string): StripeError =>
  new StripeError(
    400,
    { type: 'invalid_request_error', message, param: 'expand' },
    { executed: false },
  );

const follow = (world: World, value: unknown, parts: string[], path: string): unknown => {
  const [field, ...rest] = parts;
  if (field === undefined || value === null || value === undefined) return value;
  if (Array.isArray(value)) return value.map((one) => follow(world, one, parts, path));
  if (typeof value !== 'object') throw cannot(path);
  const object = value as Wire;
  const include = included[`${String(object['object'])} ${field}`];
  if (!(field in object) && include === undefined) {
    const isOptional = object['deleted'] === true || object['object'] === undefined;
    if (isOptional) return object;
    throw cannot(path);
  }
  const held = field in object ? object[field] : include?.(world, object);
  const looked = look(world, field, held, object);
  if (rest.length === 0 && looked === held && include === undefined && isLeaf(held))
    throw cannot(path);
  return { ...object, [field]: follow(world, looked, rest, path) };
};

const isLeaf = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';

const cannot = (path: string): StripeError =>
  refuse(
    `This property cannot be expanded (${path}). You may want to try expanding a different property. See: https://docs.stripe.com/api/expanding_objects`,
  );

const look = (world: World, field: string, held: unknown, object: Wire): unknown => {
  const table = references[field];
  if (table === undefined || (field === 'product' && object['object'] === 'event')) return held;
  const resolve = (id: unknown): unknown => {
    if (typeof id !== 'string') return id;
    const row = world.store.get(table, id);
    if (row === undefined) return id;
    return 'payment_method' === row.object && row._is_source === true && field !== 'payment_method'
      ? showSource(row)
      : render(world, row);
  };
  return Array.isArray(held) ? held.map(resolve) : resolve(held);
};
