// /v1/coupons and /v1/promotion_codes (https://docs.stripe.com/api/coupons).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid, missing, missingParam } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  count,
  created,
  currency,
  int,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
  timestamp,
} from '../api/params.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { Coupon, PromotionCode } from '../store/entity-catalog.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';

const percentOff = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,4})?$/, 'Invalid decimal')
  .transform(Number)
  .refine((n) => n > 0 && n <= 100, 'must be greater than 0 and at most 100');

const couponParams = z.strictObject({
  amount_off: int.refine((n) => n > 0, 'Invalid positive integer').optional(),
  currency: currency.optional(),
  duration: z.enum(['forever', 'once', 'repeating']).optional(),
  duration_in_months: int.optional(),
  id: text.optional(),
  max_redemptions: int.optional(),
  metadata: metadata.optional(),
  name: text.optional(),
  percent_off: percentOff.optional(),
  redeem_by: timestamp.optional(),
});

const codeParams = z.strictObject({
  /** Of older API versions: `coupon` in the place of `promotion`. */
  coupon: text.optional(),
  promotion: z.strictObject({ type: z.literal('coupon'), coupon: text }).optional(),
  active: bool.optional(),
  code: text.optional(),
  customer: text.optional(),
  expires_at: timestamp.optional(),
  max_redemptions: count.optional(),
  metadata: metadata.optional(),
});
const codeList = z.strictObject({
  ...paging,
  active: bool.optional(),
  code: text.optional(),
  coupon: text.optional(),
  created,
  customer: text.optional(),
});

const createCoupon = (world: World, params: z.output<typeof couponParams>): Coupon => {
  const id = params.id ?? randomText(8);
  if (world.store.get('coupon', id) !== undefined) {
    throw invalid('Coupon already exists.', { param: 'id', code: 'resource_already_exists' });
  }
  if ((params.percent_off === undefined) === (params.amount_off === undefined)) {
    throw invalid('Must provide exactly one of percent_off and amount_off.', {
      code: 'parameter_missing',
    });
  }
  if (params.amount_off !== undefined && params.currency === undefined) {
    throw invalid('Missing required param: currency.', {
      param: 'currency',
      code: 'parameter_missing',
    });
  }
  const duration = params.duration ?? 'once';
  if ((duration === 'repeating') !== (params.duration_in_months !== undefined)) {
    throw invalid('duration_in_months is required exactly when duration is repeating.', {
      param: 'duration_in_months',
    });
  }
  return add(
    world,
    'coupon',
    {
      id,
      object: 'coupon',
      amount_off: params.amount_off ?? null,
      created: nowOn(world, null),
      currency: params.currency ?? null,
      duration,
      duration_in_months: params.duration_in_months ?? null,
      livemode: false,
      max_redemptions: params.max_redemptions ?? null,
      metadata: mergeMetadata({}, params.metadata),
      ...{ name: params.name ?? null },
      percent_off: params.percent_off ?? null,
      redeem_by: params.redeem_by ?? null,
      times_redeemed: 0,
      valid: true,
      _deleted: false,
    },
    'coupon.created',
  );
};

const findCoupon = (world: World, id: string | undefined): Coupon => {
  const coupon = find(world, 'coupon', id);
  if (coupon._deleted) throw missing('coupon', coupon.id);
  return coupon;
};

const createCode = (world: World, params: z.output<typeof codeParams>): PromotionCode => {
  const id = params.promotion?.coupon ?? params.coupon;
  if (id === undefined) {
    throw invalid('Missing required param: promotion.', {
      param: 'promotion',
      code: 'parameter_missing',
    });
  }
  const coupon = world.store.get('coupon', id);
  if (coupon === undefined || coupon._deleted)
    throw missingParam('coupon', id, 'promotion[coupon]');
  const code = params.code ?? randomText(8).toUpperCase();
  const isTaken = [...world.store.all('promotion_code')].some(
    (row) => row.active && row.code === code,
  );
  if (isTaken)
    throw invalid('An active promotion code with this code already exists.', {
      param: 'code',
      code: 'resource_already_exists',
    });
  if (params.customer !== undefined) find(world, 'customer', params.customer, 'customer');
  return add(
    world,
    'promotion_code',
    {
      id: newId('promo'),
      object: 'promotion_code',
      active: params.active ?? true,
      code,
      created: nowOn(world, null),
      customer: params.customer ?? null,
      expires_at: params.expires_at ?? null,
      livemode: false,
      max_redemptions: params.max_redemptions ?? null,
      metadata: mergeMetadata({}, params.metadata),
      promotion: { coupon: coupon.id, type: 'coupon' },
      times_redeemed: 0,
    },
    'promotion_code.created',
  );
};

export const couponEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/coupons', couponParams, ({ world, params }) => createCoupon(world, params)),
  endpoint('GET', '/v1/coupons', z.strictObject({ ...paging, created }), ({ world, params }) =>
    page(
      world,
      'coupon',
      '/v1/coupons',
      params,
      (row) => !row._deleted && isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/coupons/:id', z.strictObject({}), ({ world, ids }) =>
    findCoupon(world, ids['id']),
  ),
  endpoint(
    'POST',
    '/v1/coupons/:id',
    z.strictObject({ metadata: metadata.optional(), name: text.optional() }),
    ({ world, params, ids }) => {
      const coupon = findCoupon(world, ids['id']);
      const patch = {
        metadata: mergeMetadata(coupon.metadata, params.metadata),
        ...(params.name === undefined ? {} : { name: params.name }),
      };
      return change(world, 'coupon', coupon.id, patch, 'coupon.updated');
    },
  ),
  endpoint('DELETE', '/v1/coupons/:id', z.strictObject({}), ({ world, ids }) => {
    const coupon = findCoupon(world, ids['id']);
    announce(world, 'coupon.deleted', coupon);
    return world.store.update('coupon', coupon.id, { _deleted: true });
  }),
  endpoint('POST', '/v1/promotion_codes', codeParams, ({ world, params }) =>
    createCode(world, params),
  ),
  endpoint('GET', '/v1/promotion_codes', codeList, ({ world, params }) =>
    page(
      world,
      'promotion_code',
      '/v1/promotion_codes',
      params,
      (row) =>
        (params.active === undefined || row.active === params.active) &&
        (params.code === undefined || row.code.toLowerCase() === params.code.toLowerCase()) &&
        (params.coupon === undefined || row.promotion.coupon === params.coupon) &&
        (params.customer === undefined || row.customer === params.customer) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/promotion_codes/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'promotion_code', ids['id']),
  ),
  endpoint(
    'POST',
    '/v1/promotion_codes/:id',
    z.strictObject({ active: bool.optional(), metadata: metadata.optional() }),
    ({ world, params, ids }) => {
      const code = find(world, 'promotion_code', ids['id']);
      const patch = {
        metadata: mergeMetadata(code.metadata, params.metadata),
        ...(params.active === undefined ? {} : { active: params.active }),
      };
      return change(world, 'promotion_code', code.id, patch, 'promotion_code.updated');
    },
  ),
];
