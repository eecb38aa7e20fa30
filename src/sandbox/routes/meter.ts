// /v1/billing/meters, their events and summaries (https://docs.stripe.com/api/billing/meter).
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint, type Raw } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { clearable, paging, text, timestamp } from '../api/params.ts';
import { page } from '../api/list.ts';
import {
  cancelUsage,
  meterByEvent,
  recordUsage,
  summaries,
  switchMeter,
} from '../billing/meter.ts';
import { hourSeconds } from '../billing/period.ts';
import { add, change } from '../delivery/event.ts';
import type { Meter } from '../store/entity-meter.ts';
import { newId, nowOn, type World } from '../world.ts';

const url = '/v1/billing/meters';
const table = 'billing.meter';
const none = z.strictObject({});
const key = z.string().min(1).max(100);
const createParams = z.strictObject({
  customer_mapping: z.strictObject({ event_payload_key: key, type: z.literal('by_id') }).optional(),
  default_aggregation: z.strictObject({ formula: z.enum(['count', 'last', 'sum']) }),
  display_name: z.string().min(1).max(250),
  event_name: key,
  event_time_window: z.enum(['day', 'hour']).optional(),
  value_settings: z.strictObject({ event_payload_key: key }).optional(),
});
const listParams = z.strictObject({
  ...paging,
  status: z.enum(['active', 'inactive']).optional(),
});
const summaryParams = z.strictObject({
  ...paging,
  customer: text,
  end_time: timestamp,
  start_time: timestamp,
  value_grouping_window: z.enum(['day', 'hour']).optional(),
});
/** Stripe reads the payload's values as text whatever they look like. */
export const payload = z.record(z.string().max(100), z.string().max(500));
const eventParams = z.strictObject({
  event_name: key,
  identifier: z.string().max(100).optional(),
  payload,
  timestamp: timestamp.optional(),
});
const adjustmentParams = z.strictObject({
  cancel: z.strictObject({ identifier: z.string().min(1).max(100) }).optional(),
  event_name: key,
  type: z.literal('cancel'),
});

const create = (world: World, asked: z.output<typeof createParams>): Meter => {
  if (meterByEvent(world, asked.event_name) !== null) {
    throw invalid(`An active meter with the event name \`${asked.event_name}\` already exists.`, {
      param: 'event_name',
      code: 'resource_already_exists',
    });
  }
  const now = nowOn(world, null);
  return add(
    world,
    table,
    {
      id: newId('mtr_test', 26),
      object: table,
      created: now,
      customer_mapping: asked.customer_mapping ?? {
        event_payload_key: 'stripe_customer_id',
        type: 'by_id',
      },
      default_aggregation: asked.default_aggregation,
      display_name: asked.display_name,
      event_name: asked.event_name,
      event_time_window: asked.event_time_window ?? null,
      livemode: false,
      status: 'active',
      status_transitions: { deactivated_at: null },
      updated: now,
      value_settings: asked.value_settings ?? { event_payload_key: 'value' },
    },
    'billing.meter.created',
  );
};

const windows = { hour: hourSeconds, day: 24 * hourSeconds };

const summaryList = (world: World, meter: Meter, asked: z.output<typeof summaryParams>): Raw => {
  const { id: customer } = findCustomer(world, asked.customer);
  const { start_time: start, end_time: end, value_grouping_window: window } = asked;
  const step = window === undefined ? 60 : windows[window];
  for (const [param, at] of [
    ['start_time', start],
    ['end_time', end],
  ] as const) {
    if (at % step === 0) continue;
    throw invalid(`\`${param}\` must align with ${window ?? 'minute'} boundaries.`, { param });
  }
  if (end <= start) {
    throw invalid('`end_time` must be after `start_time`.', { param: 'end_time' });
  }
  const all = summaries(world, meter, {
    customer,
    start,
    end,
    window: window === undefined ? null : windows[window],
  }).map((summary) => ({
    id: `mtrusg_${meter.id.slice(-12)}${summary.start}${summary.end}`,
    object: 'billing.meter_event_summary',
    aggregated_value: summary.value,
    end_time: summary.end,
    livemode: false,
    meter: meter.id,
    start_time: summary.start,
  }));
  const after = asked.starting_after;
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const data = all.slice(from, from + (asked.limit ?? 10));
  return {
    raw: {
      object: 'list',
      data,
      has_more: from + data.length < all.length,
      url: `${url}/${meter.id}/event_summaries`,
    },
  };
};

export const meterEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(world, table, url, params, (row) => row.status === (params.status ?? row.status)),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) => find(world, table, ids['id'])),
  endpoint(
    'POST',
    `${url}/:id`,
    z.strictObject({ display_name: clearable(text).optional() }),
    ({ world, params, ids }) => {
      const meter = find(world, table, ids['id']);
      const patch = {
        display_name: params.display_name ?? meter.display_name,
        updated: nowOn(world, null),
      };
      return change(world, table, meter.id, patch, 'billing.meter.updated');
    },
  ),
  endpoint('POST', `${url}/:id/deactivate`, none, ({ world, ids }) =>
    switchMeter(world, find(world, table, ids['id']), 'inactive'),
  ),
  endpoint('POST', `${url}/:id/reactivate`, none, ({ world, ids }) =>
    switchMeter(world, find(world, table, ids['id']), 'active'),
  ),
  endpoint('GET', `${url}/:id/event_summaries`, summaryParams, ({ world, params, ids }) =>
    summaryList(world, find(world, table, ids['id']), params),
  ),
  endpoint('POST', '/v1/billing/meter_events', eventParams, ({ world, params }) =>
    recordUsage(world, {
      event_name: params.event_name,
      payload: params.payload,
      identifier: params.identifier ?? null,
      timestamp: params.timestamp ?? null,
    }),
  ),
  endpoint('POST', '/v1/billing/meter_event_adjustments', adjustmentParams, ({ world, params }) => {
    const identifier = params.cancel?.identifier;
    if (identifier === undefined) {
      throw invalid('Missing required param: cancel.', {
        param: 'cancel',
        code: 'parameter_missing',
      });
    }
    cancelUsage(world, params.event_name, identifier);
    return {
      raw: {
        object: 'billing.meter_event_adjustment',
        cancel: { identifier },
        event_name: params.event_name,
        livemode: false,
        status: 'pending',
        type: 'cancel',
      },
    };
  }),
];
