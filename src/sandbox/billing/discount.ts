// Coupons and promotion codes on a subscription: which discounts hold at an instant and what they
// take off each line (https://docs.stripe.com/billing/subscriptions/coupons).
import { z } from 'zod';
import { invalid, missingParam } from '../api/error.ts';
import { clearable, text } from '../api/params.ts';
import { add, change } from '../delivery/event.ts';
import type { Coupon, Discount, PromotionCode } from '../store/entity-catalog.ts';
import type { DiscountPart, Invoice } from '../store/entity-invoice.ts';
import { newId, type World } from '../world.ts';
import { percent } from './money.ts';
import { boundary } from './period.ts';

const asked = z.strictObject({
  coupon: text.optional(),
  promotion_code: text.optional(),
  discount: text.optional(),
});
export type DiscountAsked = z.output<typeof asked>;
export const discountsAsked = clearable(z.array(asked).max(20));

type Holder = {
  customer: string;
  subscription: string | null;
  checkout_session?: string | null;
  subscription_item?: string;
  invoice_item?: string;
};

/** Redeems what was asked for and answers the discounts' ids; an id of an existing one stays. */
export const redeem = (
  world: World,
  asked: DiscountAsked[],
  holder: Holder,
  now: number,
): string[] =>
  asked.map((one, i) => {
    if (one.discount !== undefined) {
      if (world.store.get('discount', one.discount) === undefined) {
        throw missingParam('discount', one.discount, `discounts[${i}][discount]`);
      }
      return one.discount;
    }
    const { coupon, code } = findCoupon(world, one, `discounts[${i}]`, holder.customer, now);
    if (code !== null)
      world.store.update('promotion_code', code.id, { times_redeemed: code.times_redeemed + 1 });
    const used = coupon.times_redeemed + 1;
    world.store.update('coupon', coupon.id, {
      times_redeemed: used,
      valid: coupon.max_redemptions === null || used < coupon.max_redemptions,
    });
    return add(
      world,
      'discount',
      newDiscount(coupon, code, holder, now),
      'customer.discount.created',
    ).id;
  });

const newDiscount = (
  coupon: Coupon,
  code: PromotionCode | null,
  holder: Holder,
  now: number,
): Discount => ({
  id: newId('di'),
  object: 'discount',
  checkout_session: holder.checkout_session ?? null,
  customer: holder.customer,
  end:
    coupon.duration === 'repeating'
      ? boundary(now, { interval: 'month', interval_count: 1 }, coupon.duration_in_months ?? 1)
      : null,
  invoice: null,
  promotion_code: code?.id ?? null,
  source: { coupon: coupon.id, type: 'coupon' },
  start: now,
  subscription: holder.subscription,
  ...(holder.subscription_item === undefined
    ? {}
    : { subscription_item: holder.subscription_item }),
  ...(holder.invoice_item === undefined ? {} : { invoice_item: holder.invoice_item }),
  _used: false,
});

/** The coupon behind a coupon id or a promotion code id, if it may be used now. */
export const findCoupon = (
  world: World,
  asked: DiscountAsked,
  param: string,
  customer: string | null,
  now: number,
): { coupon: Coupon; code: PromotionCode | null } => {
  const code =
    asked.promotion_code === undefined
      ? null
      : world.store.get('promotion_code', asked.promotion_code);
  if (code === undefined)
    throw missingParam('promotion code', asked.promotion_code ?? '', `${param}[promotion_code]`);
  if (code !== null && !isUsable(code, customer, now)) {
    throw invalid('This promotion code is expired or can not be redeemed by this customer.', {
      param,
    });
  }
  const couponId = code?.promotion.coupon ?? asked.coupon;
  if (couponId === undefined)
    throw invalid('You must provide a coupon, promotion_code or discount.', { param });
  const coupon = world.store.get('coupon', couponId);
  if (coupon === undefined || coupon._deleted)
    throw missingParam('coupon', couponId, `${param}[coupon]`);
  if (!coupon.valid || (coupon.redeem_by !== null && coupon.redeem_by <= now)) {
    throw invalid(`Coupon expired: ${coupon.id}`, { param, code: 'coupon_expired' });
  }
  return { coupon, code };
};

const isUsable = (code: PromotionCode, customer: string | null, now: number): boolean =>
  code.active &&
  (code.expires_at === null || code.expires_at > now) &&
  (code.max_redemptions === null || code.times_redeemed < code.max_redemptions) &&
  (code.customer === null || code.customer === customer);

