// The phases of a schedule as asked for: each begins where the one before ends.
import { invalid } from '../api/error.ts';
import type { SchedulePhase, SubscriptionSchedule } from '../store/entity-session.ts';
import { nowOn, type World } from '../world.ts';
import { boundary } from './period.ts';
import { recurringPrice } from './subscription-price.ts';

export type PhaseAsked = {
  items: { price: string; quantity?: number | undefined }[];
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
      items: phase.items.map((item, j) => ({
        price: recurringPrice(world, item.price, `phases[${i}][items][${j}][price]`).id,
        quantity: item.quantity ?? 1,
      })),
      start_date: begins,
      end_date: ends,
      proration_behavior: phase.proration_behavior ?? 'create_prorations',
      metadata: phase.metadata ?? {},
      currency,
      trial_end: null,
    };
  });
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
  const price = world.store.get('price', phase.items[0]?.price ?? '');
  const periods = phase.iterations ?? 1;
  return boundary(start, price?.recurring ?? { interval: 'month', interval_count: 1 }, periods);
};
