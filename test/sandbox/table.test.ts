// Billing computed by hand from Stripe's documentation, row by row, against the sandbox: the page
// each row follows stands in it, and the numbers on the right were worked out on paper.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { day, openScene, second, unix, type Scene, type Setting } from './scene.ts';
import { errorOf, openStand, type Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await openStand();
});
afterAll(() => stand.close());

const prorations = 'billing/subscriptions/prorations';
const cycle = 'billing/subscriptions/billing-cycle';
const trials = 'billing/subscriptions/trials';
const coupons = 'billing/subscriptions/coupons';
const retries = 'billing/revenue-recovery/smart-retries';
const overview = 'billing/subscriptions/overview';
const transitions = 'invoicing/integration/workflow-transitions';
const credit = 'billing/customer/balance';
const currencies = 'currencies';
const decimals = 'products-prices/pricing-models';
const pause = 'billing/subscriptions/pause-payment';
const cancel = 'billing/subscriptions/cancel';

/** The setting in classic billing mode; without it, flexible. */
const classic = (setting: Setting): Setting => ({
  ...setting,
  more: { ...setting.more, billing_mode: { type: 'classic' } },
});

type Row = [
  page: string,
  says: string,
  begins: string,
  setting: Setting,
  story: (scene: Scene) => Promise<unknown>,
  expected: unknown,
];

const check = (rows: Row[]): void => {
  test.each(rows)(
    'docs.stripe.com/%s: %s',
    async (_page, _says, begins, setting, story, expected) => {
      expect(await story(await openScene(stand, begins, setting))).toEqual(expected);
    },
  );
};

// April 2027 has 30 days = 2,592,000 seconds; the 16th at midnight is its middle.
const april = '2027-04-01';
const half = '2027-04-16';
const always = { proration_behavior: 'always_invoice' } as const;

