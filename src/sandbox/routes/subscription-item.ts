// GET /v1/subscription_items: where the items inside a subscription are paged on. Changing them
// goes through the subscription.
import { z } from 'zod';
import { endpoint, find, type Endpoint, type Raw } from '../api/endpoint.ts';
import { missing } from '../api/error.ts';
import { paging, text } from '../api/params.ts';
import { showItem } from '../shape/subscription.ts';
import type { World } from '../world.ts';

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

export const subscriptionItemEndpoints: Endpoint[] = [
  endpoint('GET', url, z.strictObject({ ...paging, subscription: text }), ({ world, params }) =>
    list(world, params.subscription, params.limit ?? 10, params.starting_after),
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) => {
    for (const { items } of world.store.all('subscription')) {
      const item = items.find((one) => one.id === ids['id']);
      if (item !== undefined) return { raw: showItem(world, item) };
    }
    throw missing('subscription_item', ids['id'] ?? '', 'item');
  }),
];
