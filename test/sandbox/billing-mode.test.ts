// What differs between classic and flexible billing, computed by hand from Stripe's documentation:
// the page each row follows stands in it; the left of a pair is classic, the right flexible.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type Stripe from 'stripe';
import { day, openScene, unix, type Scene, type Setting } from './scene.ts';
import { errorOf, openStand, type Stand } from './stand.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await openStand();
});
afterAll(() => stand.close());

const compare = 'billing/subscriptions/billing-mode/compare';
const prorations = 'billing/subscriptions/prorations';
const mixed = 'billing/subscriptions/mixed-interval';
const itemizing = 'changelog/clover/2025-09-30/itemize-proration-discount-amounts';
const ends = 'changelog/basil/2025-07-30/cancel-at-enums';

const april = '2027-04-01';
const half = '2027-04-16';
const always = { proration_behavior: 'always_invoice' } as const;
const never = { proration_behavior: 'none' } as const;

type Mode = 'classic' | 'flexible';
type Story = (scene: Scene) => Promise<unknown>;
type Pair = [
  page: string,
  says: string,
  setting: Setting,
  story: Story,
  classic: unknown,
  flexible: unknown,
];

const inMode = (setting: Setting, type: Mode): Setting => ({
  ...setting,
  more: { ...setting.more, billing_mode: { type } },
});

const compared = (pairs: Pair[]): void => {
  for (const [page, says, setting, story, classic, flexible] of pairs) {
    test.each([
      ['classic', classic],
      ['flexible', flexible],
    ] as [Mode, unknown][])(`docs.stripe.com/${page}: ${says} (%s)`, async (mode, expected) => {
      const scene = await openScene(stand, april, inMode(setting, mode));
      expect(scene.made.billing_mode.type).toBe(mode);
      expect(await story(scene)).toEqual(expected);
    });
  }
};

/** A second item on the scene's subscription. */
const addItem = async (s: Scene, price: string, more: Stripe.SubscriptionUpdateParams = {}) => {
  const { items } = await s.update({ items: [{ price }], ...more });
  return items.data.at(-1)!.id;
};
const endOf = async (s: Scene): Promise<string | null> =>
  day((await s.now()).items.data[0]!.current_period_end);