describe('prorations', () => {
  check([
    [
      prorations,
      'an upgrade at half time credits half of the old and charges half of the new',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.switchTo(2000);
        return { pending: await s.pending(), totals: await s.totals() };
      },
      { pending: [-500, 1000], totals: [1000] },
    ],
    [
      prorations,
      'create_prorations waits for the next invoice: 2000 + 500',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.switchTo(2000);
        await s.to('2027-05-02');
        return s.totals();
      },
      [1000, 2500],
    ],
    [
      prorations,
      'always_invoice charges the difference at once: 1000 - 500',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.switchTo(2000, always);
        return s.totals();
      },
      [1000, 500],
    ],
    [
      prorations,
      'none: the new price from the next period on',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.switchTo(2000, { proration_behavior: 'none' });
        await s.to('2027-05-02');
        return s.totals();
      },
      [1000, 2000],
    ],
    [
      prorations,
      'a downgrade at half time lowers the next invoice: 1000 + 500 - 1000',
      april,
      { amount: 2000 },
      async (s) => {
        await s.to(half);
        await s.switchTo(1000);
        await s.to('2027-05-02');
        return s.totals();
      },
      [2000, 500],
    ],
    [
      credit,
      'a downgrade invoiced at once owes nothing; the credit pays half of the next invoice',
      april,
      { amount: 2000 },
      async (s) => {
        await s.to(half);
        await s.switchTo(1000, always);
        const { total, amount_due: due } = await s.last();
        const balance = await s.balance();
        await s.to('2027-05-02');
        return [total, due, balance, (await s.last()).amount_due, await s.balance()];
      },
      [-500, 0, -500, 500, 0],
    ],
    [
      prorations,
      'one more seat of three at half time: 3 x 500 - 1 x 500',
      april,
      { quantity: 1 },
      async (s) => {
        await s.to(half);
        await s.quantity(3, always);
        return (await s.last()).lines.data.map((line) => line.amount);
      },
      [-500, 1500],
    ],
    [
      prorations,
      'two seats fewer at half time: 500 - 1500',
      april,
      { quantity: 3 },
      async (s) => {
        await s.to(half);
        await s.quantity(1);
        return s.pending();
      },
      [-1500, 500],
    ],
    [
      prorations,
      'one second in: 99,999,999 x 2,591,999 / 2,592,000 = 99,999,960.4',
      april,
      { amount: 99_999_999 },
      async (s) => {
        await s.to('2027-04-01T00:00:01Z');
        await s.switchTo(0);
        return s.pending();
      },
      [-99_999_960, 0],
    ],
    [
      prorations,
      'one second left: 99,999,999 / 2,592,000 = 38.6',
      april,
      { amount: 99_999_999 },
      async (s) => {
        await s.to('2027-04-30T23:59:59Z');
        await s.switchTo(0);
        return s.pending();
      },
      [-39, 0],
    ],
    [
      prorations,
      'after ten of thirty days: 666.67 back, 1333.33 more',
      april,
      {},
      async (s) => {
        await s.to('2027-04-11');
        await s.switchTo(2000, always);
        return (await s.last()).lines.data.map((line) => line.amount);
      },
      [-667, 1333],
    ],
    [
      prorations,
      'after twenty of thirty days: 333.33 back, 666.67 more',
      april,
      {},
      async (s) => {
        await s.to('2027-04-21');
        await s.switchTo(2000, always);
        return (await s.last()).total;
      },
      334,
    ],
    [
      prorations,
      'a week into February: 21 of 28 days',
      '2027-02-01',
      {},
      async (s) => {
        await s.to('2027-02-08');
        await s.switchTo(2000);
        return s.pending();
      },
      [-750, 1500],
    ],
    [
      prorations,
      'ten days into January: 21 of 31 days, 677.42 and 1354.84',
      '2027-01-01',
      {},
      async (s) => {
        await s.to('2027-01-11');
        await s.switchTo(2000);
        return s.pending();
      },
      [-677, 1355],
    ],
    [
      prorations,
      'twelve hours into 30 days: 59 of 60 halves of a day, 983.33',
      april,
      {},
      async (s) => {
        await s.to('2027-04-01T12:00:00Z');
        await s.switchTo(0);
        return s.pending();
      },
      [-983, 0],
    ],
    [
      'billing/subscriptions/change',
      'from monthly to yearly a new cycle begins: 12000 - 500, now to a year from now',
      april,
      classic({}),
      async (s) => {
        await s.to(half);
        const yearly = await s.priceOf(12_000, { interval: 'year' });
        await s.update({ items: [{ id: s.item, price: yearly }] });
        return [(await s.last()).total, await s.period()];
      },
      [11_500, '2027-04-16 2028-04-16'],
    ],
    [
      credit,
      'from yearly to monthly after 182 of 365 days: 183 days come back, 18300, less the first month',
      '2027-01-01',
      classic({ amount: 36_500, interval: 'year' }),
      async (s) => {
        await s.to('2027-07-02');
        const monthly = await s.priceOf(1000, { interval: 'month' });
        await s.update({ items: [{ id: s.item, price: monthly }] });
        const { total, amount_due: due } = await s.last();
        return [total, due, await s.balance(), await s.period()];
      },
      [-17_300, 0, -17_300, '2027-07-02 2027-08-02'],
    ],
    [
      prorations,
      'proration_date says from when: day 10 though it is day 20',
      april,
      {},
      async (s) => {
        await s.to('2027-04-21');
        await s.switchTo(2000, { proration_date: unix('2027-04-11') });
        return s.pending();
      },
      [-667, 1333],
    ],
    [
      'api/invoices/create_preview',
      'the preview of an upgrade at a date: -500 + 1000 + 2000',
      april,
      {},
      async (s) => {
        await s.to('2027-04-02');
        const preview = await s.stripe.invoices.createPreview({
          subscription: s.id,
          subscription_details: {
            items: [{ id: s.item, price: await s.priceOf(2000) }],
            proration_date: unix(half),
          },
        });
        return [preview.total, await s.pending()];
      },
      [2500, []],
    ],
    [
      'billing/subscriptions/change',
      'from free to paid the customer pays a whole period from now on',
      april,
      classic({ amount: 0 }),
      async (s) => {
        await s.to('2027-04-11');
        await s.switchTo(1000);
        return [await s.totals(), await s.period()];
      },
      [[0, 1000], '2027-04-11 2027-05-11'],
    ],
    [
      cancel,
      'cancelling at half time with prorate and invoice_now gives 500 back to the balance',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.stripe.subscriptions.cancel(s.id, { prorate: true, invoice_now: true });
        return [await s.totals(), await s.balance()];
      },
      [[1000, -500], -500],
    ],
    [
      cancel,
      'cancelling at once without prorate gives nothing back',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.stripe.subscriptions.cancel(s.id);
        return [await s.totals(), await s.balance(), await s.pending(), await s.status()];
      },
      [[1000], 0, [], 'canceled'],
    ],
    [
      'billing/subscriptions/multiple-products',
      'an item added at half time is charged for its half: 300',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.update({ items: [{ price: await s.priceOf(600) }] });
        return s.pending();
      },
      [300],
    ],
    [
      'billing/subscriptions/multiple-products',
      'an item taken away at half time comes back by its half: 300',
      april,
      classic({}),
      async (s) => {
        const two = await s.update({
          items: [{ price: await s.priceOf(600) }],
          proration_behavior: 'none',
        });
        await s.to(half);
        await s.update({ items: [{ id: two.items.data[1]!.id, deleted: true }] });
        return s.pending();
      },
      [-300],
    ],
    [
      prorations,
      'two changes in one period add up: -667 + 1333, -667 + 1000, then 3000',
      april,
      {},
      async (s) => {
        await s.to('2027-04-11');
        await s.switchTo(2000);
        await s.to('2027-04-21');
        await s.switchTo(3000);
        const pending = await s.pending();
        await s.to('2027-05-02');
        return [pending, (await s.last()).total];
      },
      [[-667, 1333, -667, 1000], 3999],
    ],
    [
      prorations,
      'a discount of 10 percent holds in the proration: -450 + 900',
      april,
      { coupons: [{ percent_off: 10, duration: 'forever' }] },
      async (s) => {
        await s.to(half);
        await s.switchTo(2000, always);
        return (await s.last()).total;
      },
      450,
    ],
    [
      cycle,
      'the anchor set to now at half time: 1000 for the new period less 500 of the old',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.update({ billing_cycle_anchor: { type: 'now' } });
        return [(await s.last()).total, await s.period()];
      },
      [500, '2027-04-16 2027-05-16'],
    ],
    [
      prorations,
      'the same price and quantity again prorates nothing',
      april,
      {},
      async (s) => {
        await s.to(half);
        await s.quantity(1);
        return s.pending();
      },
      [],
    ],
  ]);
});

