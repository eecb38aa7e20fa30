// Metered prices: what a meter counted for a customer in a period
// (https://docs.stripe.com/billing/subscriptions/usage-based). Charges nothing.
import type { Price } from '../store/entity-catalog.ts';
import type { Meter, MeterEvent } from '../store/entity-meter.ts';
import type { World } from '../world.ts';

export const isMetered = (price: Price): boolean => price.recurring?.usage_type === 'metered';

/** The usage that a price's meter counted from `start` until before `end`. */
export const usageBetween = (
  world: World,
  customer: string,
  price: Price,
  { start, end }: { start: number; end: number },
): number => {
  const meter = world.store.get('billing.meter', price.recurring?.meter ?? '');
  return meter === undefined ? 0 : aggregate(world, meter, customer, start, end);
};

/** What the meter makes of a customer's events from `start` until before `end`. */
export const aggregate = (
  world: World,
  meter: Meter,
  customer: string,
  start: number,
  end: number,
): number => {
  const values: MeterEvent[] = [];
  for (const event of world.store.all('billing.meter_event')) {
    if (event.event_name !== meter.event_name || event._customer !== customer) continue;
    if (event.timestamp >= start && event.timestamp < end && !event._canceled) values.push(event);
  }
  switch (meter.default_aggregation.formula) {
    case 'count':
      return values.length;
    case 'last':
      return values.reduce<MeterEvent | null>(later, null)?._value ?? 0;
    case 'sum':
      return tidy(values.reduce((total, event) => total + event._value, 0));
  }
};

const later = (a: MeterEvent | null, b: MeterEvent): MeterEvent =>
  a === null || b.timestamp >= a.timestamp ? b : a;

/** Sums of decimals without the dust of binary fractions. */
const tidy = (value: number): number => Number(value.toFixed(12));