describe('credits', () => {
  compared([
    [
      prorations,
      'up to 20 without proration for ten days, then down: a third of 20 or of the 10 that was paid',
      {},
      async (s) => {
        await s.to('2027-04-11');
        await s.switchTo(2000, never);
        await s.to('2027-04-21');
        await s.switchTo(1000, always);
        return (await s.last()).total;
      },
      -334,
      0,
    ],
    [
      prorations,
      '5 off 10 and 20; the item of 10 goes at half time: (10 - 5) / 2 or (10 - 1.66) / 2',
      {},
      async (s) => {
        const { id: coupon } = await s.stripe.coupons.create({
          amount_off: 500,
          currency: 'usd',
          duration: 'forever',
        });
        const clock = s.made.test_clock as string;
        const two = await s.stripe.subscriptions.create({
          customer: s.customer,
          items: [{ price: await s.priceOf(1000) }, { price: await s.priceOf(2000) }],
          discounts: [{ coupon }],
          billing_mode: { type: s.made.billing_mode.type },
          expand: ['latest_invoice'],
        });
        expect(two.test_clock).toBe(clock);
        const first = two.latest_invoice as Stripe.Invoice;
        expect(first.total).toBe(2500);
        expect(first.lines.data.map((line) => line.discount_amounts![0]!.amount)).toEqual([
          166, 334,
        ]);
        await s.to(half);
        await s.stripe.subscriptionItems.del(two.items.data[0]!.id);
        return s.pending();
      },
      [-250],
      [-417],
    ],
    [
      compare,
      'a tax rate of 20 that became 10 in between: the credit has the tax of today or that of then',
      { tax: { percentage: 20, inclusive: false } },
      async (s) => {
        const { id } = await s.stripe.taxRates.create({
          display_name: 'VAT',
          percentage: 10,
          inclusive: false,
        });
        await s.to(half);
        await s.update({ default_tax_rates: [id] });
        await s.switchTo(0, always);
        const { lines } = await s.last();
        return lines.data.map((line) => (line.taxes ?? []).map((tax) => tax.amount));
      },
      [[-50], [0]],
      [[-100], [0]],
    ],
    [
      compare,
      'a coupon for one invoice was part of what was charged: half of 500 comes back either way',
      { coupons: [{ percent_off: 50, duration: 'once' }] },
      async (s) => {
        await s.to(half);
        await s.switchTo(2000);
        return s.pending();
      },
      [-250, 1000],
      [-250, 1000],
    ],
    [
      compare,
      'an item added without proration was never charged: its half comes back or nothing does',
      {},
      async (s) => {
        const added = await addItem(s, await s.priceOf(600), never);
        await s.to(half);
        await s.stripe.subscriptionItems.del(added);
        return s.pending();
      },
      [-300],
      [],
    ],
    [
      compare,
      'each credit names the debit it gives back',
      {},
      async (s) => {
        const first = await s.last();
        await s.to(half);
        await s.switchTo(2000);
        const { data } = await s.stripe.invoiceItems.list({ customer: s.customer });
        const credited = data.at(-1)!.proration_details!.credited_items;
        const details = credited?.invoice_line_item_details;
        return [
          credited?.type,
          details?.invoice === first.id,
          details?.invoice_line_items[0] === first.lines.data[0]!.id,
        ];
      },
      ['invoice_line_items', true, true],
      ['invoice_line_items', true, true],
    ],
  ]);

  const itemized = async (mode: 'included' | 'itemized') => {
    const s = await openScene(stand, april, {
      coupons: [{ percent_off: 10, duration: 'forever' }],
      more: { billing_mode: { type: 'flexible', flexible: { proration_discounts: mode } } },
    });
    await s.to(half);
    await s.switchTo(2000, always);
    const { lines, total } = await s.last();
    return {
      total,
      amounts: lines.data.map((line) => line.amount),
      off: lines.data.map((line) => line.discount_amounts!.map((part) => part.amount)),
    };
  };
  test(`docs.stripe.com/${itemizing}: discounts are inside prorations, or beside them`, async () => {
    expect(await itemized('included')).toEqual({
      total: 450,
      amounts: [-450, 900],
      off: [[0], [0]],
    });
    expect(await itemized('itemized')).toEqual({
      total: 450,
      amounts: [-500, 1000],
      off: [[-50], [100]],
    });
  });
});

describe('the anchor', () => {
  compared([
    [
      compare,
      'from monthly to yearly: a new cycle from today, or what is left of the anchor’s year',
      {},
      async (s) => {
        await s.to(half);
        const yearly = await s.priceOf(36_600, { interval: 'year' });
        await s.update({ items: [{ id: s.item, price: yearly }], ...always });
        const { billing_cycle_anchor: anchor } = await s.now();
        // 1 April 2027 to 1 April 2028 is 366 days, 351 of them are left: 35,100.
        return [(await s.last()).total, await s.period(), day(anchor)];
      },
      [36_600 - 500, '2027-04-16 2028-04-16', '2027-04-16'],
      [35_100 - 500, '2027-04-01 2028-04-01', '2027-04-01'],
    ],
    [
      compare,
      'from free to paid: a whole period from today, or the rest of the one there is',
      { amount: 0 },
      async (s) => {
        await s.to('2027-04-11');
        await s.switchTo(900, always);
        return [await s.totals(), await s.period()];
      },
      [[0, 900], '2027-04-11 2027-05-11'],
      [[0, 600], '2027-04-01 2027-05-01'],
    ],
    [
      compare,
      'asked for, the anchor moves in both',
      {},
      async (s) => {
        await s.to(half);
        const yearly = await s.priceOf(12_000, { interval: 'year' });
        await s.update({
          items: [{ id: s.item, price: yearly }],
          billing_cycle_anchor: { type: 'now' },
        });
        return [(await s.last()).total, await s.period()];
      },
      [11_500, '2027-04-16 2028-04-16'],
      [11_500, '2027-04-16 2028-04-16'],
    ],
    [
      compare,
      'an anchor reset that is invoiced at once leaves what waited, or takes it along',
      {},
      async (s) => {
        await s.stripe.invoiceItems.create({
          customer: s.customer,
          subscription: s.id,
          amount: 70,
          currency: 'usd',
        });
        await s.to(half);
        await s.update({ billing_cycle_anchor: { type: 'now' }, ...always });
        return [(await s.last()).total, await s.pending()];
      },
      [500, [70]],
      [570, []],
    ],
  ]);
});

