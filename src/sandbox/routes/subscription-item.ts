// /v1/subscription_items (https://docs.stripe.com/api/subscription_items). Each change is a change of
// the subscription, so that proration and payment behave as there.
import { z } from 'zod';
import { endpoint, find, type Endpoint, type Raw } from '../api/endpoint.ts';
import { missing } from '../api/error.ts';
import { bool, clearable, count, metadata, paging, text, timestamp } from '../api/params.ts';
import { discountsAsked } from '../billing/discount.ts';
import { recurringData } from '../billing/price-inline.ts';
import { updateSubscription, type UpdateAsked } from '../billing/subscription-update.ts';
import { showItem } from '../shape/subscription.ts';
import type { Wire } from '../shape/wire.ts';
import type { Subscription, SubscriptionItem } from '../store/entity-subscription.ts';
import type { World } from '../world.ts';
import { proration } from './subscription-params.ts';

const url = '/v1/subscription_items';

const list = (world: World, id: string, limit: number, after: string | undefined): Raw => {
  const { items } = find(world, 'subscription', id, 'subscription');
  const start = after === undefined ? 0 : items.findIndex((item) => item.id === after) + 1;
  const shown = items.slice(start, start + limit);
  return {
    raw: {
      object: 'list',
      data: shown.map((item) => showItem(world, item)),
      has_more: start + shown.length < items.length,
      url,
    },
  };
};

const how = {
  payment_behavior: z
    .enum([
      'allow_incomplete',
      'default_incomplete',
      'error_if_incomplete',
      'pending_if_incomplete',
    ])
    .optional(),
  proration_behavior: proration.optional(),
  proration_date: timestamp.optional(),
};
const what = {
  discounts: discountsAsked.optional(),
  metadata: metadata.optional(),
  price: text.optional(),
  price_data: recurringData.optional(),
  quantity: count.optional(),
  tax_rates: clearable(z.array(text).max(20)).optional(),
};
const createParams = z.strictObject({ ...how, ...what, subscription: text });
const updateParams = z.strictObject({ ...how, ...what, off_session: bool.optional() });
const deleteParams = z.strictObject({ ...how, clear_usage: bool.optional() });

type How = Pick<UpdateAsked, keyof typeof how>;

/** How the change is paid for, apart from what changes. */
const split = <P extends How>(asked: P): { how: How; ask: Omit<P, keyof How> } => {
  const { payment_behavior, proration_behavior, proration_date, ...ask } = asked;
  return { how: { payment_behavior, proration_behavior, proration_date }, ask };
};

const create = (world: World, asked: z.output<typeof createParams>): Wire => {
  const { subscription: id, ...rest } = asked;
  const before = find(world, 'subscription', id, 'subscription');
  const { how: manner, ask } = split(rest);
  const after = updateSubscription(world, before, { ...manner, items: [ask] });
  const added = after.items.find((item) => !before.items.some((old) => old.id === item.id));
  const waiting = after._pending?.items.at(-1);
  return showItem(world, added ?? waiting ?? after.items.at(-1)!);
};

const findItem = (
  world: World,
  id: string | undefined,
): { item: SubscriptionItem; subscription: Subscription } => {
  for (const subscription of world.store.all('subscription')) {
    const item = subscription.items.find((one) => one.id === id);
    if (item !== undefined) return { item, subscription };
  }
  throw missing('subscription_item', id ?? '', 'item');
};

export const subscriptionItemEndpoints: Endpoint[] = [
  endpoint('GET', url, z.strictObject({ ...paging, subscription: text }), ({ world, params }) =>
    list(world, params.subscription, params.limit ?? 10, params.starting_after),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) => {
    const { item } = findItem(world, ids['id']);
    return { raw: showItem(world, item) };
  }),
  endpoint('POST', url, createParams, ({ world, params }) => ({ raw: create(world, params) })),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => {
    const { item, subscription } = findItem(world, ids['id']);
    const { how, ask } = split(params);
    const after = updateSubscription(world, subscription, {
      ...how,
      items: [{ id: item.id, ...ask }],
    });
    const changed = after.items.find((one) => one.id === item.id) ?? item;
    return { raw: showItem(world, changed) };
  }),
  endpoint('DELETE', `${url}/:id`, deleteParams, ({ world, params, ids }) => {
    const { item, subscription } = findItem(world, ids['id']);
    updateSubscription(world, subscription, {
      ...split(params).how,
      items: [{ id: item.id, deleted: true }],
    });
    return { raw: { id: item.id, object: 'subscription_item', deleted: true } };
  }),
];
