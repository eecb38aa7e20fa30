// /v2/billing: meter events one by one and by the stream (https://docs.stripe.com/api/v2/billing).
import { z } from 'zod';
import { endpoint, type Endpoint } from '../api/endpoint.ts';
import { StripeError } from '../api/error.ts';
import { cancelUsage, recordUsage } from '../billing/meter.ts';
import { asInstant, openMeterSession, streamPath } from '../billing/meter-session.ts';
import type { World } from '../world.ts';
import { payload } from './meter.ts';

const key = z.string().min(1).max(100);
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text) / 1000);
const event = z.strictObject({
  event_name: key,
  identifier: z.string().max(100).optional(),
  payload,
  timestamp: instant.optional(),
});
const eventsMax = 100;

const asked = (given: z.output<typeof event>) => ({
  event_name: given.event_name,
  payload: given.payload,
  identifier: given.identifier ?? null,
  timestamp: given.timestamp === undefined ? null : Math.floor(given.timestamp),
});

/** The stream answers before it looks: what cannot be counted is dropped, as at Stripe. */
const take = (world: World, given: z.output<typeof event>): void => {
  try {
    recordUsage(world, asked(given));
  } catch (error) {
    if (!(error instanceof StripeError)) throw error;
  }
};

export const meterV2Endpoints: Endpoint[] = [
  endpoint('POST', '/v2/billing/meter_events', event, ({ world, params }) => {
    const made = recordUsage(world, asked(params));
    return {
      raw: {
        object: 'v2.billing.meter_event',
        created: asInstant(made.created),
        event_name: made.event_name,
        identifier: made.identifier,
        livemode: false,
        payload: made.payload,
        timestamp: asInstant(made.timestamp),
      },
    };
  }),
  endpoint('POST', '/v2/billing/meter_event_session', z.strictObject({}), ({ world }) => ({
    raw: openMeterSession(world),
  })),
  endpoint(
    'POST',
    streamPath,
    z.strictObject({ events: z.array(event).min(1).max(eventsMax) }),
    ({ world, params }) => {
      for (const given of params.events) take(world, given);
      return { raw: {} };
    },
  ),
  endpoint(
    'POST',
    '/v2/billing/meter_event_adjustments',
    z.strictObject({
      cancel: z.strictObject({ identifier: key }),
      event_name: key,
      type: z.literal('cancel'),
    }),
    ({ world, params }) => {
      cancelUsage(world, params.event_name, params.cancel.identifier);
      return {
        raw: {
          id: `mtr_event_adj_test_${params.cancel.identifier}`.slice(0, 60),
          object: 'v2.billing.meter_event_adjustment',
          cancel: { identifier: params.cancel.identifier },
          created: new Date(world.machineNow()).toISOString(),
          event_name: params.event_name,
          livemode: false,
          status: 'pending',
          type: 'cancel',
        },
      };
    },
  ),
];
