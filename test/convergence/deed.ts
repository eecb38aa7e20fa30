// What a customer, an operator at Stripe's dashboard or the calendar may do to a subscription, made at Stripe and
// not through us. Steps are data, so that a failing history shrinks and replays.
import fc from 'fast-check';
import type Stripe from 'stripe';
import { control } from '../support/stripe.ts';
import type { World } from './world.ts';

/** `who` and the letters choose among what there is by then, modulo their count. */
export type Step = { deed: DeedName; who: number; a: number; b: number };

/** Most cards pay; some are declined, some ask for their owner, and some customers have none. */
export const cards = [
  'pm_card_visa',
  'pm_card_chargeCustomerFail',
  'pm_card_visa',
  'pm_card_threeDSecure2Required',
  'pm_card_mastercard',
  'pm_card_visa',
  null,
] as const;

const hourMs = 3_600_000;
/** No multiple of a period or of a ladder's step: instants are compared to the millisecond elsewhere. */
const jumpsMs = [1.2, 25.3, 74.7, 200.9, 365.1, 750.7].map((hours) => hours * hourMs);
/** Events are kept for thirty days. */
const legMs = 14 * 24 * hourMs;

/** A customer with us and at Stripe, and the subscriptions it has had. */
export type Subject = { id: string; customer: string; subscriptions: string[] };

const behaviours = ['allow_incomplete', 'allow_incomplete', 'default_incomplete'] as const;
const trialEnds = ['create_invoice', 'pause', 'cancel'] as const;
const trials = [0, 0, 0, 1, 5, 14];

type Play = { world: World; subjects: Subject[]; born: () => Promise<void> };

const of = <T>(list: readonly T[], n: number): T => list[n % list.length]!;

export const deeds = {
  async create({ world, subjects }: Play, { who, a, b }: Step) {
    const subject = of(subjects, who);
    const { data: live } = await world.stripe.subscriptions.list({ customer: subject.customer });
    if (live.length > (a % 10 === 0 ? 1 : 0)) return;
    const days = of(trials, b);
    const made = await world.stripe.subscriptions.create({
      customer: subject.customer,
      items: [{ price: of(world.plans.prices, a), quantity: 1 + (b % 3) }],
      payment_behavior: of(behaviours, a + b),
      billing_mode: { type: b % 2 ? 'flexible' : 'classic' },
      ...(days === 0
        ? {}
        : {
            trial_period_days: days,
            trial_settings: { end_behavior: { missing_payment_method: of(trialEnds, a) } },
          }),
    });
    subject.subscriptions.push(made.id);
  },
  async setCard({ world, subjects }: Play, { who, a }: Step) {
    const { customer } = of(subjects, who);
    const card = of(cards, a) ?? 'pm_card_chargeCustomerFail';
    const method = await world.stripe.paymentMethods.attach(card, { customer });
    const invoice_settings = { default_payment_method: method.id };
    await world.stripe.customers.update(customer, { invoice_settings });
  },
  change: (play: Play, step: Step) =>
    update(play, step, async (current) => ({
      items: [
        {
          id: current.items.data[0]!.id,
          price: of(play.world.plans.prices, step.a),
          quantity: 1 + (step.b % 3),
        },
      ],
      proration_behavior: of(['always_invoice', 'create_prorations', 'none'] as const, step.b),
      payment_behavior: of(['pending_if_incomplete', 'allow_incomplete'] as const, step.a),
    })),
  async schedule({ world, subjects }: Play, step: Step) {
    const id = subscriptionOf(subjects, step);
    const { subscriptionSchedules } = world.stripe;
    const { schedule } = await world.stripe.subscriptions.retrieve(id);
    if (schedule) return void (await subscriptionSchedules.release(schedule as string));
    const made = await subscriptionSchedules.create({ from_subscription: id });
    const { start_date, end_date, items } = made.phases[0]!;
    const now = items.map(({ price, quantity }) => ({
      price: price as string,
      quantity: quantity ?? 1,
    }));
    const next = { price: of(world.plans.prices, step.a), quantity: 1 + (step.b % 2) };
    await subscriptionSchedules.update(made.id, {
      phases: [
        { start_date, end_date, items: now },
        { items: [next], duration: { interval: 'month', interval_count: 1 } },
      ],
    });
  },
  cancelNow: ({ world, subjects }: Play, step: Step) =>
    world.stripe.subscriptions.cancel(subscriptionOf(subjects, step), { prorate: step.b % 2 > 0 }),
  cancelLater: (play: Play, step: Step) =>
    update(play, step, async () => ({ cancel_at_period_end: true })),
  cancelAt: (play: Play, step: Step) =>
    update(play, step, async () => {
      const now = await play.world.clock.nowAtStripe();
      const hours = of([2, 30, 100, 300, 900], step.b);
      return { cancel_at: Math.floor((now.getTime() + hours * hourMs) / 1000) };
    }),
  undo: (play: Play, step: Step) =>
    update(play, step, async (current) =>
      current.cancel_at_period_end ? { cancel_at_period_end: false } : { cancel_at: '' },
    ),
  pauseCollection: (play: Play, step: Step) =>
    update(play, step, async (current) => ({
      pause_collection: current.pause_collection
        ? ''
        : { behavior: of(['void', 'keep_as_draft', 'mark_uncollectible'] as const, step.b) },
    })),
  pause: ({ world, subjects }: Play, step: Step) =>
    world.stripe.subscriptions.pause(subscriptionOf(subjects, step), { type: 'subscription' }),
  resume: ({ world, subjects }: Play, step: Step) =>
    world.stripe.subscriptions.resume(subscriptionOf(subjects, step), {}),
  async endTrial(play: Play, step: Step) {
    await update(play, step, async () => ({ trial_end: 'now' }));
  },
  async pay({ world, subjects }: Play, { who, a }: Step) {
    const { customer } = of(subjects, who);
    const { data } = await world.stripe.invoices.list({ customer, status: 'open' });
    if (data.length === 0) return;
    await world.stripe.invoices.pay(
      of(data, a).id,
      a % 3 === 0
        ? { paid_out_of_band: true }
        : a % 3 === 1
          ? { payment_method: 'pm_card_visa' }
          : {},
    );
  },
  async writeOff({ world, subjects }: Play, { who, a, b }: Step) {
    const { customer } = of(subjects, who);
    const { data } = await world.stripe.invoices.list({ customer, status: 'open' });
    if (data.length === 0) return;
    const { id } = of(data, a);
    if (b % 2) await world.stripe.invoices.voidInvoice(id);
    else await world.stripe.invoices.markUncollectible(id);
  },
  async authenticate({ world, subjects }: Play, { who, a }: Step) {
    const { customer } = of(subjects, who);
    const { data } = await world.stripe.paymentIntents.list({ customer, limit: 100 });
    const waiting = data.filter(({ status }) => status === 'requires_action');
    if (waiting.length === 0) return;
    const outcome = a % 3 ? 'succeeded' : 'failed';
    const path = `/_sandbox/payment_intents/${of(waiting, a).id}`;
    await control(world.sandbox, 'POST', path, { outcome });
  },
  async refund({ world, subjects }: Play, { who, a, b }: Step) {
    const { customer } = of(subjects, who);
    const { data } = await world.stripe.charges.list({ customer, limit: 100 });
    const paid = data.filter((charge) => charge.paid && !charge.refunded);
    if (paid.length === 0) return;
    const charge = of(paid, a);
    await world.stripe.refunds.create({
      charge: charge.id,
      ...(b % 2 ? { amount: Math.ceil(charge.amount / 3) } : {}),
    });
  },
  async remove({ world, subjects }: Play, { who, a }: Step) {
    if (a % 6 === 0) await world.stripe.customers.del(of(subjects, who).customer);
  },
  async settings({ world }: Play, { a }: Step) {
    const after_retries = of(['past_due', 'unpaid', 'cancel', 'pause'], a);
    await control(world.sandbox, 'PUT', '/_sandbox/settings', { after_retries });
  },
  /** In legs, and after each of them the news of it is collected. */
  async time({ world, born }: Play, { a }: Step) {
    let left = of(jumpsMs, a);
    while (left > 0) {
      const leg = Math.min(left, legMs);
      const now = await world.clock.nowAtStripe();
      await world.clock.moveTo(new Date(now.getTime() + leg));
      await born();
      left -= leg;
    }
  },
} satisfies Record<string, (play: Play, step: Step) => Promise<unknown>>;

