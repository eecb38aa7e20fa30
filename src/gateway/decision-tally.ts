// Counts every check by minute, route, plan and code, whether it is kept or not, and remembers who was told to pay.
// In memory and bounded: beyond so many rows only the code is told apart, so that totals stay exact. Writes nothing.
import type { DecisionCount, PaymentDemand } from '../adapters/decision.ts';
import { denials } from '../domain/denial.ts';
import type { Outcome } from './check.ts';

const minuteMs = 60_000;
const talliesMax = 5_000;
/** Stands for what no longer gets a row of its own. */
const others = '*';
/** One more is noted when it is told to pay again. */
const demandsMax = 10_000;
const hourMs = 3_600_000;
/** Customers known to have been noted in this hour: a flood of denials is no flood of rows. */
const notedMax = 100_000;

type Tally = { checks: number; dropped: number };
/** By route policy, plan and code; '' stands for none. */
type Tallies = Map<string, Map<string, Map<string, Tally>>>;

export function createDecisionTally() {
  let minutes = new Map<number, Tallies>();
  let size = 0;
  let overflow: { minute: number; tallies: Tallies } | null = null;
  let demands = new Map<string, number>();
  let noted = new Set<string>();
  let notedHour = NaN;
  let lastMinute = NaN;
  let lastTallies: Tallies = new Map();

  function tallyOf({ verdict, basis }: Outcome): Tally {
    const minute = Math.floor(basis.now / minuteMs);
    if (minute !== lastMinute) {
      lastMinute = minute;
      lastTallies = getOrMake(minutes, minute, () => new Map() as Tallies);
    }
    const route = basis.ruling?.id ?? '';
    const plan = verdict.allowed ? (verdict.plan ?? '') : (verdict.plan?.key ?? '');
    const code = verdict.allowed ? '' : verdict.code;
    const known = lastTallies.get(route)?.get(plan)?.get(code);
    if (known) return known;
    if (size >= talliesMax) {
      overflow ??= { minute, tallies: makeMap() };
      return tallyIn(overflow.tallies, others, others, code);
    }
    size += 1;
    return tallyIn(lastTallies, route, plan, code);
  }

  function count(outcome: Outcome): void {
    tallyOf(outcome).checks += 1;
    const { verdict, basis } = outcome;
    if (verdict.allowed || verdict.customerId === null) return;
    if (denials[verdict.code].status === 402) noteDemand(verdict.customerId, basis.now);
  }

  /** Once per customer and hour, which is what a row stands for. */
  function noteDemand(customerId: string, now: number): void {
    const hour = Math.floor(now / hourMs);
    if (hour !== notedHour) [noted, notedHour] = [new Set(), hour];
    if (noted.has(customerId) || demands.has(customerId) || demands.size >= demandsMax) return;
    demands.set(customerId, now);
    if (noted.size < notedMax) noted.add(customerId);
  }

  /** All since the last time. */
  function take(): { counts: DecisionCount[]; demands: PaymentDemand[] } {
    const counts = [...minutes].flatMap(([minute, tallies]) => rowsOf(minute, tallies));
    if (overflow) counts.push(...rowsOf(overflow.minute, overflow.tallies));
    const taken = {
      counts,
      demands: [...demands].map(([customer_id, at]) => ({ customer_id, first_at: instant(at) })),
    };
    minutes = new Map();
    [size, overflow, lastMinute] = [0, null, NaN];
    demands = new Map();
    return taken;
  }

  return {
    count,
    /** It was to be kept, and is not. */
    drop: (outcome: Outcome) => void (tallyOf(outcome).dropped += 1),
    take,
    isEmpty: () => size === 0,
  };
}

function tallyIn(tallies: Tallies, route: string, plan: string, code: string): Tally {
  const plans = getOrMake(tallies, route, makeMap<string, Map<string, Tally>>);
  const codes = getOrMake(plans, plan, makeMap<string, Tally>);
  return getOrMake(codes, code, () => ({ checks: 0, dropped: 0 }));
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function makeMap<Key, Value>(): Map<Key, Value> {
  return new Map();
}

function rowsOf(minute: number, tallies: Tallies): DecisionCount[] {
  const at = instant(minute * minuteMs);
  return [...tallies].flatMap(([route_policy_id, plans]) =>
    [...plans].flatMap(([plan, codes]) =>
      [...codes].map(([code, tally]) => ({ minute: at, route_policy_id, plan, code, ...tally })),
    ),
  );
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