/** The discounts of a subscription that still hold. */
export const holding = (world: World, ids: string[], now: number): Discount[] =>
  ids
    .map((id) => world.store.need('discount', id))
    .filter((discount) => !discount._used && (discount.end === null || discount.end > now));

/** What discounts can be taken off: lines, and what will become lines. */
export type Discountable = {
  amount: number;
  discountAmounts: DiscountPart[];
  proration?: boolean;
  discountable?: boolean;
  discounts?: string[];
};

/**
 * The lines with what each discount takes off them: those of a line alone first. An amount off is
 * spread over the lines by their amounts (https://docs.stripe.com/billing/subscriptions/prorations).
 */
export const applyDiscounts = <L extends Discountable>(
  world: World,
  lines: L[],
  discounts: Discount[],
): L[] => {
  const owned = lines.map((line) =>
    (line.discounts ?? []).reduce<L>(
      (rest, id) => takeOff(world, [rest], world.store.need('discount', id))[0]!,
      line,
    ),
  );
  return discounts.reduce<L[]>((rest, discount) => takeOff(world, rest, discount), owned);
};

const takeOff = <L extends Discountable>(world: World, lines: L[], discount: Discount): L[] => {
  const coupon = world.store.need('coupon', discount.source.coupon);
  const rests = lines.map(restOf);
  const total = rests.reduce((sum, rest) => sum + rest, 0);
  const off = Math.min(coupon.amount_off ?? 0, total);
  let sofar = 0;
  return lines.map((line, i) => {
    const rest = rests[i]!;
    if (rest === 0) return line;
    const before = spread(off, sofar, total);
    sofar += rest;
    const amount =
      coupon.percent_off === null
        ? spread(off, sofar, total) - before
        : percent(rest, coupon.percent_off);
    return {
      ...line,
      discountAmounts: [...line.discountAmounts, { amount, discount: discount.id }],
    };
  });
};

/** What of a line discounts may still take; nothing of prorations and credits. */
const restOf = (line: Discountable): number =>
  line.proration === true || line.discountable === false
    ? 0
    : Math.max(0, line.amount - line.discountAmounts.reduce((sum, part) => sum + part.amount, 0));

/** The part of an amount that falls to the first `part` of `whole`, rounded down. */
const spread = (amount: number, part: number, whole: number): number =>
  Number((BigInt(amount) * BigInt(part)) / BigInt(whole));

/** Coupons that hold once are spent by the first invoice that used them; ended ones leave. */
export const spend = (world: World, subscriptionId: string, now: number): void => {
  const subscription = world.store.need('subscription', subscriptionId);
  const spent = (ids: string[]): string[] => leftOf(world, ids, now);
  const discounts = spent(subscription.discounts);
  const items = subscription.items.map((item) =>
    item._discounts === undefined ? item : { ...item, _discounts: spent(item._discounts) },
  );
  const isSame = (a: string[] = [], b: string[] = []): boolean => a.length === b.length;
  if (
    isSame(discounts, subscription.discounts) &&
    items.every((item, i) => isSame(item._discounts, subscription.items[i]!._discounts))
  )
    return;
  change(
    world,
    'subscription',
    subscriptionId,
    { discounts, items },
    'customer.subscription.updated',
  );
};

/** Marks what holds once as used and answers what is left. */
const leftOf = (world: World, ids: string[], now: number): string[] => {
  for (const discount of holding(world, ids, now)) {
    const coupon = world.store.need('coupon', discount.source.coupon);
    if (coupon.duration === 'once')
      world.store.update('discount', discount.id, { _used: true, end: now });
  }
  return holding(world, ids, now).map((discount) => discount.id);
};

/** A discount of the customer that holds once is spent by the first invoice that has it. */
export const spendCustomers = (world: World, invoice: Invoice): void => {
  const { id, _discounts: ids } = world.store.need('customer', invoice.customer);
  for (const discountId of ids.filter((one) => invoice.discounts.includes(one))) {
    const discount = world.store.need('discount', discountId);
    const { duration } = world.store.need('coupon', discount.source.coupon);
    if (duration !== 'once') continue;
    const now = invoice.created;
    world.store.update('discount', discountId, { _used: true, end: now });
    world.store.update('customer', id, { _discounts: ids.filter((one) => one !== discountId) });
  }
};