export type DeedName = keyof typeof deeds;

/** Takes a step; a refusal in Stripe's words is an answer, anything else throws. */
export async function take(play: Play, step: Step): Promise<void> {
  try {
    await deeds[step.deed](play, step);
  } catch (error) {
    const status = (error as { statusCode?: number }).statusCode;
    if (status === undefined || status >= 500) throw error;
  }
}

class NothingThere extends Error {
  statusCode = 404;
}

function subscriptionOf(subjects: Subject[], { who }: Step): string {
  const id = of(subjects, who).subscriptions.at(-1);
  if (id === undefined) throw new NothingThere();
  return id;
}

async function update(
  { world, subjects }: Play,
  step: Step,
  change: (current: Stripe.Subscription) => Promise<Stripe.SubscriptionUpdateParams>,
): Promise<void> {
  const id = subscriptionOf(subjects, step);
  const current = await world.stripe.subscriptions.retrieve(id);
  await world.stripe.subscriptions.update(id, await change(current));
}

const often: Partial<Record<DeedName, number>> = {
  create: 5,
  time: 5,
  change: 4,
  setCard: 3,
  pay: 3,
  cancelNow: 2,
  cancelLater: 2,
  cancelAt: 2,
  undo: 2,
  pauseCollection: 2,
  schedule: 3,
};
const weighted = (Object.keys(deeds) as DeedName[]).flatMap((name) =>
  Array.from({ length: often[name] ?? 1 }, () => name),
);

const number = fc.nat({ max: 999 });

/** Of a so many customers; each begins with a subscription. */
export const steps = (options: { customers: number; length: number }): fc.Arbitrary<Step[]> => {
  const { customers, length } = options;
  const who = fc.nat({ max: customers - 1 });
  const first = fc.tuple(...Array.from({ length: customers }, () => fc.tuple(number, number)));
  const later = fc.array(
    fc.record({ deed: fc.constantFrom(...weighted), who, a: number, b: number }),
    { minLength: Math.floor(length * 0.7), maxLength: length, size: 'max' },
  );
  return fc
    .tuple(first, later)
    .map(([begin, rest]) => [
      ...begin.map(([a, b], index): Step => ({ deed: 'create', who: index, a, b })),
      ...rest,
    ]);
};
