// /v1/subscription_schedules (https://docs.stripe.com/api/subscription_schedules), made from a
// living subscription.
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import {
  bool,
  int,
  isWithin,
  created,
  mergeMetadata,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import {
  cancelSchedule,
  releaseSchedule,
  scheduleFrom,
  updateSchedule,
} from '../billing/schedule.ts';
import { phasesOf } from '../billing/schedule-phase.ts';
import { proration } from './subscription-params.ts';

const when = z.union([z.literal('now'), timestamp]);
const phase = z.strictObject({
  items: z
    .array(z.strictObject({ price: text, quantity: int.optional(), metadata: metadata.optional() }))
    .min(1)
    .max(20),
  start_date: when.optional(),
  end_date: when.optional(),
  duration: z
    .strictObject({
      interval: z.enum(['day', 'week', 'month', 'year']),
      interval_count: int.optional(),
    })
    .optional(),
  proration_behavior: proration.optional(),
  metadata: metadata.optional(),
});
const updateParams = z.strictObject({
  end_behavior: z.enum(['release', 'cancel']).optional(),
  metadata: metadata.optional(),
  phases: z.array(phase).min(1).max(10).optional(),
  proration_behavior: proration.optional(),
});
const listParams = z.strictObject({
  ...paging,
  created,
  customer: text.optional(),
  scheduled: bool.optional(),
});

const url = '/v1/subscription_schedules';
const table = 'subscription_schedule';
const none = z.strictObject({});

export const scheduleEndpoints: Endpoint[] = [
  endpoint(
    'POST',
    url,
    z.strictObject({ from_subscription: text, metadata: metadata.optional() }),
    ({ world, params }) =>
      scheduleFrom(
        world,
        find(world, 'subscription', params.from_subscription, 'from_subscription'),
        mergeMetadata({}, params.metadata),
      ),
  ),
  endpoint('GET', url, listParams, ({ world, params }) =>
    page(
      world,
      table,
      url,
      params,
      (row) =>
        row.customer === (params.customer ?? row.customer) &&
        (params.scheduled === undefined || (row.status === 'not_started') === params.scheduled) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', `${url}/:id`, none, ({ world, ids }) => find(world, table, ids['id'])),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => {
    const schedule = find(world, table, ids['id']);
    return updateSchedule(world, schedule, {
      ...(params.end_behavior === undefined ? {} : { end_behavior: params.end_behavior }),
      ...(params.phases === undefined ? {} : { phases: phasesOf(world, schedule, params.phases) }),
      metadata: mergeMetadata(schedule.metadata, params.metadata),
    });
  }),
  endpoint(
    'POST',
    `${url}/:id/release`,
    z.strictObject({ preserve_cancel_date: bool.optional() }),
    ({ world, ids }) => releaseSchedule(world, find(world, table, ids['id'])),
  ),
  endpoint(
    'POST',
    `${url}/:id/cancel`,
    z.strictObject({ invoice_now: bool.optional(), prorate: bool.optional() }),
    ({ world, ids }) => cancelSchedule(world, find(world, table, ids['id'])),
  ),
];
