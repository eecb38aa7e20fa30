// Scenes for the hand-computed table: a customer with one subscription on a test clock of its own,
// and short words for what is done to it and what is then read. Computes nothing itself.
import type Stripe from 'stripe';
import { until, type Stand } from './stand.ts';

export type Setting = {
  card?: string | null;
  amount?: number;
  decimal?: string;
  currency?: string;
  interval?: 'day' | 'week' | 'month' | 'year';
  every?: number;
  quantity?: number;
  balance?: number;
  /** Instead of an amount: tiers, as volume or graduated. */
  tiers?: Pick<Stripe.PriceCreateParams, 'tiers' | 'tiers_mode'>;
  /** A tax rate that holds for the whole subscription. */
  tax?: { percentage: number; inclusive: boolean };
  /** A coupon, made for the scene. */
  coupons?: Stripe.CouponCreateParams[];
  /** What else the subscription is made with. */
  more?: Partial<Stripe.SubscriptionCreateParams>;
};

export const unix = (date: string): number =>
  Date.parse(date.length === 10 ? `${date}T00:00:00Z` : date) / 1000;
export const day = (at: number | null | undefined): string | null =>
  at == null ? null : new Date(at * 1000).toISOString().slice(0, 10);
export const second = (at: number): string => new Date(at * 1000).toISOString().slice(0, 19);

const stepDays = { day: 1, week: 13, month: 55, year: 700 };

export type Scene = Awaited<ReturnType<typeof openScene>>;

/** A subscription that begins at an instant. */
export const openScene = async ({ stripe }: Stand, begins: string, setting: Setting = {}) => {
  const { interval = 'month', every = 1, currency = 'usd' } = setting;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: unix(begins) });
  const card = setting.card === undefined ? 'pm_card_visa' : setting.card;
  const customer = await stripe.customers.create({
    test_clock: clock.id,
    ...(card === null
      ? {}
      : { payment_method: card, invoice_settings: { default_payment_method: card } }),
    ...(setting.balance === undefined ? {} : { balance: setting.balance }),
  });
  const priceOf = async (
    amount: number | string,
    recurring: Stripe.PriceCreateParams.Recurring = { interval, interval_count: every },
  ): Promise<string> => {
    const price = await stripe.prices.create({
      currency,
      recurring,
      product_data: { name: 'Pro' },
      ...(typeof amount === 'number'
        ? { unit_amount: amount }
        : { unit_amount_decimal: amount as never }),
    });
    return price.id;
  };
  const coupons = await Promise.all(
    (setting.coupons ?? []).map((one) => stripe.coupons.create(one)),
  );
  const tiered = async (): Promise<string> => {
    const made = await stripe.prices.create({
      currency,
      recurring: { interval, interval_count: every },
      product_data: { name: 'Pro' },
      billing_scheme: 'tiered',
      ...setting.tiers,
    });
    return made.id;
  };
  const price = await (setting.tiers === undefined
    ? priceOf(setting.decimal ?? setting.amount ?? 1000)
    : tiered());
  const rates =
    setting.tax === undefined
      ? []
      : [(await stripe.taxRates.create({ display_name: 'VAT', ...setting.tax })).id];
  const made = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price, ...(setting.quantity === undefined ? {} : { quantity: setting.quantity }) }],
    ...(coupons.length === 0 ? {} : { discounts: coupons.map(({ id }) => ({ coupon: id })) }),
    ...(rates.length === 0 ? {} : { default_tax_rates: rates }),
    ...setting.more,
  });
  const item = made.items.data[0]!.id;
  let frozen = unix(begins);

  const to = async (date: string): Promise<void> => {
    const target = unix(date);
    while (frozen < target) {
      frozen = Math.min(target, frozen + stepDays[interval] * every * 86_400);
      await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: frozen });
      await until(
        async () => (await stripe.testHelpers.testClocks.retrieve(clock.id)).status === 'ready',
      );
    }
  };
  const invoices = async (): Promise<Stripe.Invoice[]> =>
    (await stripe.invoices.list({ subscription: made.id, limit: 100 })).data.reverse();
  const now = () => stripe.subscriptions.retrieve(made.id);

  return {
    stripe,
    id: made.id,
    item,
    made,
    customer: customer.id,
    to,
    now,
    priceOf,
    invoices,
    update: (params: Stripe.SubscriptionUpdateParams) =>
      stripe.subscriptions.update(made.id, params),
    /** Another price for the one item. */
    switchTo: async (amount: number, more: Stripe.SubscriptionUpdateParams = {}) =>
      stripe.subscriptions.update(made.id, {
        items: [{ id: item, price: await priceOf(amount) }],
        ...more,
      }),
    quantity: (quantity: number, more: Stripe.SubscriptionUpdateParams = {}) =>
      stripe.subscriptions.update(made.id, { items: [{ id: item, quantity }], ...more }),
    status: async () => (await now()).status,
    period: async () => {
      const { current_period_start: start, current_period_end: end } = (await now()).items.data[0]!;
      return `${day(start)!} ${day(end)!}`;
    },
    /** The totals of all invoices, oldest first. */
    totals: async () => (await invoices()).map((invoice) => invoice.total),
    last: async () => (await invoices()).at(-1)!,
    /** Prorations that wait for the next invoice. */
    pending: async () =>
      (await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data
        .map((one) => one.amount)
        .reverse(),
    balance: async () =>
      ((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).balance,
    /** When events of a type happened, oldest first. */
    events: async (type: string) =>
      (await stripe.events.list({ type, limit: 100 })).data
        .filter(({ data }) => JSON.stringify(data.object).includes(made.id))
        .map((event) => event.created)
        .reverse(),
  };
};
