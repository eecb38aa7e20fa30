// A schedule without a subscription yet: made ahead, it makes its subscription when its first phase
// begins (https://docs.stripe.com/billing/subscriptions/subscription-schedules/use-cases).
import { invalid } from '../api/error.ts';
import { add, change } from '../delivery/event.ts';
import type { SchedulePhase, SubscriptionSchedule } from '../store/entity-session.ts';
import type { CollectionMethod } from '../store/entity-subscription.ts';
import type { Customer, Metadata } from '../store/entity.ts';
import { newId, nowOn, type World } from '../world.ts';
import { boundaryAfter } from './period.ts';
import { armNext } from './schedule.ts';
import { phasesFrom, type PhaseAsked } from './schedule-phase.ts';
import { createSubscription } from './subscription-create.ts';
import { recurringPrice } from './subscription-price.ts';

export type ScheduleAsked = {
  phases: PhaseAsked[];
  start: 'now' | number;
  endBehavior: 'release' | 'cancel';
  metadata: Metadata;
  collection: CollectionMethod;
  daysUntilDue: number | null;
  method: string | null;
};

/** A schedule for the customer; one that begins now has its subscription at once. */
export const createSchedule = (
  world: World,
  customer: Customer,
  asked: ScheduleAsked,
): SubscriptionSchedule => {
  const now = nowOn(world, customer.test_clock);
  const start = asked.start === 'now' ? now : asked.start;
  const first = asked.phases[0]?.items[0];
  const { currency } =
    first?.price_data ?? recurringPrice(world, first?.price, 'phases[0][items][0][price]');
  const phases = phasesFrom(world, asked.phases, { now, start, currency });
  if (phases[0]!.end_date <= now) {
    throw invalid('The first phase of a subscription schedule must not have ended already.', {
      param: 'phases[0][end_date]',
    });
  }
  const schedule = add(
    world,
    'subscription_schedule',
    {
      id: newId('sub_sched'),
      object: 'subscription_schedule',
      canceled_at: null,
      completed_at: null,
      created: now,
      current_phase: null,
      customer: customer.id,
      end_behavior: asked.endBehavior,
      livemode: false,
      metadata: asked.metadata,
      phases,
      released_at: null,
      released_subscription: null,
      status: 'not_started',
      subscription: null,
      test_clock: customer.test_clock,
      _collection: asked.collection,
      _days_until_due: asked.daysUntilDue,
      _method: asked.method,
    },
    'subscription_schedule.created',
  );
  if (start > now) {
    armNext(world, schedule);
    return schedule;
  }
  return beginSchedule(world, schedule);
};

/** A phase that began in the past: its subscription did too, and keeps that cycle. */
const elapsed = (
  world: World,
  phase: SchedulePhase,
  now: number,
): { anchor: number | null; since?: number } => {
  const { start_date: start, items } = phase;
  if (start >= now) return { anchor: null };
  const { recurring } = world.store.need('price', items[0]!.price);
  return { since: start, anchor: boundaryAfter(start, recurring!, now) };
};

/** The first phase: its subscription is active from here on, its invoice a draft for an hour. */
export const beginSchedule = (
  world: World,
  schedule: SubscriptionSchedule,
): SubscriptionSchedule => {
  const phase = schedule.phases[0]!;
  const method = schedule._method ?? null;
  const now = nowOn(world, schedule.test_clock);
  const { subscription } = createSubscription(world, {
    customer: world.store.need('customer', schedule.customer),
    items: phase.items.map((item) => ({ ...item, isKept: true })),
    behavior: 'allow_incomplete',
    method: method === null ? null : world.store.need('payment_method', method),
    collection: schedule._collection ?? 'charge_automatically',
    daysUntilDue: schedule._days_until_due ?? null,
    trialEnd: phase.trial_end !== null && phase.trial_end > now ? phase.trial_end : null,
    trialEndBehavior: 'create_invoice',
    ...elapsed(world, phase, now),
    prorates: phase.proration_behavior !== 'none',
    cancelAt: null,
    cancelAtPeriodEnd: false,
    discounts: phase._discounts ?? [],
    metadata: phase.metadata,
    description: phase.description ?? null,
    taxRates: phase._tax_rates ?? [],
    onceItems: phase._once,
    billingMode: undefined,
    draftsFirst: true,
    schedule: schedule.id,
  });
  const begun = change(
    world,
    'subscription_schedule',
    schedule.id,
    {
      status: 'active',
      subscription: subscription.id,
      current_phase: { start_date: phase.start_date, end_date: phase.end_date },
    },
    'subscription_schedule.updated',
  );
  armNext(world, begun);
  return begun;
};