describe('anchors', () => {
  const starts = async (s: Scene, until: string): Promise<unknown> => {
    await s.to(until);
    const { data } = await s.stripe.invoices.list({ subscription: s.id, limit: 100 });
    return data.map((invoice) => day(invoice.lines.data[0]!.period.start)).reverse();
  };
  check([
    [
      cycle,
      'the 31st of January, then the last of February, then the 31st of March and the 30th of April',
      '2027-01-31',
      {},
      (s) => starts(s, '2027-05-01'),
      ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30'],
    ],
    [
      cycle,
      'in a leap year the 29th of February',
      '2028-01-31',
      {},
      (s) => starts(s, '2028-04-01'),
      ['2028-01-31', '2028-02-29', '2028-03-31'],
    ],
    [
      cycle,
      'the 30th comes back after February',
      '2027-01-30',
      {},
      (s) => starts(s, '2027-04-01'),
      ['2027-01-30', '2027-02-28', '2027-03-30'],
    ],
    [
      cycle,
      'a year from the 29th of February ends on the 28th, four years later on the 29th again',
      '2028-02-29',
      { interval: 'year' },
      (s) => starts(s, '2032-03-02'),
      ['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29'],
    ],
    [
      cycle,
      'every three months from the 30th of November',
      '2027-11-30',
      { every: 3 },
      (s) => starts(s, '2028-06-01'),
      ['2027-11-30', '2028-02-29', '2028-05-30'],
    ],
    [
      cycle,
      'weeks are seven days',
      '2027-02-25',
      { interval: 'week' },
      (s) => starts(s, '2027-03-12'),
      ['2027-02-25', '2027-03-04', '2027-03-11'],
    ],
    [
      cycle,
      'every ten days',
      '2027-02-25',
      { interval: 'day', every: 10 },
      (s) => starts(s, '2027-03-18'),
      ['2027-02-25', '2027-03-07', '2027-03-17'],
    ],
    [
      cycle,
      'the time of day stays to the second',
      '2027-01-31T10:20:30Z',
      {},
      async (s) => {
        await s.to('2027-03-01');
        return second((await s.now()).items.data[0]!.current_period_start);
      },
      '2027-02-28T10:20:30',
    ],
    [
      cycle,
      'an anchor on the 1st of May from the 10th of April: 21 of 30 days, 700',
      '2027-04-10',
      { more: { billing_cycle_anchor: unix('2027-05-01') } },
      async (s) => {
        const first = await s.totals();
        const period = await s.period();
        await s.to('2027-05-02');
        return [first, period, await s.totals(), await s.period()];
      },
      [[700], '2027-04-10 2027-05-01', [700, 1000], '2027-05-01 2027-06-01'],
    ],
    [
      cycle,
      'the same with proration_behavior none is free until the anchor, without an invoice',
      '2027-04-10',
      { more: { billing_cycle_anchor: unix('2027-05-01'), proration_behavior: 'none' } },
      async (s) => {
        await s.to('2027-05-02');
        return s.totals();
      },
      [1000],
    ],
    [
      'billing/subscriptions/trials',
      'a trial moves the anchor to its end: 17 January + 14 days = the 31st, then 28 February',
      '2027-01-17',
      { more: { trial_period_days: 14 } },
      (s) => starts(s, '2027-03-01'),
      ['2027-01-17', '2027-01-31', '2027-02-28'],
    ],
  ]);
});

