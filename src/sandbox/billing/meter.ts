// Meters and their events: usage comes in once per identifier and is counted when an invoice asks
// (https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api).
import { randomUUID } from 'node:crypto';
import { invalid, missingParam } from '../api/error.ts';
import { emit } from '../delivery/event.ts';
import { render } from '../shape/render.ts';
import type { Meter, MeterEvent } from '../store/entity-meter.ts';
import { nowOn, type World } from '../world.ts';
import { days } from './period.ts';
import { aggregate } from './usage.ts';

const pastDays = 35;
const futureSeconds = 300;

export const meterByEvent = (world: World, name: string): Meter | null => {
  for (const meter of world.store.all('billing.meter')) {
    if (meter.event_name === name && meter.status === 'active') return meter;
  }
  return null;
};

export type EventAsked = {
  event_name: string;
  payload: Record<string, string>;
  identifier: string | null;
  timestamp: number | null;
};

/** Keeps an event, or says why Stripe would not. */
export const recordUsage = (world: World, asked: EventAsked): MeterEvent => {
  const meter = meterByEvent(world, asked.event_name);
  if (meter === null) {
    throw invalid(`No active meter found for event name ${asked.event_name}`, {
      param: 'event_name',
    });
  }
  const { event_payload_key: customerKey } = meter.customer_mapping;
  const customer = world.store.get('customer', asked.payload[customerKey] ?? '');
  if (customer === undefined || customer._deleted) {
    throw missingParam('customer', asked.payload[customerKey] ?? '', `payload[${customerKey}]`);
  }
  const now = nowOn(world, customer.test_clock);
  const timestamp = asked.timestamp ?? now;
  refuseTime(timestamp, now);
  const identifier = asked.identifier ?? randomUUID();
  const id = `${asked.event_name} ${identifier}`;
  if (world.store.get('billing.meter_event', id) !== undefined) {
    throw invalid(`An event already exists with identifier ${identifier}.`, {
      param: 'identifier',
      code: 'resource_already_exists',
    });
  }
  return world.store.put('billing.meter_event', {
    id,
    object: 'billing.meter_event',
    created: now,
    event_name: asked.event_name,
    identifier,
    livemode: false,
    payload: asked.payload,
    timestamp,
    _customer: customer.id,
    _value: valueOf(meter, asked.payload),
    _canceled: false,
  });
};

const refuseTime = (timestamp: number, now: number): void => {
  if (timestamp < now - days(pastDays)) {
    throw invalid(`The timestamp must be within the past ${pastDays} days.`, {
      param: 'timestamp',
    });
  }
  if (timestamp > now + futureSeconds) {
    throw invalid('The timestamp must not be more than 5 minutes in the future.', {
      param: 'timestamp',
    });
  }
};

const valueOf = (meter: Meter, payload: Record<string, string>): number => {
  const { event_payload_key: key } = meter.value_settings;
  const text = payload[key];
  if (text === undefined && meter.default_aggregation.formula === 'count') return 1;
  if (text !== undefined && /^-?\d{1,15}(\.\d{1,12})?$/.test(text)) return Number(text);
  throw invalid(`Invalid payload: \`${key}\` must be a number.`, { param: `payload[${key}]` });
};

/** Takes back an event of the last day; it counts no more. */
export const cancelUsage = (world: World, name: string, identifier: string): void => {
  const event = world.store.get('billing.meter_event', `${name} ${identifier}`);
  if (event === undefined || event._canceled) {
    throw invalid(`No event to cancel with identifier ${identifier}.`, {
      param: 'cancel[identifier]',
      code: 'resource_missing',
    });
  }
  const now = nowOn(world, world.store.need('customer', event._customer).test_clock);
  if (event.created < now - days(1)) {
    throw invalid('You can only cancel events received within the last 24 hours.', {
      param: 'cancel[identifier]',
    });
  }
  world.store.update('billing.meter_event', event.id, { _canceled: true });
};

/** Changes whether a meter counts, and announces it. */
export const switchMeter = (world: World, meter: Meter, status: Meter['status']): Meter => {
  if (meter.status === status) {
    throw invalid(`The meter is already ${status}.`, { code: 'status_transition_invalid' });
  }
  if (status === 'active' && meterByEvent(world, meter.event_name) !== null) {
    throw invalid(`Another active meter already counts ${meter.event_name}.`, {
      code: 'resource_already_exists',
    });
  }
  const now = nowOn(world, null);
  const switched = world.store.update('billing.meter', meter.id, {
    status,
    status_transitions: { deactivated_at: status === 'inactive' ? now : null },
    updated: now,
  });
  const verb = status === 'active' ? 'reactivated' : 'deactivated';
  emit(world, `billing.meter.${verb}`, render(world, switched));
  return switched;
};

export type Summary = { start: number; end: number; value: number };

/** Usage in the whole span, or in each hour or day of it that has any. */
export const summaries = (
  world: World,
  meter: Meter,
  about: { customer: string; start: number; end: number; window: number | null },
): Summary[] => {
  const { customer, start, end, window } = about;
  if (window === null) {
    return [{ start, end, value: aggregate(world, meter, customer, start, end) }];
  }
  const made: Summary[] = [];
  for (let from = start; from < end && made.length < windowsMax; from += window) {
    const value = aggregate(world, meter, customer, from, from + window);
    if (value !== 0) made.unshift({ start: from, end: from + window, value });
  }
  return made;
};

const windowsMax = 10_000;