describe('an end within a period', () => {
  const at = (date: string, more: Stripe.SubscriptionUpdateParams = {}): Story => {
    return async (s) => {
      await s.to('2027-04-06');
      await s.update({ cancel_at: unix(date), ...more });
      return [await s.pending(), await endOf(s), day((await s.now()).billing_cycle_anchor)];
    };
  };
  compared([
    [
      'api/subscriptions/update',
      'cancel_at at half time gives half back and shortens the period; classic moves the anchor',
      {},
      at(half),
      [[-500], '2027-04-16', '2027-04-16'],
      [[-500], '2027-04-16', '2027-04-01'],
    ],
    [
      'api/subscriptions/update',
      'with proration_behavior none it gives nothing back',
      {},
      at(half, never),
      [[], '2027-04-16', '2027-04-16'],
      [[], '2027-04-16', '2027-04-01'],
    ],
    [
      'billing/subscriptions/cancel',
      'what was given back reaches the balance with the last invoice',
      {},
      async (s) => {
        await s.update({ cancel_at: unix(half) });
        await s.to('2027-04-17');
        return [await s.totals(), await s.status(), await s.balance()];
      },
      [[1000, -500], 'canceled', -500],
      [[1000, -500], 'canceled', -500],
    ],
    [
      'api/subscriptions/update',
      'an end in the next period always shortens that: 10 of 31 days of May',
      { amount: 3100 },
      async (s) => {
        await s.update({ cancel_at: unix('2027-05-11'), ...never });
        await s.to('2027-05-02');
        return [await s.totals(), await endOf(s)];
      },
      [[3100, 1000], '2027-05-11'],
      [[3100, 1000], '2027-05-11'],
    ],
    [
      compare,
      'the end is taken back: classic renews at it, flexible charges the time it gave back',
      {},
      async (s) => {
        await s.update({ cancel_at: unix(half) });
        await s.to('2027-04-11');
        await s.update({ cancel_at: '' });
        const pending = await s.pending();
        return [pending, await endOf(s), (await s.now()).cancel_at];
      },
      [[-500], '2027-04-16', null],
      [[-500, 500], '2027-05-01', null],
    ],
    [
      compare,
      'the end is taken back where nothing was given back: nothing is charged twice',
      {},
      async (s) => {
        await s.update({ cancel_at: unix(half), ...never });
        await s.update({ cancel_at: '' });
        return s.pending();
      },
      [],
      [],
    ],
    [
      compare,
      'made with an end at half time: half is charged; with none, flexible charges all of it',
      { more: { cancel_at: unix(half), proration_behavior: 'none' } },
      async (s) => [await s.totals(), await endOf(s), day(s.made.billing_cycle_anchor)],
      [[500], '2027-04-16', '2027-04-16'],
      [[1000], '2027-04-16', '2027-04-01'],
    ],
    [
      compare,
      'an end before the trial’s: classic ends the trial with it, flexible leaves it',
      { more: { trial_end: unix('2027-04-21') } },
      async (s) => {
        await s.update({ cancel_at: unix(half) });
        return day((await s.now()).trial_end);
      },
      '2027-04-16',
      '2027-04-21',
    ],
    [
      ends,
      'min_period_end is the end of the period, and stays where it was',
      {},
      async (s) => {
        await s.update({ cancel_at: 'min_period_end' });
        const { cancel_at: first, cancel_at_period_end: flag } = await s.now();
        return [day(first), flag, await s.pending()];
      },
      ['2027-05-01', false, []],
      ['2027-05-01', false, []],
    ],
  ]);
});

