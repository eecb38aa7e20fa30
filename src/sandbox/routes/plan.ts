// /v1/plans (https://docs.stripe.com/api/plans): recurring prices by their older name.
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  count,
  created,
  currency,
  decimal,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { createPrice, schemeParams } from '../billing/price.ts';
import { difference, emit } from '../delivery/event.ts';
import { showPlan } from '../shape/catalog.ts';
import type { Price } from '../store/entity-catalog.ts';
import type { World } from '../world.ts';
import { productFor } from '../billing/product.ts';

const url = '/v1/plans';
const { transform_quantity: transformUsage, ...schemes } = schemeParams;
const createParams = z.strictObject({
  ...schemes,
  active: bool.optional(),
  amount: count.optional(),
  amount_decimal: decimal.optional(),
  currency,
  id: text.optional(),
  interval: z.enum(['day', 'week', 'month', 'year']),
  interval_count: int.refine((n) => n >= 1 && n <= 1095, 'Invalid interval count').optional(),
  metadata: metadata.optional(),
  meter: text.optional(),
  nickname: text.optional(),
  product: z.union([
    text,
    z.strictObject({
      active: bool.optional(),
      id: text.optional(),
      metadata: metadata.optional(),
      name: text,
      unit_label: text.optional(),
    }),
  ]),
  transform_usage: transformUsage,
  usage_type: z.enum(['licensed', 'metered']).optional(),
});
const updateParams = z.strictObject({
  active: bool.optional(),
  metadata: metadata.optional(),
  nickname: text.optional(),
});
const listParams = z.strictObject({
  ...paging,
  active: bool.optional(),
  created,
  product: text.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): Price => {
  const { product } = asked;
  if (asked.id !== undefined && world.store.get('price', asked.id) !== undefined) {
    throw invalid('Plan already exists.', { param: 'id', code: 'resource_already_exists' });
  }
  const plan = createPrice(world, {
    ...asked,
    product: typeof product === 'string' ? product : productFor(world, product),
    unit_amount: asked.amount,
    unit_amount_decimal: asked.amount_decimal,
    recurring: {
      interval: asked.interval,
      interval_count: asked.interval_count,
      meter: asked.meter,
      usage_type: asked.usage_type,
    },
    transform_quantity: asked.transform_usage,
    isPlan: true,
  });
  emit(world, 'plan.created', showPlan(plan));
  return plan;
};

const findPlan = (world: World, id: string | undefined): Price => {
  const plan = find(world, 'price', id);
  if (plan.recurring === null) throw missing('plan', id ?? '', 'plan');
  return plan;
};

const update = (world: World, plan: Price, asked: z.output<typeof updateParams>): Price => {
  const updated = world.store.update('price', plan.id, {
    metadata: mergeMetadata(plan.metadata, asked.metadata),
    ...(asked.active === undefined ? {} : { active: asked.active }),
    ...(asked.nickname === undefined ? {} : { nickname: asked.nickname }),
  });
  emit(world, 'plan.updated', showPlan(updated), difference(showPlan(plan), showPlan(updated)));
  return updated;
};

/** Subscriptions that have the plan keep it; nobody else can have it any more. */
const remove = (world: World, plan: Price): void => {
  for (const { items, status } of world.store.all('subscription')) {
    if (status === 'canceled' || status === 'incomplete_expired') continue;
    if (!items.some((item) => item.price === plan.id)) continue;
    throw invalid('This plan cannot be deleted because subscriptions still have it.');
  }
  world.store.update('price', plan.id, { active: false });
  emit(world, 'plan.deleted', showPlan(plan));
};

export const planEndpoints: Endpoint[] = [
  endpoint('POST', url, createParams, ({ world, params }) => ({
    raw: showPlan(create(world, params)),
  })),
  endpoint('GET', url, listParams, ({ world, params }) => {
    const paged = page(
      world,
      'price',
      url,
      params,
      (row) =>
        row.recurring !== null &&
        row.active === (params.active ?? row.active) &&
        row.product === (params.product ?? row.product) &&
        isWithin(row.created, params.created),
    );
    const data = (paged.list as Price[]).map(showPlan);
    return { raw: { object: 'list', data, has_more: paged.hasMore, url } };
  }),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) => ({
    raw: showPlan(findPlan(world, ids['id'])),
  })),
  endpoint('POST', `${url}/:id`, updateParams, ({ world, params, ids }) => ({
    raw: showPlan(update(world, findPlan(world, ids['id']), params)),
  })),
  endpoint('DELETE', `${url}/:id`, z.strictObject({}), ({ world, ids }) => {
    const plan = findPlan(world, ids['id']);
    remove(world, plan);
    return { raw: { id: plan.id, object: 'plan', deleted: true } };
  }),
];
