// /v1/subscriptions (https://docs.stripe.com/api/subscriptions).
import type { z } from 'zod';
import { z as zod } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import { isWithin, mergeMetadata } from '../api/params.ts';
import { migrate } from '../billing/migrate.ts';
import { attachedMethod } from '../billing/payment-method.ts';
import { days } from '../billing/period.ts';
import { createSubscription } from '../billing/subscription-create.ts';
import { pauseSubscription } from '../billing/subscription-end.ts';
import { cancelNow } from '../billing/subscription-cancel.ts';
import { resumeSubscription } from '../billing/subscription-resume.ts';
import { updateSubscription } from '../billing/subscription-update.ts';
import type { Subscription } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import * as params from './subscription-params.ts';

const create = (world: World, asked: z.output<typeof params.createParams>): Subscription => {
  const customer = findCustomer(world, asked.customer);
  const now = customerNow(world, customer);
  const behavior = asked.payment_behavior ?? 'allow_incomplete';
  if (behavior === 'pending_if_incomplete') {
    throw invalid('`pending_if_incomplete` can only be used when updating a subscription.', {
      param: 'payment_behavior',
    });
  }
  if (asked.trial_end !== undefined && asked.trial_period_days !== undefined) {
    throw invalid('You may only specify one of these parameters: trial_end, trial_period_days.', {
      code: 'parameters_exclusive',
    });
  }
  if (typeof asked.trial_end === 'number' && asked.trial_end <= now) {
    throw invalid('Invalid timestamp: must be an integer Unix timestamp in the future.', {
      param: 'trial_end',
    });
  }
  if (asked.collection_method === 'send_invoice' && asked.days_until_due === undefined) {
    throw invalid('Missing required param: days_until_due.', {
      param: 'days_until_due',
      code: 'parameter_missing',
    });
  }
  if (asked.backdate_start_date !== undefined && asked.backdate_start_date > now) {
    throw invalid('`backdate_start_date` must be in the past.', { param: 'backdate_start_date' });
  }
  const method = asked.default_payment_method;
  return createSubscription(world, {
    customer,
    items: asked.items,
    behavior,
    method:
      method === undefined
        ? null
        : attachedMethod(world, customer, method, 'default_payment_method'),
    collection: asked.collection_method ?? 'charge_automatically',
    daysUntilDue: asked.days_until_due ?? null,
    trialEnd: trialEndOf(asked, now),
    trialEndBehavior: asked.trial_settings?.end_behavior.missing_payment_method ?? 'create_invoice',
    anchor: asked.billing_cycle_anchor ?? null,
    since: asked.backdate_start_date,
    prorates: asked.proration_behavior !== 'none',
    cancelAt: asked.cancel_at ?? null,
    cancelAtPeriodEnd: asked.cancel_at_period_end ?? false,
    discounts: asked.discounts ?? [],
    metadata: mergeMetadata({}, asked.metadata),
    description: asked.description ?? null,
    billingMode: asked.billing_mode,
    currency: asked.currency,
    onceItems: asked.add_invoice_items,
    taxRates: asked.default_tax_rates ?? [],
  }).subscription;
};

const trialEndOf = (asked: z.output<typeof params.createParams>, now: number): number | null => {
  if (typeof asked.trial_end === 'number') return asked.trial_end;
  const length = asked.trial_period_days ?? 0;
  return length > 0 ? now + days(length) : null;
};

const matches =
  (asked: z.output<typeof params.listParams>) =>
  (row: Subscription): boolean => {
    const ended = row.status === 'canceled' || row.status === 'incomplete_expired';
    const wanted =
      asked.status === undefined
        ? row.status !== 'canceled'
        : asked.status === 'all' ||
          (asked.status === 'ended' ? ended : row.status === asked.status);
    const clock = asked.customer === undefined ? (asked.test_clock ?? null) : row.test_clock;
    return (
      wanted &&
      row.customer === (asked.customer ?? row.customer) &&
      row.test_clock === clock &&
      (asked.price === undefined || row.items.some((item) => item.price === asked.price)) &&
      row.collection_method === (asked.collection_method ?? row.collection_method) &&
      isWithin(row.created, asked.created)
    );
  };

const none = zod.strictObject({});

export const subscriptionEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/subscriptions', params.createParams, (call) =>
    create(call.world, call.params),
  ),
  endpoint('GET', '/v1/subscriptions', params.listParams, (call) => {
    if (call.params.customer !== undefined)
      find(call.world, 'customer', call.params.customer, 'customer');
    return page(call.world, 'subscription', '/v1/subscriptions', call.params, matches(call.params));
  }),
  endpoint('GET', '/v1/subscriptions/:id', none, ({ world, ids }) =>
    find(world, 'subscription', ids['id']),
  ),
  endpoint('POST', '/v1/subscriptions/:id', params.updateParams, (call) =>
    updateSubscription(call.world, find(call.world, 'subscription', call.ids['id']), call.params),
  ),
  endpoint('DELETE', '/v1/subscriptions/:id', params.cancelParams, (call) => {
    const subscription = find(call.world, 'subscription', call.ids['id']);
    if (subscription.status === 'canceled' || subscription.status === 'incomplete_expired') {
      throw missing('subscription', subscription.id);
    }
    return cancelNow(call.world, subscription, call.params);
  }),
  endpoint('POST', '/v1/subscriptions/:id/migrate', params.migrateParams, (call) =>
    migrate(call.world, find(call.world, 'subscription', call.ids['id']), call.params.billing_mode),
  ),
  endpoint('POST', '/v1/subscriptions/:id/resume', params.resumeParams, (call) =>
    resumeSubscription(call.world, find(call.world, 'subscription', call.ids['id']), call.params),
  ),
  endpoint(
    'POST',
    '/v1/subscriptions/:id/pause',
    zod.strictObject({ type: zod.enum(['subscription']).optional() }),
    (call) => {
      const subscription = find(call.world, 'subscription', call.ids['id']);
      if (!['active', 'trialing', 'past_due'].includes(subscription.status)) {
        throw invalid(`A subscription with status ${subscription.status} cannot be paused.`);
      }
      return pauseSubscription(call.world, subscription, 'pause_requested');
    },
  ),
];