describe('trials', () => {
  const trial = (more: Partial<Stripe.SubscriptionCreateParams> = {}): Setting => ({
    more: { trial_period_days: 14, ...more },
  });
  const withoutCard = (missing: 'create_invoice' | 'pause' | 'cancel'): Setting => ({
    card: null,
    ...trial({ trial_settings: { end_behavior: { missing_payment_method: missing } } }),
  });
  const atEnd = async (s: Scene): Promise<unknown> => {
    await s.to('2027-04-15T02:00:00Z');
    return [await s.status(), await s.totals()];
  };
  check([
    [
      trials,
      'a trial begins free with an invoice of nothing',
      april,
      trial(),
      async (s) => [s.made.status, day(s.made.trial_end), await s.totals()],
      ['trialing', '2027-04-15', [0]],
    ],
    [trials, 'its end is the first payment', april, trial(), atEnd, ['active', [0, 1000]]],
    [
      trials,
      'an hour passes between the end and the charge',
      april,
      trial(),
      async (s) => {
        await s.to('2027-04-15T00:59:59Z');
        return [await s.status(), (await s.last()).status, await s.period()];
      },
      ['active', 'draft', '2027-04-15 2027-05-15'],
    ],
    [
      trials,
      'no card, create_invoice',
      april,
      withoutCard('create_invoice'),
      atEnd,
      ['past_due', [0, 1000]],
    ],
    [trials, 'no card, pause', april, withoutCard('pause'), atEnd, ['paused', [0]]],
    [trials, 'no card, cancel', april, withoutCard('cancel'), atEnd, ['canceled', [0]]],
    [
      trials,
      'trial_end now ends it at once with a whole period from now',
      april,
      trial(),
      async (s) => {
        await s.to('2027-04-03');
        await s.update({ trial_end: 'now' });
        return [await s.status(), await s.totals(), await s.period()];
      },
      ['active', [0, 1000], '2027-04-03 2027-05-03'],
    ],
    [
      trials,
      'the warning comes three days before the end',
      april,
      trial(),
      async (s) => {
        await s.to('2027-04-14');
        return (await s.events('customer.subscription.trial_will_end')).map(second);
      },
      ['2027-04-12T00:00:00'],
    ],
    [
      trials,
      'the warning of a trial of two days comes at once',
      april,
      trial({ trial_period_days: 2 }),
      async (s) => (await s.events('customer.subscription.trial_will_end')).map(second),
      ['2027-04-01T00:00:00'],
    ],
    [
      trials,
      'an upgrade inside the trial costs nothing until its end',
      april,
      trial(),
      async (s) => {
        await s.to('2027-04-08');
        await s.switchTo(2000);
        const pending = await s.pending();
        return [pending, await atEnd(s)];
      },
      [[], ['active', [0, 2000]]],
    ],
    [
      trials,
      'a longer trial_end moves the first payment',
      april,
      trial(),
      async (s) => {
        await s.to('2027-04-08');
        await s.update({ trial_end: unix('2027-04-20') });
        await s.to('2027-04-19');
        const before = [await s.status(), await s.totals()];
        await s.to('2027-04-20T02:00:00Z');
        return [before, await s.totals(), await s.period()];
      },
      [['trialing', [0]], [0, 1000], '2027-04-20 2027-05-20'],
    ],
  ]);
});