describe('trials', () => {
  const words = async (s: Scene): Promise<unknown> =>
    (await s.last()).lines.data.map((line) => line.description);
  compared([
    [
      compare,
      'the line of a trial',
      { quantity: 2, more: { trial_end: unix(half) } },
      words,
      ['Trial period for Pro'],
      ['Free trial for 2 × Pro'],
    ],
    [
      compare,
      'a later trial: trial_start stays, or is the newer one’s',
      { more: { trial_end: unix('2027-04-04') } },
      async (s) => {
        await s.to('2027-04-10');
        await s.update({ trial_end: unix('2027-04-20') });
        return day((await s.now()).trial_start);
      },
      '2027-04-01',
      '2027-04-10',
    ],
  ]);
});

describe('usage', () => {
  let meters = 0;
  const meterOf = async (s: Scene) => {
    meters += 1;
    const event_name = `mode_${meters}`;
    const meter = await s.stripe.billing.meters.create({
      display_name: event_name,
      event_name,
      default_aggregation: { formula: 'sum' },
    });
    return {
      price: async (unit_amount: number) => {
        const made = await s.stripe.prices.create({
          currency: 'usd',
          unit_amount,
          recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
          product_data: { name: 'Calls' },
        });
        return made.id;
      },
      use: (value: number) =>
        s.stripe.billing.meterEvents.create({
          event_name,
          payload: { stripe_customer_id: s.customer, value: String(value) },
        }),
    };
  };
  const onlyUsage = async (s: Scene) => {
    const meter = await meterOf(s);
    const made = await s.stripe.subscriptions.create({
      customer: s.customer,
      items: [{ price: await meter.price(10) }],
      billing_mode: { type: s.made.billing_mode.type },
      expand: ['latest_invoice'],
    });
    return { meter, made };
  };
  compared([
    [
      compare,
      'a subscription to usage alone begins with an invoice of nothing, or without one',
      {},
      async (s) => {
        const { made } = await onlyUsage(s);
        return [made.status, (made.latest_invoice as Stripe.Invoice | null)?.lines.data.length];
      },
      ['active', 1],
      ['active', undefined],
    ],
    [
      compare,
      '1000 calls at 0.10, then 500 at 0.15 each hundred: what is billed is 0.75 or 1.75',
      {},
      async (s) => {
        const meter = await meterOf(s);
        // Per call in hundredths: 10 and 15 for a hundred.
        const priceOf = async (unit: string) => {
          const base = await s.stripe.prices.retrieve(await meter.price(1));
          const made = await s.stripe.prices.create({
            currency: 'usd',
            unit_amount_decimal: unit as never,
            recurring: { interval: 'month', usage_type: 'metered', meter: base.recurring!.meter! },
            product_data: { name: 'Calls' },
          });
          return made.id;
        };
        const item = await addItem(s, await priceOf('0.1'));
        await s.to('2027-04-05');
        await meter.use(1000);
        await s.to('2027-04-15');
        await s.update({ items: [{ id: item, price: await priceOf('0.15') }] });
        await s.to('2027-04-20');
        await meter.use(500);
        await s.to('2027-05-02');
        const { lines } = await s.last();
        const used = lines.data.filter((line) => line.description?.includes('Calls'));
        return used.map((line) => line.amount);
      },
      [75],
      [100, 75],
    ],
    [
      compare,
      'an item of usage is taken away: what was used is lost, or waits for the next invoice',
      {},
      async (s) => {
        const meter = await meterOf(s);
        const item = await addItem(s, await meter.price(10));
        await s.to('2027-04-10');
        await meter.use(7);
        await s.to('2027-04-11');
        await s.stripe.subscriptionItems.del(item);
        return s.pending();
      },
      [],
      [70],
    ],
    [
      compare,
      'the same with proration_behavior none: nothing waits',
      {},
      async (s) => {
        const meter = await meterOf(s);
        const item = await addItem(s, await meter.price(10));
        await s.to('2027-04-10');
        await meter.use(7);
        await s.to('2027-04-11');
        await s.stripe.subscriptionItems.del(item, never);
        return s.pending();
      },
      [],
      [],
    ],
    [
      compare,
      'usage of a trial costs nothing and is named',
      { more: { trial_end: unix(half) } },
      async (s) => {
        const meter = await meterOf(s);
        await addItem(s, await meter.price(10));
        await s.to('2027-04-10');
        await meter.use(7);
        await s.to('2027-04-17');
        const { lines, total } = await s.last();
        return [
          total,
          lines.data.map((line) => line.description).filter((one) => /free/i.test(one!)),
        ];
      },
      [1000, []],
      [1000, ['Free trial for 7 × Calls']],
    ],
  ]);
});

