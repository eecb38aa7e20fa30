// Events: what happened to which object, kept for the list and handed to every webhook endpoint
// that asked for it. Also the one way to change a row that Stripe would announce.
import type { Delivery, StripeEvent } from '../store/entity-session.ts';
import type { TableName, Tables } from '../store/table.ts';
import { readFaults } from '../control/fault.ts';
import { refreshEntitlements } from '../billing/entitlement.ts';
import { render } from '../shape/render.ts';
import type { Wire } from '../shape/wire.ts';
import { apiVersion, newId, nowOn, type World } from '../world.ts';

/** Announces that something happened to a row, as the row is now. */
export const announce = (world: World, type: string, row: Tables[TableName]): void => {
  if (!world.silent) emit(world, type, render(world, row));
};

/** Changes a row and announces it with what it was before; a change that shows nowhere is silent. */
export const change = <T extends TableName>(
  world: World,
  table: T,
  id: string,
  patch: Partial<Tables[T]>,
  type?: string,
): Tables[T] => {
  if (type === undefined || world.silent) return world.store.update(table, id, patch);
  const before = render(world, world.store.need(table, id));
  const row = world.store.update(table, id, patch);
  const after = render(world, row);
  const previous = difference(before, after);
  if (Object.keys(previous).length > 0) emit(world, type, after, previous);
  return row;
};

/** Adds a row and announces it. */
export const add = <T extends TableName>(
  world: World,
  table: T,
  row: Tables[T],
  type?: string,
): Tables[T] => {
  world.store.put(table, row);
  if (type !== undefined) announce(world, type, row);
  return row;
};

/** Announces an object that need not be a row, such as an upcoming invoice. */
export const emit = (world: World, type: string, object: Wire, previous?: Wire): void => {
  if (world.silent) return;
  const clock = clockOf(world, object);
  const event: StripeEvent = {
    id: newId('evt'),
    object: 'event',
    api_version: apiVersion,
    created: nowOn(world, clock),
    data: previous === undefined ? { object } : { object, previous_attributes: previous },
    livemode: false,
    request: world.request,
    type,
    _clock: clock,
  };
  world.store.put('event', event);
  if (type.startsWith('customer.subscription.') && typeof object['customer'] === 'string') {
    refreshEntitlements(world, object['customer']);
  }
  const copies = 1 + readFaults(world).webhooks.duplicate;
  for (const endpoint of world.store.all('webhook_endpoint')) {
    const wants = endpoint.enabled_events.some((name) => name === '*' || name === type);
    if (endpoint.status !== 'enabled' || !wants) continue;
    for (let copy = 0; copy < copies; copy += 1) queueDelivery(world, event, endpoint.id);
  }
};

/** Queues one delivery as the faults say: to be sent, held or dropped. */
export const queueDelivery = (world: World, event: StripeEvent, endpoint: string): Delivery => {
  const { mode, delay_ms } = readFaults(world).webhooks;
  const now = world.machineNow();
  const id = newId('whd');
  world.woken.deliveries.push(id);
  return world.store.put('delivery', {
    id,
    object: 'delivery',
    event_id: event.id,
    endpoint,
    type: event.type,
    status: mode === 'hold' ? 'held' : mode === 'drop' ? 'dropped' : 'pending',
    attempts: 0,
    last_status: null,
    next_at: now + delay_ms,
    first_at: now,
  });
};

/** The test clock an object lives on: its own, or its customer's. */
const clockOf = (world: World, object: Wire): string | null => {
  if (object['object'] === 'test_helpers.test_clock') return object['id'] as string;
  if (typeof object['test_clock'] === 'string') return object['test_clock'];
  const id = object['object'] === 'customer' ? object['id'] : object['customer'];
  if (typeof id !== 'string') return null;
  return world.store.get('customer', id)?.test_clock ?? null;
};

/** The former values of what changed; inside plain objects only the keys that did. */
export const difference = (before: Wire, after: Wire): Wire => {
  const previous: Wire = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = before[key];
    const is = after[key];
    if (isEqual(was, is)) continue;
    previous[key] = isPlain(was) && isPlain(is) ? difference(was, is) : (was ?? null);
  }
  return previous;
};

const isPlain = (value: unknown): value is Wire =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isEqual = (a: unknown, b: unknown): boolean =>
  a === b ||
  (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