describe('coupons', () => {
  const off = (...list: Stripe.CouponCreateParams[]): Setting => ({ coupons: list });
  const months =
    (until: string) =>
    async (s: Scene): Promise<unknown> => {
      await s.to(until);
      return s.totals();
    };
  check([
    [
      coupons,
      '25 percent once',
      april,
      off({ percent_off: 25, duration: 'once' }),
      months('2027-05-02'),
      [750, 1000],
    ],
    [
      coupons,
      '33.3 percent of 999 is 332.67: 333 off, for ever',
      april,
      { amount: 999, ...off({ percent_off: 33.3, duration: 'forever' }) },
      months('2027-05-02'),
      [666, 666],
    ],
    [
      coupons,
      '300 off for ever',
      april,
      off({ amount_off: 300, currency: 'usd', duration: 'forever' }),
      months('2027-05-02'),
      [700, 700],
    ],
    [
      coupons,
      '10 percent for two months: April and May, not June',
      april,
      off({ percent_off: 10, duration: 'repeating', duration_in_months: 2 }),
      months('2027-06-02'),
      [900, 900, 1000],
    ],
    [
      coupons,
      'an amount off larger than the invoice makes it free and is not carried on',
      april,
      off({ amount_off: 1500, currency: 'usd', duration: 'once' }),
      months('2027-05-02'),
      [0, 1000],
    ],
    [
      coupons,
      '100 percent is paid without a payment',
      april,
      off({ percent_off: 100, duration: 'forever' }),
      async (s) => {
        const { total, status, attempt_count: count } = await s.last();
        return [total, status, count, await s.status()];
      },
      [0, 'paid', 0, 'active'],
    ],
    [
      coupons,
      'a promotion code of 20 percent',
      april,
      {},
      async (s) => {
        const coupon = await s.stripe.coupons.create({ percent_off: 20, duration: 'once' });
        const code = await s.stripe.promotionCodes.create({
          promotion: { type: 'coupon', coupon: coupon.id },
        });
        await s.update({ discounts: [{ promotion_code: code.id }] });
        await s.to('2027-05-02');
        return s.totals();
      },
      [1000, 800],
    ],
    [
      coupons,
      'stacked in order: 10 percent of 1000, then 200 off what is left',
      april,
      off(
        { percent_off: 10, duration: 'forever' },
        { amount_off: 200, currency: 'usd', duration: 'forever' },
      ),
      months('2027-04-02'),
      [700],
    ],
    [
      coupons,
      'stacked the other way round: 200 off, then 10 percent of 800',
      april,
      off(
        { amount_off: 200, currency: 'usd', duration: 'forever' },
        { percent_off: 10, duration: 'forever' },
      ),
      months('2027-04-02'),
      [720],
    ],
    [
      coupons,
      'half of 3 x 333 = 999 is 499.5, rounded to 500 off',
      april,
      { amount: 333, quantity: 3, ...off({ percent_off: 50, duration: 'once' }) },
      months('2027-04-02'),
      [499],
    ],
    [
      coupons,
      'a coupon kept for a trial is still there for the first payment',
      april,
      { ...off({ percent_off: 50, duration: 'forever' }), more: { trial_period_days: 7 } },
      months('2027-04-09'),
      [0, 500],
    ],
  ]);
});

describe('currencies and decimal prices', () => {
  check([
    [
      currencies,
      'yen have no minor unit: 1500 to 3000 at half time',
      april,
      { currency: 'jpy', amount: 1500 },
      async (s) => {
        await s.to(half);
        await s.switchTo(3000, always);
        return [(await s.last()).total, (await s.last()).currency];
      },
      [750, 'jpy'],
    ],
    [
      currencies,
      'yen: a third of 1000 is 333',
      april,
      { currency: 'jpy', amount: 1000 },
      async (s) => {
        await s.to('2027-04-21');
        await s.switchTo(0);
        return s.pending();
      },
      [-333, 0],
    ],
    [
      currencies,
      'Kuwaiti dinars have three decimals, the last of them 0',
      april,
      { currency: 'kwd', amount: 10_000 },
      async (s) => {
        const refused = await errorOf(s.priceOf(10_005));
        await s.to(half);
        await s.switchTo(20_000, always);
        return [refused.statusCode, (await s.last()).total];
      },
      [400, 5000],
    ],
    [
      decimals,
      '0.05 of a cent a thousand times is 50 cents',
      april,
      { decimal: '0.05', quantity: 1000 },
      (s) => s.totals(),
      [50],
    ],
    [
      decimals,
      '7 x 33.333 = 233.331, rounded once for the line',
      april,
      { decimal: '33.333', quantity: 7 },
      (s) => s.totals(),
      [233],
    ],
    [
      decimals,
      '3 x 0.333333333333 = 0.999999999999, twelve places',
      april,
      { decimal: '0.333333333333', quantity: 3 },
      (s) => s.totals(),
      [1],
    ],
  ]);
});

