// /v1/customers (https://docs.stripe.com/api/customers).
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import {
  clearable,
  created,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { noteMove } from '../billing/balance.ts';
import { blankCustomer, chooseSource } from '../billing/customer.ts';
import { discountCustomer, undiscountCustomer } from '../billing/customer-discount.ts';
import { attach, attachedMethod, methodByIdOrMagic, methodsOf } from '../billing/payment-method.ts';
import { endSubscription } from '../billing/subscription-end.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { Customer } from '../store/entity.ts';
import type { World } from '../world.ts';
import { addTaxId, taxIdParams } from './tax.ts';

const addressKeys = ['city', 'country', 'line1', 'line2', 'postal_code', 'state'] as const;
const address = z.strictObject(
  Object.fromEntries(addressKeys.map((key) => [key, clearable(text).optional()])),
);

const shared = {
  address: clearable(address).optional(),
  balance: int.optional(),
  description: clearable(text).optional(),
  email: clearable(z.string().max(512)).optional(),
  invoice_prefix: z
    .string()
    .regex(/^[A-Z0-9]{3,12}$/, 'Invalid invoice prefix')
    .optional(),
  invoice_settings: z
    .strictObject({
      default_payment_method: clearable(text).optional(),
      footer: clearable(text).optional(),
    })
    .optional(),
  metadata: metadata.optional(),
  name: clearable(text).optional(),
  next_invoice_sequence: int.optional(),
  phone: clearable(text).optional(),
  preferred_locales: z.array(text).max(20).optional(),
  shipping: clearable(z.strictObject({ address, name: text, phone: text.optional() })).optional(),
  tax_exempt: clearable(z.enum(['exempt', 'none', 'reverse'])).optional(),
};

/** `coupon` is a parameter of older API versions, which the CLI's scripts send. */
const createParams = z.strictObject({
  ...shared,
  coupon: clearable(text).optional(),
  payment_method: text.optional(),
  source: text.optional(),
  tax_id_data: z.array(taxIdParams).max(5).optional(),
  test_clock: text.optional(),
});
const updateParams = z.strictObject({
  ...shared,
  coupon: clearable(text).optional(),
  default_source: text.optional(),
  source: text.optional(),
});
const listParams = z.strictObject({
  ...paging,
  created,
  email: text.optional(),
  test_clock: text.optional(),
});

type Details = Omit<z.output<typeof updateParams>, 'source' | 'default_source' | 'coupon'>;

/** What the parameters say about the row, default payment method resolved. */
const patchOf = (world: World, customer: Customer, params: Details): Partial<Customer> => {
  const { invoice_settings: settings, metadata: changes, address: at, ...rest } = params;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const wanted = settings?.default_payment_method;
  const param = 'invoice_settings[default_payment_method]';
  return {
    ...(Object.fromEntries(given) as Partial<Customer>),
    ...(at === undefined ? {} : { address: at === null ? null : fullAddress(at) }),
    metadata: mergeMetadata(customer.metadata, changes),
    ...(wanted === undefined
      ? {}
      : {
          invoice_settings: {
            default_payment_method:
              wanted === null ? null : attachedMethod(world, customer, wanted, param).id,
          },
        }),
  };
};

const fullAddress = (given: Record<string, unknown>): object =>
  Object.fromEntries(addressKeys.map((key) => [key, given[key] ?? null]));

const create = (world: World, params: z.output<typeof createParams>): Customer => {
  const {
    payment_method: method,
    test_clock: clock,
    source,
    coupon,
    tax_id_data: taxIds,
    ...details
  } = params;
  if (clock !== undefined) find(world, 'test_helpers.test_clock', clock, 'test_clock');
  const blank = blankCustomer(world, clock ?? null);
  world.store.put('customer', blank);
  if (method !== undefined) attach(world, methodByIdOrMagic(world, method), blank);
  const made = add(
    world,
    'customer',
    { ...blank, ...patchOf(world, blank, details) },
    'customer.created',
  );
  noteAdjustment(world, { balance: 0 }, made);
  for (const taxId of taxIds ?? []) addTaxId(world, made, taxId);
  if (source !== undefined) chooseSource(world, made, source);
  if (coupon != null) discountCustomer(world, made, { coupon });
  return world.store.need('customer', made.id);
};

/** A balance that was set is a move like any other. */
const noteAdjustment = (world: World, before: { balance: number }, after: Customer): void => {
  const amount = after.balance - before.balance;
  if (amount === 0) return;
  const currency = after.currency ?? 'usd';
  noteMove(world, after, { amount, ending: after.balance }, { type: 'adjustment', currency });
};

const remove = (world: World, customer: Customer): Customer => {
  for (const subscription of [...world.store.all('subscription')]) {
    const isLive =
      subscription.status !== 'canceled' && subscription.status !== 'incomplete_expired';
    if (subscription.customer === customer.id && isLive) {
      endSubscription(world, subscription, 'cancellation_requested');
    }
  }
  for (const method of methodsOf(world, customer.id)) {
    world.store.update('payment_method', method.id, { customer: null });
  }
  announce(world, 'customer.deleted', customer);
  return world.store.update('customer', customer.id, { _deleted: true });
};

export const customerEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/customers', createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', '/v1/customers', listParams, ({ world, params }) =>
    page(
      world,
      'customer',
      '/v1/customers',
      params,
      (row) =>
        !row._deleted &&
        (params.email === undefined || row.email === params.email) &&
        row.test_clock === (params.test_clock ?? null) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/customers/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'customer', ids['id']),
  ),
  endpoint('POST', '/v1/customers/:id', updateParams, ({ world, params, ids }) => {
    const customer = findCustomer(world, ids['id'] ?? '', 'id');
    const { source, default_source: chosen, coupon, ...details } = params;
    const given = source ?? chosen;
    if (given !== undefined) chooseSource(world, customer, given);
    if (coupon === null) undiscountCustomer(world, customer);
    else if (coupon !== undefined) discountCustomer(world, customer, { coupon });
    const patch = patchOf(world, customer, details);
    const updated = change(world, 'customer', customer.id, patch, 'customer.updated');
    noteAdjustment(world, customer, updated);
    return updated;
  }),
  endpoint('DELETE', '/v1/customers/:id/discount', z.strictObject({}), ({ world, ids }) => ({
    raw: undiscountCustomer(world, findCustomer(world, ids['id'] ?? '', 'id')),
  })),
  endpoint('DELETE', '/v1/customers/:id', z.strictObject({}), ({ world, ids }) =>
    remove(world, findCustomer(world, ids['id'] ?? '', 'id')),
  ),
  endpoint(
    'GET',
    '/v1/customers/:id/payment_methods',
    z.strictObject({ ...paging, type: text.optional() }),
    ({ world, params, ids }) => {
      const customer = findCustomer(world, ids['id'] ?? '', 'customer');
      const url = `/v1/customers/${customer.id}/payment_methods`;
      return page(
        world,
        'payment_method',
        url,
        params,
        (row) => row.customer === customer.id && (params.type ?? row.type) === row.type,
      );
    },
  ),
  endpoint(
    'GET',
    '/v1/customers/:id/payment_methods/:method',
    z.strictObject({}),
    ({ world, ids }) => find(world, 'payment_method', ids['method'], 'payment_method'),
  ),
];
