// /v1/subscription_schedules (https://docs.stripe.com/api/subscription_schedules), over a living
// subscription or ahead of one.
import { z } from 'zod';
import { endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  clearable,
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
import { discountsAsked } from '../billing/discount.ts';
import { phaseItems } from '../billing/once-item.ts';
import { recurringData } from '../billing/price-inline.ts';
import { attachedMethod } from '../billing/payment-method.ts';
import { createSchedule } from '../billing/schedule-begin.ts';
import { phasesOf } from '../billing/schedule-phase.ts';
import type { SubscriptionSchedule } from '../store/entity-session.ts';
import type { World } from '../world.ts';
import { proration } from './subscription-params.ts';

const when = z.union([z.literal('now'), timestamp]);
const phase = {
  items: z
    .array(
      z.strictObject({
        discounts: discountsAsked.optional(),
        metadata: metadata.optional(),
        price: text.optional(),
        price_data: recurringData.optional(),
        quantity: int.optional(),
        tax_rates: clearable(z.array(text).max(20)).optional(),
      }),
    )
    .min(1)
    .max(20),
  add_invoice_items: phaseItems.optional(),
  billing_cycle_anchor: z.enum(['automatic', 'phase_start']).optional(),
  default_tax_rates: clearable(z.array(text).max(20)).optional(),
  description: clearable(text).optional(),
  discounts: discountsAsked.optional(),
  trial: bool.optional(),
  end_date: when.optional(),
  duration: z
    .strictObject({
      interval: z.enum(['day', 'week', 'month', 'year']),
      interval_count: int.optional(),
    })
    .optional(),
  proration_behavior: proration.optional(),
  metadata: metadata.optional(),
};
/** `iterations` is a parameter of older API versions, which the CLI's scripts send. */
const firstPhase = z.strictObject({
  ...phase,
  trial_end: timestamp.optional(),
  iterations: int.refine((n) => n >= 1 && n <= 120, 'Invalid integer').optional(),
});
const laterPhase = z.strictObject({
  ...phase,
  start_date: when.optional(),
  trial_end: when.optional(),
});
const createParams = z.strictObject({
  customer: text.optional(),
  default_settings: z
    .strictObject({
      billing_cycle_anchor: z.enum(['automatic', 'phase_start']).optional(),
      collection_method: z.enum(['charge_automatically', 'send_invoice']).optional(),
      default_payment_method: text.optional(),
      invoice_settings: z.strictObject({ days_until_due: int.optional() }).optional(),
    })
    .optional(),
  end_behavior: z.enum(['release', 'cancel']).optional(),
  from_subscription: text.optional(),
  metadata: metadata.optional(),
  phases: z.array(firstPhase).min(1).max(10).optional(),
  start_date: when.optional(),
});
const updateParams = z.strictObject({
  end_behavior: z.enum(['release', 'cancel']).optional(),
  metadata: metadata.optional(),
  phases: z.array(laterPhase).min(1).max(10).optional(),
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

/** Over a living subscription, or ahead of one. */
const create = (world: World, asked: z.output<typeof createParams>): SubscriptionSchedule => {
  const meta = mergeMetadata({}, asked.metadata);
  if (asked.from_subscription !== undefined) {
    const extra = (['customer', 'phases', 'start_date'] as const).find(
      (key) => asked[key] !== undefined,
    );
    if (extra !== undefined) {
      throw invalid(`You may not pass \`${extra}\` together with \`from_subscription\`.`, {
        param: extra,
        code: 'parameters_exclusive',
      });
    }
    const subscription = find(world, 'subscription', asked.from_subscription, 'from_subscription');
    return scheduleFrom(world, subscription, meta);
  }
  if (asked.customer === undefined || asked.phases === undefined) {
    const param = asked.customer === undefined ? 'customer' : 'phases';
    throw invalid(`Missing required param: ${param}.`, { param, code: 'parameter_missing' });
  }
  const customer = findCustomer(world, asked.customer);
  const settings = asked.default_settings ?? {};
  const method = settings.default_payment_method;
  return createSchedule(world, customer, {
    phases: asked.phases,
    start: asked.start_date ?? 'now',
    endBehavior: asked.end_behavior ?? 'release',
    metadata: meta,
    collection: settings.collection_method ?? 'charge_automatically',
    daysUntilDue: settings.invoice_settings?.days_until_due ?? null,
    method:
      method === undefined
        ? null
        : attachedMethod(world, customer, method, 'default_settings[default_payment_method]').id,
  });
};

export const scheduleEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => create(world, params)),
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
