// The phases of a schedule as asked for: each begins where the one before ends.
import { invalid } from '../api/error.ts';
import type { PhaseItem, SchedulePhase, SubscriptionSchedule } from '../store/entity-session.ts';
import { nowOn, type World } from '../world.ts';
import type { DiscountAsked } from './discount.ts';
import type { OnceItemAsked } from './once-item.ts';
import { boundary } from './period.ts';
import { priceOf, withPrices, type PriceData } from './price-inline.ts';
import { recurringPrice } from './subscription-price.ts';
import { taxRates } from './tax.ts';

export type PhaseAsked = {
  items: {
    price?: string | undefined;
    price_data?: PriceData | undefined;
    quantity?: number | undefined;
    metadata?: Record<string, string> | null | undefined;
    tax_rates?: string[] | null | undefined;
    discounts?: DiscountAsked[] | null | undefined;
  }[];
  add_invoice_items?: OnceItemAsked[] | undefined;
  billing_cycle_anchor?: 'automatic' | 'phase_start' | undefined;
  default_tax_rates?: string[] | null | undefined;
  description?: string | null | undefined;
  discounts?: DiscountAsked[] | null | undefined;
  trial?: boolean | undefined;
  trial_end?: 'now' | number | undefined;
  start_date?: 'now' | number | undefined;
  end_date?: 'now' | number | undefined;
  duration?:
    | { interval: 'day' | 'week' | 'month' | 'year'; interval_count?: number | undefined }
    | undefined;
  proration_behavior?: SchedulePhase['proration_behavior'] | undefined;
  /** Of older API versions: how many periods of its price. */
  iterations?: number | undefined;
  metadata?: Record<string, string> | null | undefined;
};

/** The phases of a schedule that is there already. */
export const phasesOf = (
  world: World,
  schedule: SubscriptionSchedule,
  asked: PhaseAsked[],
): SchedulePhase[] =>
  phasesFrom(world, asked, {
    now: nowOn(world, schedule.test_clock),
    start: firstStart(schedule, asked[0]?.start_date),
    currency: schedule.phases[0]!.currency,
  });

/** The phases as asked, each beginning where the one before ends. */
export const phasesFrom = (
  world: World,
  asked: PhaseAsked[],
  about: { now: number; start: number; currency: string },
): SchedulePhase[] => {
  const { now, currency } = about;
  let { start } = about;
  return asked.map((phase, i) => {
    const at = (when: 'now' | number | undefined): number | undefined =>
      when === 'now' ? now : when;
    const begins = at(phase.start_date) ?? start;
    if (begins !== start) {
      throw invalid('The start date of a phase must be the end date of the phase before it.', {
        param: `phases[${i}][start_date]`,
      });
    }
    const ends =
      at(phase.end_date) ?? durationEnd(phase, begins) ?? naturalEnd(world, phase, begins);
    if (ends <= begins)
      throw invalid('The end date of a phase must be after its start.', {
        param: `phases[${i}][end_date]`,
      });
    start = ends;
    return {
      items: itemsOf(world, phase, `phases[${i}][items]`),
      start_date: begins,
      end_date: ends,
      proration_behavior: phase.proration_behavior ?? 'create_prorations',
      metadata: phase.metadata ?? {},
      currency,
      trial_end: trialEnd(phase, { begins, ends, now }, `phases[${i}][trial_end]`),
      billing_cycle_anchor: phase.billing_cycle_anchor ?? null,
      description: phase.description ?? null,
      ...(phase.discounts === undefined ? {} : { _discounts: phase.discounts ?? [] }),
      _tax_rates: taxRates(world, phase.default_tax_rates ?? [], `phases[${i}][default_tax_rates]`),
      _once: onceOf(world, phase, `phases[${i}][add_invoice_items]`),
    };
  });
};

const itemsOf = (world: World, phase: PhaseAsked, param: string): PhaseItem[] =>
  withPrices(world, phase.items, param).map((item, j) => ({
    price: recurringPrice(world, item.price, `${param}[${j}][price]`).id,
    quantity: item.quantity ?? 1,
    metadata: item.metadata ?? {},
    tax_rates: taxRates(world, item.tax_rates ?? [], `${param}[${j}][tax_rates]`),
    discounts: item.discounts ?? [],
  }));

/** Prices made for what is paid once are made now, so that the schedule can name them. */
const onceOf = (world: World, phase: PhaseAsked, param: string): OnceItemAsked[] =>
  (phase.add_invoice_items ?? []).map(({ price_data, price: named, ...one }, j) => {
    const price = priceOf(world, { price: named, price_data }, `${param}[${j}]`);
    return { ...one, ...(price === undefined ? {} : { price }) };
  });

/** A phase that is all trial, or that begins with one. */
const trialEnd = (
  phase: PhaseAsked,
  { begins, ends, now }: { begins: number; ends: number; now: number },
  param: string,
): number | null => {
  if (phase.trial === true) return ends;
  const at = phase.trial_end === 'now' ? now : (phase.trial_end ?? null);
  if (at === null || at <= begins) return null;
  if (at <= ends) return at;
  throw invalid('The trial of a phase must end within it.', { param });
};

/** Phases that are over may be left out: the first one begins where one of the schedule's does. */
const firstStart = (schedule: SubscriptionSchedule, asked: PhaseAsked['start_date']): number => {
  const known = schedule.phases.find((phase) => phase.start_date === asked);
  return (known ?? schedule.current_phase ?? schedule.phases[0]!).start_date;
};

const durationEnd = ({ duration }: PhaseAsked, start: number): number | undefined =>
  duration === undefined
    ? undefined
    : boundary(
        start,
        { interval: duration.interval, interval_count: duration.interval_count ?? 1 },
        1,
      );

/** Without an end a phase lasts one period of its price. */
const naturalEnd = (world: World, phase: PhaseAsked, start: number): number => {
  const [first] = phase.items;
  const price = first?.price_data ?? world.store.get('price', first?.price ?? '');
  const periods = phase.iterations ?? 1;
  return boundary(
    start,
    {
      interval: price?.recurring?.interval ?? 'month',
      interval_count: price?.recurring?.interval_count ?? 1,
    },
    periods,
  );
};
