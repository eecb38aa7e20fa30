// Rows of what is sold: products, prices, and what takes something off them.
import type { Kept, Row } from './entity.ts';

export type Interval = 'day' | 'week' | 'month' | 'year';

export type Product = Kept<'product'> & {
  name: string;
  active: boolean;
  default_price: string | null;
  updated: number;
  _deleted: boolean;
};

export type Recurring = {
  interval: Interval;
  interval_count: number;
  /** Absent: licensed. */
  usage_type?: 'licensed' | 'metered';
  meter?: string | null;
};

export type Tier = {
  flat_amount: number | null;
  flat_amount_decimal: string | null;
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  /** The last unit of the tier; null for the tier without end. */
  up_to: number | null;
};
/** What a price costs in another currency. */
export type CurrencyOption = {
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  tiers?: Tier[];
};
export type Price = Kept<'price'> & {
  active: boolean;
  currency: string;
  product: string;
  nickname: string | null;
  lookup_key: string | null;
  recurring: Recurring | null;
  type: 'one_time' | 'recurring';
  unit_amount: number | null;
  /** Null where tiers say what it costs. */
  unit_amount_decimal: string | null;
  billing_scheme?: 'per_unit' | 'tiered';
  tiers_mode?: 'graduated' | 'volume' | null;
  transform_quantity?: { divide_by: number; round: 'up' | 'down' } | null;
  tax_behavior?: 'exclusive' | 'inclusive' | 'unspecified';
  _tiers?: Tier[];
  _is_plan?: boolean;
  _currency_options?: Record<string, CurrencyOption>;
  /** The request that made it for its own use alone. */
  _inline?: string | null;
};

export type Coupon = Kept<'coupon'> & {
  amount_off: number | null;
  currency: string | null;
  duration: 'forever' | 'once' | 'repeating';
  duration_in_months: number | null;
  max_redemptions: number | null;
  percent_off: number | null;
  redeem_by: number | null;
  times_redeemed: number;
  valid: boolean;
  _deleted: boolean;
};

export type PromotionCode = Kept<'promotion_code'> & {
  active: boolean;
  code: string;
  customer: string | null;
  expires_at: number | null;
  max_redemptions: number | null;
  promotion: { coupon: string; type: 'coupon' };
  times_redeemed: number;
};

export type Discount = Row<'discount'> & {
  customer: string | null;
  end: number | null;
  start: number;
  invoice: string | null;
  promotion_code: string | null;
  checkout_session: string | null;
  source: { coupon: string; type: 'coupon' };
  subscription: string | null;
  subscription_item?: string;
  invoice_item?: string;
  _used: boolean;
};

export type TaxRate = Kept<'tax_rate'> & {
  active: boolean;
  country: string | null;
  description: string | null;
  display_name: string;
  inclusive: boolean;
  jurisdiction: string | null;
  percentage: number;
  state: string | null;
  tax_type: string | null;
};
