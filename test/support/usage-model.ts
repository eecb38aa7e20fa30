// What counting means, said as plainly as can be: a list of everything that happened, summed up anew for each
// question. Shares no code with the service. UTC only; no overage.

export type ModelWindow = 'minute' | 'hour' | 'day' | 'month' | 'billing_period';
export type ModelLimit = { window: ModelWindow; max: number; on_exceed?: 'payment' | 'wait' };
export type ModelPlan = {
  features: { feature: string; limits: ModelLimit[]; pool?: { pool: string; cost: number } }[];
  pools: { pool: string; limits: ModelLimit[] }[];
};
type Rule = ModelLimit & { name: string; weight: number };
/** Units of a name, in the windows that were limited when they were counted. */
type Entry = { name: string; windows: ModelWindow[]; at: number; units: number };
type Reservation = {
  entries: Entry[];
  weights: number[];
  until: number;
  state: 'held' | 'settled' | 'released';
  settled: number;
};

export function createUsageModel(options: {
  plan: ModelPlan;
  caps: (ModelLimit & { feature: string })[];
  anchor: number;
}) {
  let { plan } = options;
  const used: Entry[] = [];
  const ids = new Set<string>();
  const reservations: Reservation[] = [];

  function rules(feature: string, byKey: boolean): Rule[] {
    const granted = plan.features.find((one) => one.feature === feature)!;
    const pool = plan.pools.find((one) => one.pool === granted.pool?.pool);
    const cost = granted.pool?.cost ?? 0;
    const all: Rule[] = granted.limits.map((limit) => ({ ...limit, name: feature, weight: 1 }));
    for (const limit of pool?.limits ?? []) all.push({ ...limit, name: pool!.pool, weight: cost });
    for (const cap of byKey ? options.caps : []) {
      const weight = cap.feature === feature ? 1 : cap.feature === pool?.pool ? cost : 0;
      if (weight) all.push({ ...cap, on_exceed: 'wait', name: `key ${cap.feature}`, weight });
    }
    const waits = (rule: Rule) => rule.on_exceed === 'wait';
    return [...all.filter((rule) => !waits(rule)), ...all.filter(waits)];
  }

  function entriesOf(feature: string, byKey: boolean, units: number, at: number): Entry[] {
    const limited = rules(feature, byKey);
    const open: Rule[] = (['month', 'billing_period'] as const).map((window) => ({ name: feature, weight: 1, window, max: 0 })); // prettier-ignore
    return (limited.length ? limited : open).map(({ name, window, weight }) => ({
      name,
      windows: [window],
      at,
      units: units * weight,
    }));
  }

  function sum(entries: Entry[], name: string, window: ModelWindow, now: number): number {
    const start = windowStart(window, now, options.anchor);
    const same = entries.filter(
      (entry) =>
        entry.name === name &&
        entry.windows.includes(window) &&
        windowStart(window, entry.at, options.anchor) === start,
    );
    return same.reduce((total, { units }) => total + units, 0);
  }

  const heldNow = (now: number) =>
    reservations
      .filter(({ state, until }) => state === 'held' && until > now)
      .flatMap(({ entries }) => entries);

  function counts(name: string, window: ModelWindow, now: number) {
    return { used: sum(used, name, window, now), held: sum(heldNow(now), name, window, now) };
  }

  function refusal(feature: string, byKey: boolean, units: number, now: number): string | null {
    for (const { name, window, weight, max, on_exceed } of rules(feature, byKey)) {
      const count = counts(name, window, now);
      if (count.used + count.held + units * weight <= max) continue;
      return on_exceed === 'wait' ? 'rate_limited' : 'quota_exhausted';
    }
    return null;
  }

  return {
    counts,
    check(feature: string, byKey: boolean, units: number, now: number): string | null {
      const code = refusal(feature, byKey, units, now);
      // A check counts only where there is a limit; records and reservations are always counted somewhere.
      const isCounted = rules(feature, byKey).length > 0;
      if (!code && isCounted) used.push(...entriesOf(feature, byKey, units, now));
      return code;
    },
    record(id: string, feature: string, byKey: boolean, units: number, at: number): boolean {
      if (ids.has(id)) return false;
      ids.add(id);
      used.push(...entriesOf(feature, byKey, units, at));
      return true;
    },
    reserve(feature: string, byKey: boolean, units: number, now: number, seconds: number) {
      const code = refusal(feature, byKey, units, now);
      if (code) return code;
      const limited = rules(feature, byKey);
      reservations.push({
        entries: entriesOf(feature, byKey, units, now),
        weights: limited.length ? limited.map(({ weight }) => weight) : [1, 1],
        until: now + seconds * 1000,
        state: 'held',
        settled: 0,
      });
      return null;
    },
    settle(index: number, units: number): number {
      const reservation = reservations[index]!;
      if (reservation.state !== 'settled') {
        reservation.entries.forEach((entry, at) =>
          used.push({ ...entry, units: units * reservation.weights[at]! }),
        );
        reservation.state = 'settled';
        reservation.settled = units;
      }
      return reservation.settled;
    },
    release(index: number): void {
      const reservation = reservations[index]!;
      if (reservation.state === 'held') reservation.state = 'released';
    },
    moveTo(next: ModelPlan): void {
      plan = next;
    },
    reservations: () => reservations.length,
  };
}

function windowStart(window: ModelWindow, at: number, anchor: number): number {
  const date = new Date(at);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (window) {
    case 'minute':
      return Date.UTC(year, month, day, date.getUTCHours(), date.getUTCMinutes());
    case 'hour':
      return Date.UTC(year, month, day, date.getUTCHours());
    case 'day':
      return Date.UTC(year, month, day);
    case 'month':
      return Date.UTC(year, month);
    case 'billing_period': {
      // The latest monthly return of the anchor that is not later, on the month's last day where it has no such day.
      const first = new Date(anchor);
      let latest = -Infinity;
      for (let count = -2; count < 24; count += 1) {
        const target = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + count, 1));
        const lastDay = new Date(Date.UTC(target.getUTCFullYear(), target.getUTCMonth() + 1, 0));
        target.setUTCDate(Math.min(first.getUTCDate(), lastDay.getUTCDate()));
        const start = target.getTime() + (anchor % 86_400_000);
        if (start <= at) latest = Math.max(latest, start);
      }
      return latest;
    }
  }
}