describe('tiers', () => {
  // 1 to 5 at 500, 6 to 10 at 400, from 11 on at 300 each.
  const tiers = (mode: 'volume' | 'graduated', quantity: number): Setting => ({
    quantity,
    tiers: {
      tiers_mode: mode,
      tiers: [
        { up_to: 5, unit_amount: 500 },
        { up_to: 10, unit_amount: 400 },
        { up_to: 'inf', unit_amount: 300 },
      ],
    },
  });
  const totals = (s: Scene) => s.totals();
  const changed =
    (quantity: number) =>
    async (s: Scene): Promise<unknown> => {
      await s.to(half);
      await s.quantity(quantity, always);
      return (await s.last()).total;
    };
  check([
    [
      decimals,
      'volume: 6 x 400, all at the price of their tier',
      april,
      tiers('volume', 6),
      totals,
      [2400],
    ],
    [decimals, 'volume: 20 x 300', april, tiers('volume', 20), totals, [6000]],
    [decimals, 'graduated: 5 x 500 + 400', april, tiers('graduated', 6), totals, [2900]],
    [
      decimals,
      'graduated: 5 x 500 + 5 x 400 + 10 x 300',
      april,
      tiers('graduated', 20),
      totals,
      [7500],
    ],
    [
      prorations,
      'volume, a sixth at half time costs less: 2400 / 2 - 2500 / 2',
      april,
      tiers('volume', 5),
      changed(6),
      -50,
    ],
    [
      prorations,
      'graduated, from 5 to 20 at half time: 7500 / 2 - 2500 / 2',
      april,
      tiers('graduated', 5),
      changed(20),
      2500,
    ],
  ]);
});

describe('taxes', () => {
  const taxes = 'billing/taxes/tax-rates';
  const rate = (percentage: number, inclusive: boolean, more: Setting = {}): Setting => ({
    ...more,
    tax: { percentage, inclusive },
  });
  const sums = async (s: Scene): Promise<unknown> => {
    const { subtotal, total, total_excluding_tax: net, total_taxes: list } = await s.last();
    return [subtotal, net, list?.map((tax) => tax.amount), total];
  };
  check([
    [
      taxes,
      'exclusive: 20 percent on top of 1000',
      april,
      rate(20, false),
      sums,
      [1000, 1000, [200], 1200],
    ],
    [
      taxes,
      'inclusive: 1000 holds 166.67 of 20 percent',
      april,
      rate(20, true),
      sums,
      [1000, 833, [167], 1000],
    ],
    [
      taxes,
      'exclusive: 8.875 percent of 999 is 88.66',
      april,
      rate(8.875, false, { amount: 999 }),
      sums,
      [999, 999, [89], 1088],
    ],
    [
      taxes,
      'a discount comes first: 20 percent of 900',
      april,
      rate(20, false, { coupons: [{ percent_off: 10, duration: 'once' }] }),
      sums,
      [1000, 900, [180], 1080],
    ],
    [
      taxes,
      'prorations are taxed too: 200 on 1000 less 100 on 500',
      april,
      rate(20, false),
      async (s) => {
        await s.to(half);
        await s.switchTo(2000, always);
        return sums(s);
      },
      [500, 500, [100], 600],
    ],
    [
      taxes,
      'inclusive in yen: 1100 holds 100 of 10 percent',
      april,
      rate(10, true, { currency: 'jpy', amount: 1100 }),
      sums,
      [1100, 1000, [100], 1100],
    ],
    [
      taxes,
      'a trial is taxed with nothing',
      april,
      rate(20, false, { more: { trial_period_days: 7 } }),
      async (s) => [(await s.last()).total, (await s.last()).amount_due],
      [0, 0],
    ],
  ]);
});

describe('balances', () => {
  check([
    [
      credit,
      'a credit of 300 pays first',
      april,
      { balance: -300 },
      async (s) => [(await s.last()).total, (await s.last()).amount_due, await s.balance()],
      [1000, 700, 0],
    ],
    [
      credit,
      'a credit of 1500 pays all and 500 stay',
      april,
      { balance: -1500 },
      async (s) => [(await s.last()).amount_due, (await s.last()).status, await s.balance()],
      [0, 'paid', -500],
    ],
    [
      credit,
      'a debt of 200 is added',
      april,
      { balance: 200 },
      async (s) => [(await s.last()).total, (await s.last()).amount_due, await s.balance()],
      [1000, 1200, 0],
    ],
  ]);
});

