// How Stripe shows products, prices (and the legacy plan inside items), coupons and promotion codes.
import type { Coupon, Discount, Price, Product, PromotionCode } from '../store/entity-catalog.ts';
import { publicPart, type Wire } from './wire.ts';

export const showProduct = (product: Product): Wire =>
  product._deleted
    ? { id: product.id, object: 'product', deleted: true }
    : {
        description: null,
        images: [],
        marketing_features: [],
        package_dimensions: null,
        shippable: null,
        statement_descriptor: null,
        tax_code: null,
        tax_details: null,
        type: 'service',
        unit_label: null,
        url: null,
        ...publicPart(product),
      };

export const showPrice = (price: Price): Wire => ({
  ...publicPart(price),
  billing_scheme: price.billing_scheme ?? 'per_unit',
  custom_unit_amount: null,
  recurring:
    price.recurring === null
      ? null
      : { meter: null, trial_period_days: null, usage_type: 'licensed', ...price.recurring },
  tax_behavior: price.tax_behavior ?? 'unspecified',
  tiers_mode: price.tiers_mode ?? null,
  transform_quantity: price.transform_quantity ?? null,
});

/** What a price costs, in its own currency and in every other it has. */
export const showOptions = (price: Price): Wire => {
  const { currency, unit_amount, unit_amount_decimal, tax_behavior = 'unspecified' } = price;
  const own = { unit_amount, unit_amount_decimal, tax_behavior };
  return Object.fromEntries(
    Object.entries({ [currency]: own, ...price._currency_options }).map(([key, option]) => [
      key,
      { custom_unit_amount: null, ...option },
    ]),
  );
};

/** The plan of old API versions, still inside each subscription item. */
export const showPlan = (price: Price): Wire => ({
  id: price.id,
  object: 'plan',
  active: price.active,
  amount: price.unit_amount,
  amount_decimal: price.unit_amount_decimal,
  billing_scheme: price.billing_scheme ?? 'per_unit',
  created: price.created,
  currency: price.currency,
  interval: price.recurring?.interval ?? 'month',
  interval_count: price.recurring?.interval_count ?? 1,
  livemode: false,
  metadata: price.metadata,
  meter: price.recurring?.meter ?? null,
  nickname: price.nickname,
  product: price.product,
  tiers_mode: price.tiers_mode ?? null,
  transform_usage: price.transform_quantity ?? null,
  trial_period_days: null,
  usage_type: price.recurring?.usage_type ?? 'licensed',
});

export const showCoupon = (coupon: Coupon): Wire =>
  coupon._deleted
    ? { id: coupon.id, object: 'coupon', deleted: true }
    : { name: null, ...publicPart(coupon) };

export const showPromotionCode = (code: PromotionCode): Wire => ({
  customer_account: null,
  restrictions: {
    first_time_transaction: false,
    minimum_amount: null,
    minimum_amount_currency: null,
  },
  ...publicPart(code),
});

export const showDiscount = (discount: Discount): Wire => ({
  customer_account: null,
  invoice_item: null,
  subscription_item: null,
  ...publicPart(discount),
});
