// A random walk through the sandbox: steps that a program, a person or the calendar could take, and
// what must hold after any of them. The steps are data, so that a failing walk shrinks and replays.
import fc from 'fast-check';
import type Stripe from 'stripe';
import { day, hour, type Stand } from './stand.ts';

/** A step names things by number: which of those there are by then, modulo their count. */
export type Step = { deed: string; a: number; b: number; c: number };

const cards = [
  'pm_card_visa',
  'pm_card_chargeCustomerFail',
  'pm_card_threeDSecure2Required',
  'pm_sepaDebit_processing',
  'pm_card_mastercard',
];
const outcomes = ['paid', 'declined', 'requires_action', 'processing', 'abandon'];
const jumps = [hour + 60, day, 3 * day, 8 * day, 33 * day];
const amounts = [0, 1, 999, 1000, 2500, 123_457];

export const openWalk = async (stand: Stand) => {
  const { stripe } = stand;
  const customers: string[] = [];
  const prices: string[] = [];
  const coupons: string[] = [];
  const subscriptions: string[] = [];
  const sessions: string[] = [];

  const of = <T>(list: readonly T[], n: number): T => list[n % list.length]!;
  const addPrice = async (amount: number, interval: 'month' | 'week' | 'year'): Promise<void> => {
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: amount,
      recurring: { interval },
      product_data: { name: 'P' },
    });
    prices.push(price.id);
  };
  for (const amount of amounts) await addPrice(amount, 'month');
  await addPrice(12_000, 'year');
  await addPrice(250, 'week');
  for (const params of [
    { percent_off: 33.3, duration: 'forever' },
    { percent_off: 50, duration: 'once' },
    { amount_off: 700, currency: 'usd', duration: 'repeating', duration_in_months: 2 },
  ] as Stripe.CouponCreateParams[])
    coupons.push((await stripe.coupons.create(params)).id);

  const meter = await stripe.billing.meters.create({
    display_name: 'calls',
    event_name: 'calls',
    default_aggregation: { formula: 'sum' },
  });
  const metered = await stripe.prices.create({
    currency: 'usd',
    unit_amount_decimal: '0.7' as never,
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    product_data: { name: 'Calls' },
  });
  const rates: string[] = [];
  for (const params of [
    { percentage: 19, inclusive: false },
    { percentage: 7.7, inclusive: true },
  ])
    rates.push((await stripe.taxRates.create({ display_name: 'VAT', ...params })).id);
  const { product } = metered;
  const paid = async (a: number): Promise<Stripe.Invoice | undefined> => {
    const list = (await stripe.invoices.list({ status: 'paid', limit: 20 })).data;
    return list.length === 0 ? undefined : of(list, a);
  };

  const latest = async (id: string): Promise<string> =>
    (await stripe.subscriptions.retrieve(id)).latest_invoice as string;
  const itemOf = async (id: string): Promise<string> =>
    (await stripe.subscriptions.retrieve(id)).items.data[0]!.id;

  const deeds: Record<string, (step: Step) => Promise<unknown>> = {
    customer: async ({ a, b }) => {
      const card = of(cards, a);
      const made = await stripe.customers.create({
        payment_method: card,
        invoice_settings: { default_payment_method: card },
        balance: of([0, 0, 0, -700, 300], b),
      });
      customers.push(made.id);
    },
    newCard: async ({ a, b }) => {
      const customer = of(customers, a);
      const method = await stripe.paymentMethods.attach(of(cards, b), { customer });
      await stripe.customers.update(customer, {
        invoice_settings: { default_payment_method: method.id },
      });
    },
    subscribe: async ({ a, b, c }) => {
      const made = await stripe.subscriptions.create({
        customer: of(customers, a),
        items: [{ price: of(prices, b), quantity: of([1, 1, 3, 0], c) }],
        payment_behavior: of(
          ['allow_incomplete', 'default_incomplete', 'error_if_incomplete'] as const,
          c,
        ),
        ...(c % 3 === 0 ? { trial_period_days: 1 + (b % 20) } : {}),
        ...(c % 5 === 0 ? { discounts: [{ coupon: of(coupons, b) }] } : {}),
        ...(c % 4 === 1 ? { backdate_start_date: (await stand.now()) - (1 + (a % 50)) * day } : {}),
        ...(b % 3 === 0 ? { billing_mode: { type: 'classic' as const } } : {}),
        ...(c % 7 === 0
          ? { trial_settings: { end_behavior: { missing_payment_method: 'pause' } } }
          : {}),
      });
      subscriptions.push(made.id);
    },
    change: async ({ a, b, c }) => {
      const id = of(subscriptions, a);
      await stripe.subscriptions.update(id, {
        items: [{ id: await itemOf(id), price: of(prices, b), quantity: 1 + (c % 3) }],
        proration_behavior: of(['create_prorations', 'always_invoice', 'none'] as const, b),
        payment_behavior: of(
          [
            'allow_incomplete',
            'pending_if_incomplete',
            'error_if_incomplete',
            'default_incomplete',
          ] as const,
          c,
        ),
      });
    },
    usage: ({ a, b }) =>
      stripe.billing.meterEvents.create({
        event_name: 'calls',
        payload: { stripe_customer_id: of(customers, a), value: String(1 + (b % 500)) },
      }),
    meterItem: async ({ a, b }) => {
      const { items } = await stripe.subscriptions.retrieve(of(subscriptions, a));
      const counted = items.data.find((item) => item.price.id === metered.id);
      if (counted === undefined)
        await stripe.subscriptionItems.create({
          subscription: of(subscriptions, a),
          price: metered.id,
        });
      else
        await stripe.subscriptionItems.del(counted.id, {
          proration_behavior: of(['create_prorations', 'always_invoice', 'none'] as const, b),
        });
    },
    addItem: ({ a, b, c }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        items: [
          {
            price: of(prices, b),
            ...(c % 2 === 0 ? { discounts: [{ coupon: of(coupons, c) }] } : {}),
          },
        ],
        add_invoice_items:
          c % 3 === 0
            ? [{ price_data: { currency: 'usd', product: product as string, unit_amount: 150 } }]
            : [],
        proration_behavior: of(['create_prorations', 'always_invoice', 'none'] as const, b),
      }),
    tax: ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        default_tax_rates: of([[], [rates[0]!], [rates[1]!], rates], b),
      }),
    endAt: async ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        cancel_at: b % 3 === 0 ? '' : (await stand.now()) + (1 + (b % 60)) * day,
        proration_behavior: of(['create_prorations', 'always_invoice', 'none'] as const, b),
      }),
    migrate: ({ a, b }) =>
      stripe.subscriptions.migrate(of(subscriptions, a), {
        billing_mode: {
          type: 'flexible',
          flexible: { proration_discounts: of(['included', 'itemized'] as const, b) },
        },
      }),
    creditNote: async ({ a, b }) => {
      const invoice = await paid(a);
      if (invoice === undefined || invoice.total <= 0) return;
      const amount = 1 + (b % invoice.total);
      const note = await stripe.creditNotes.create({
        invoice: invoice.id,
        amount,
        credit_amount: amount,
      });
      if (b % 4 === 0) await stripe.creditNotes.voidCreditNote(note.id);
    },
    quote: async ({ a, b, c }) => {
      const made = await stripe.quotes.create({
        customer: of(customers, a),
        line_items: [{ price: of(prices, b) }],
        ...(c % 2 === 0 ? { default_tax_rates: [of(rates, c)] } : {}),
      });
      await stripe.quotes.finalizeQuote(made.id);
      if (c % 5 === 0) return stripe.quotes.cancel(made.id);
      const accepted = await stripe.quotes.accept(made.id);
      if (accepted.subscription !== null) subscriptions.push(accepted.subscription as string);
    },
    byHand: async ({ a, b, c }) => {
      const customer = of(customers, a);
      const draft = await stripe.invoices.create({
        customer,
        default_tax_rates: c % 2 === 0 ? [of(rates, c)] : [],
        ...(c % 3 === 0 ? { discounts: [{ coupon: of(coupons, b) }] } : {}),
      });
      const filled = await stripe.invoices.addLines(draft.id, {
        lines: [{ amount: 1 + b }, { amount: 99, quantity: 1 }, { amount: -(c % 50) }],
      });
      if (c % 4 === 0)
        await stripe.invoices.removeLines(draft.id, {
          lines: [{ id: filled.lines.data[0]!.id, behavior: 'delete' }],
        });
      await stripe.invoices.finalizeInvoice(draft.id);
    },
    discount: ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        discounts: [{ coupon: of(coupons, b) }],
      }),
    endTrial: ({ a }) => stripe.subscriptions.update(of(subscriptions, a), { trial_end: 'now' }),
    extendTrial: async ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        trial_end: (await stand.now()) + (1 + (b % 12)) * day,
      }),
    anchor: ({ a }) =>
      stripe.subscriptions.update(of(subscriptions, a), { billing_cycle_anchor: { type: 'now' } }),
    cancelLater: ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), { cancel_at_period_end: b % 3 > 0 }),
    cancelNow: ({ a, b }) =>
      stripe.subscriptions.cancel(of(subscriptions, a), {
        prorate: b % 2 === 0,
        invoice_now: b % 3 === 0,
      }),
    pauseCollection: ({ a, b }) =>
      stripe.subscriptions.update(of(subscriptions, a), {
        pause_collection:
          b % 4 === 0
            ? ''
            : { behavior: of(['void', 'keep_as_draft', 'mark_uncollectible'] as const, b) },
      }),
    pause: ({ a }) => stripe.subscriptions.pause(of(subscriptions, a), { type: 'subscription' }),
    resume: ({ a }) => stripe.subscriptions.resume(of(subscriptions, a), {}),
    pay: async ({ a, b }) =>
      stripe.invoices.pay(
        await latest(of(subscriptions, a)),
        b % 4 === 0
          ? { paid_out_of_band: true }
          : b % 2 === 0
            ? { payment_method: of(cards, b) }
            : {},
      ),
    finalize: async ({ a }) => stripe.invoices.finalizeInvoice(await latest(of(subscriptions, a))),
    voidOne: async ({ a }) => stripe.invoices.voidInvoice(await latest(of(subscriptions, a))),
    writeOff: async ({ a }) =>
      stripe.invoices.markUncollectible(await latest(of(subscriptions, a))),
    preview: async ({ a, b }) => {
      const id = of(subscriptions, a);
      await stripe.invoices.createPreview({
        subscription: id,
        subscription_details: { items: [{ id: await itemOf(id), price: of(prices, b) }] },
      });
    },
    checkout: async ({ a, b }) => {
      const made = await stripe.checkout.sessions.create({
        mode: 'subscription',
        success_url: 'http://127.0.0.1/',
        customer: of(customers, a),
        line_items: [{ price: of(prices, b), quantity: 1 }],
      });
      sessions.push(made.id);
    },
    person: ({ a, b }) =>
      stand.control('POST', `/checkout/${of(sessions, a)}`, { outcome: of(outcomes, b) }),
    authenticate: async ({ a, b }) => {
      const waiting = (await stripe.paymentIntents.list({ limit: 100 })).data.filter(
        (intent) => intent.status === 'requires_action',
      );
      if (waiting.length > 0)
        await stand.control('POST', `/payment_intents/${of(waiting, a).id}`, {
          outcome: of(['succeeded', 'failed'], b),
        });
    },
    schedule: async ({ a, b }) => {
      const made = await stripe.subscriptionSchedules.create({
        from_subscription: of(subscriptions, a),
      });
      const [first] = made.phases;
      await stripe.subscriptionSchedules.update(made.id, {
        phases: [
          {
            items: [{ price: first!.items[0]!.price as string }],
            start_date: first!.start_date,
            end_date: first!.end_date,
          },
          { items: [{ price: of(prices, b) }] },
        ],
      });
    },
    deleteCustomer: ({ a, b }) =>
      b % 5 === 0 ? stripe.customers.del(of(customers, a)) : Promise.resolve(),
    settings: ({ a }) =>
      stand.control('PUT', '/settings', {
        after_retries: of(['past_due', 'unpaid', 'cancel', 'pause'], a),
      }),
    time: ({ a }) => stand.move(of(jumps, a)),
  };

  return {
    names: Object.keys(deeds),
    /** Takes a step; a refusal in Stripe's words is an answer, anything else throws. */
    take: async (step: Step): Promise<void> => {
      const needs =
        (customers.length === 0 && step.deed !== 'customer' && step.deed !== 'time') ||
        (sessions.length === 0 && step.deed === 'person');
      const wantsSubscription = ![
        'customer',
        'newCard',
        'subscribe',
        'checkout',
        'time',
        'usage',
        'quote',
        'byHand',
        'creditNote',
      ].includes(step.deed);
      if (needs || (wantsSubscription && subscriptions.length === 0)) return;
      let error: any;
      try {
        await deeds[step.deed]!(step);
      } catch (thrown) {
        error = thrown;
      }
      if (error === undefined) return;
      if (
        typeof error.statusCode !== 'number' ||
        error.statusCode >= 500 ||
        error.rawType === 'api_error'
      )
        throw error;
    },
  };
};

export const names = [
  'customer',
  'newCard',
  'subscribe',
  'subscribe',
  'change',
  'change',
  'usage',
  'usage',
  'meterItem',
  'addItem',
  'tax',
  'endAt',
  'migrate',
  'creditNote',
  'quote',
  'byHand',
  'discount',
  'endTrial',
  'extendTrial',
  'anchor',
  'cancelLater',
  'cancelNow',
  'pauseCollection',
  'pause',
  'resume',
  'pay',
  'finalize',
  'voidOne',
  'writeOff',
  'preview',
  'checkout',
  'person',
  'authenticate',
  'schedule',
  'deleteCustomer',
  'settings',
  'time',
  'time',
  'time',
];

const number = fc.nat({ max: 1000 });
/** A customer, a subscription, then anything. */
export const walks = (length: number) =>
  fc
    .array(fc.record({ deed: fc.constantFrom(...names), a: number, b: number, c: number }), {
      minLength: Math.floor(length / 2),
      maxLength: length,
      size: 'max',
    })
    .map((steps) => [
      { deed: 'customer', a: 0, b: 0, c: 0 },
      { deed: 'subscribe', a: 0, b: 3, c: 1 },
      ...steps,
    ]);