describe('the life of a subscription', () => {
  const unpaid: Setting = { card: 'pm_card_chargeCustomerFail' };
  const sent: Setting = {
    card: null,
    more: { collection_method: 'send_invoice', days_until_due: 7 },
  };
  const paused =
    (behavior: 'void' | 'keep_as_draft' | 'mark_uncollectible', resumes?: string) =>
    async (s: Scene): Promise<unknown> => {
      await s.update({
        pause_collection: {
          behavior,
          ...(resumes === undefined ? {} : { resumes_at: unix(resumes) }),
        },
      });
      await s.to('2027-06-02');
      return [await s.status(), (await s.invoices()).map((invoice) => invoice.status)];
    };
  check([
    [
      overview,
      'a second before 23 hours an unpaid start is still incomplete',
      april,
      unpaid,
      async (s) => {
        await s.to('2027-04-01T22:59:59Z');
        return [await s.status(), (await s.last()).status];
      },
      ['incomplete', 'open'],
    ],
    [
      overview,
      'after 23 hours it has expired and its invoice is void',
      april,
      unpaid,
      async (s) => {
        await s.to('2027-04-01T23:00:00Z');
        return [await s.status(), (await s.last()).status];
      },
      ['incomplete_expired', 'void'],
    ],
    [
      transitions,
      'a renewal is a draft for an hour',
      april,
      {},
      async (s) => {
        await s.to('2027-05-01T00:59:59Z');
        const before = (await s.last()).status;
        await s.to('2027-05-01T01:00:00Z');
        return [before, (await s.last()).status];
      },
      ['draft', 'paid'],
    ],
    [
      cancel,
      'cancel_at_period_end: it ends with the period and nothing more is invoiced',
      april,
      {},
      async (s) => {
        await s.update({ cancel_at_period_end: true });
        await s.to('2027-04-30T23:59:59Z');
        const before = await s.status();
        await s.to('2027-05-03');
        const { status, ended_at: ended } = await s.now();
        return [before, status, day(ended), await s.totals()];
      },
      ['active', 'canceled', '2027-05-01', [1000]],
    ],
    [
      cancel,
      'undone before the end it renews',
      april,
      {},
      async (s) => {
        await s.update({ cancel_at_period_end: true });
        await s.to('2027-04-20');
        await s.update({ cancel_at_period_end: false });
        await s.to('2027-05-02');
        return [await s.status(), await s.totals()];
      },
      ['active', [1000, 1000]],
    ],
    [
      cancel,
      'cancel_at ends it to the second',
      april,
      {},
      async (s) => {
        await s.update({ cancel_at: unix('2027-04-20T12:00:00Z'), proration_behavior: 'none' });
        await s.to('2027-04-20T11:59:59Z');
        const before = await s.status();
        await s.to('2027-04-21');
        return [before, await s.status(), second((await s.now()).ended_at!)];
      },
      ['active', 'canceled', '2027-04-20T12:00:00'],
    ],
    [
      pause,
      'pause_collection void: invoices are made and void',
      april,
      {},
      paused('void'),
      ['active', ['paid', 'void', 'void']],
    ],
    [
      pause,
      'keep_as_draft: they stay drafts',
      april,
      {},
      paused('keep_as_draft'),
      ['active', ['paid', 'draft', 'draft']],
    ],
    [
      pause,
      'mark_uncollectible: they are written off',
      april,
      {},
      paused('mark_uncollectible'),
      ['active', ['paid', 'uncollectible', 'uncollectible']],
    ],
    [
      pause,
      'resumes_at in the middle of May: June is paid again',
      april,
      {},
      paused('void', '2027-05-15'),
      ['active', ['paid', 'void', 'paid']],
    ],
    [
      'billing/collection-method',
      'send_invoice with 7 days: due on the 8th, open and active until then',
      april,
      sent,
      async (s) => {
        await s.to('2027-04-07');
        const { status, due_date: due } = await s.last();
        return [await s.status(), status, day(due)];
      },
      ['active', 'open', '2027-04-08'],
    ],
    [
      'billing/collection-method',
      'past due once the date has passed',
      april,
      sent,
      async (s) => {
        await s.to('2027-04-08T00:00:01Z');
        return s.status();
      },
      'past_due',
    ],
  ]);
});