describe('mixed intervals', () => {
  const open = (): Promise<Scene> => openScene(stand, '2027-01-01');

  test(`docs.stripe.com/${mixed}: each item has its own period, and the invoice has what is due`, async () => {
    const s = await open();
    const bimonthly = await s.priceOf(500, { interval: 'month', interval_count: 2 });
    const quarterly = await s.priceOf(700, { interval: 'month', interval_count: 3 });
    await s.update({ items: [{ price: bimonthly }, { price: quarterly }] });
    const periods = async () =>
      (await s.now()).items.data.map(
        (item) => `${day(item.current_period_start)!} ${day(item.current_period_end)!}`,
      );
    expect(await periods()).toEqual([
      '2027-01-01 2027-02-01',
      '2027-01-01 2027-03-01',
      '2027-01-01 2027-04-01',
    ]);
    await s.to('2027-02-02');
    expect(await periods()).toEqual([
      '2027-02-01 2027-03-01',
      '2027-01-01 2027-03-01',
      '2027-01-01 2027-04-01',
    ]);
    await s.to('2027-03-02');
    expect(await periods()).toEqual([
      '2027-03-01 2027-04-01',
      '2027-03-01 2027-05-01',
      '2027-01-01 2027-04-01',
    ]);
    await s.to('2027-04-02');
    // First 1000, then with what the additions cost 1000 + 500 + 700, 1000 + 500, 1000 + 700.
    expect(await s.totals()).toEqual([1000, 2200, 1500, 1700]);
    const { cancel_at } = await s.update({ cancel_at: 'max_period_end' });
    expect(day(cancel_at)).toBe('2027-07-01');
  });

  test.each([
    ['month', 2, 'month', 3],
    ['month', 4, 'month', 6],
    ['week', 1, 'month', 1],
    ['day', 2, 'week', 1],
    ['month', 5, 'year', 1],
  ] as const)(
    `docs.stripe.com/${mixed}: not every %s x %i with every %s x %i`,
    async (a, m, b, n) => {
      const s = await open();
      const items = [
        { price: await s.priceOf(100, { interval: a, interval_count: m }) },
        { price: await s.priceOf(100, { interval: b, interval_count: n }) },
      ];
      const error = await errorOf(s.stripe.subscriptions.create({ customer: s.customer, items }));
      expect(error).toMatchObject({ statusCode: 400, param: 'items' });
    },
  );

  test.each([
    ['month', 1, 'year', 1],
    ['day', 1, 'week', 1],
    ['day', 1, 'year', 2],
    ['week', 2, 'week', 4],
    ['month', 2, 'month', 6],
  ] as const)(`docs.stripe.com/${mixed}: every %s x %i with every %s x %i`, async (a, m, b, n) => {
    const s = await open();
    const items = [
      { price: await s.priceOf(100, { interval: a, interval_count: m }) },
      { price: await s.priceOf(100, { interval: b, interval_count: n }) },
    ];
    const made = await s.stripe.subscriptions.create({ customer: s.customer, items });
    expect(made.status).toBe('active');
    const classic = s.stripe.subscriptions.create({
      customer: s.customer,
      items,
      billing_mode: { type: 'classic' },
    });
    expect((await errorOf(classic)).message).toMatch(/must match across all plans/);
  });
});

describe('migrating', () => {
  test('a classic subscription becomes flexible, once, and says since when', async () => {
    const s = await openScene(stand, april, inMode({}, 'classic'));
    await s.to(half);
    const moved = await s.stripe.subscriptions.migrate(s.id, {
      billing_mode: { type: 'flexible', flexible: { proration_discounts: 'itemized' } },
    });
    expect(moved.billing_mode).toEqual({
      type: 'flexible',
      flexible: { proration_discounts: 'itemized' },
      updated_at: unix(half),
    });
    const back = await errorOf(
      s.stripe.subscriptions.migrate(s.id, {
        billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' } },
      }),
    );
    expect(back.statusCode).toBe(400);
  });
});