describe('what was written off', () => {
  check([
    [
      transitions,
      'an attempt in vain leaves it uncollectible and the subscription active',
      april,
      {},
      async (s) => {
        const bad = await s.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
          customer: s.customer,
        });
        await s.update({ default_payment_method: bad.id });
        await s.to('2027-05-01T02:00:00Z');
        const { id } = await s.last();
        await s.stripe.invoices.markUncollectible(id);
        const before = await s.status();
        await errorOf(s.stripe.invoices.pay(id));
        return [before, await s.status(), (await s.last()).status];
      },
      ['active', 'active', 'uncollectible'],
    ],
    [
      transitions,
      'it can still be paid',
      april,
      {},
      async (s) => {
        const bad = await s.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
          customer: s.customer,
        });
        await s.update({ default_payment_method: bad.id });
        await s.to('2027-05-01T02:00:00Z');
        const { id } = await s.last();
        await s.stripe.invoices.markUncollectible(id);
        await s.stripe.invoices.pay(id, { payment_method: 'pm_card_visa' });
        return [(await s.last()).status, await s.status()];
      },
      ['paid', 'active'],
    ],
  ]);
});

describe('retries', () => {
  /** A card that pays once; the next one in its place does not. */
  const failing = async (s: Scene): Promise<void> => {
    await s.to('2027-04-10');
    const bad = await s.stripe.paymentMethods.attach('pm_card_chargeCustomerFail', {
      customer: s.customer,
    });
    await s.stripe.customers.update(s.customer, {
      invoice_settings: { default_payment_method: bad.id },
    });
  };
  const settle = (body: object) => stand.control('PUT', '/settings', body);
  const after =
    (settings: object, until: string) =>
    async (s: Scene): Promise<unknown> => {
      await settle(settings);
      await failing(s);
      await s.to(until);
      const { attempt_count: count, next_payment_attempt: next } = await s.last();
      return [await s.status(), count, day(next)];
    };
  check([
    [
      retries,
      'the first failure: past due, the next try within the two weeks',
      april,
      {},
      after({}, '2027-05-01T02:00:00Z'),
      ['past_due', 1, '2027-05-02'],
    ],
    [
      retries,
      'eight more tries in two weeks, then past_due stays',
      april,
      {},
      after({}, '2027-05-16'),
      ['past_due', 9, null],
    ],
    [
      retries,
      'then unpaid',
      april,
      {},
      after({ after_retries: 'unpaid' }, '2027-05-16'),
      ['unpaid', 9, null],
    ],
    [
      retries,
      'then canceled',
      april,
      {},
      after({ after_retries: 'cancel' }, '2027-05-16'),
      ['canceled', 9, null],
    ],
    [
      retries,
      'then paused',
      april,
      {},
      after({ after_retries: 'pause' }, '2027-05-16'),
      ['paused', 9, null],
    ],
    [
      retries,
      'three tries in a week',
      april,
      {},
      after({ retries: { count: 3, days: 7 }, after_retries: 'cancel' }, '2027-05-09'),
      ['canceled', 4, null],
    ],
    [
      retries,
      'no tries: the first failure is the last',
      april,
      {},
      after({ retries: { count: 0, days: 0 }, after_retries: 'unpaid' }, '2027-05-02'),
      ['unpaid', 1, null],
    ],
    [
      overview,
      'while unpaid the next invoice stays a draft',
      april,
      {},
      async (s) => {
        await settle({ after_retries: 'unpaid' });
        await failing(s);
        await s.to('2027-06-03');
        return [await s.status(), (await s.invoices()).map((invoice) => invoice.status)];
      },
      ['unpaid', ['paid', 'open', 'draft']],
    ],
    [
      overview,
      'a good card and a payment make it active again',
      april,
      {},
      async (s) => {
        await settle({});
        await failing(s);
        await s.to('2027-05-04');
        const before = await s.status();
        await s.stripe.invoices.pay((await s.last()).id, { payment_method: 'pm_card_visa' });
        return [before, await s.status(), (await s.last()).amount_remaining];
      },
      ['past_due', 'active', 0],
    ],
    [
      retries,
      'a retry with the new default card pays without a call',
      april,
      {},
      async (s) => {
        await settle({});
        await failing(s);
        await s.to('2027-05-02');
        const good = await s.stripe.paymentMethods.attach('pm_card_visa', { customer: s.customer });
        await s.stripe.customers.update(s.customer, {
          invoice_settings: { default_payment_method: good.id },
        });
        await s.to('2027-05-07');
        return [await s.status(), (await s.last()).status];
      },
      ['active', 'paid'],
    ],
  ]);
});
