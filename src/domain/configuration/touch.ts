// Whom each line of a change concerns as soon as it is applied, and what changes for them, as it is told: counts, the
// first ids, a sentence. Pure; what the check would say was found out before.
import type { ConfigurationChange } from './change.ts';
import { isWithoutSubscription, lossesMax } from './impact.ts';
import type { Impact, Loss, Standing } from './impact.ts';

export type Effect = 'keeps_version' | 'gets_version' | 'no_longer_offered' | 'offered' | 'answer' | 'setting'; // prettier-ignore

export type Touch = {
  effect: Effect;
  detail: string;
  customers: number | null;
  customer_ids: string[];
};

const idsMax = 20;
const lossIdsMax = 100;

/** Lines that touch nobody have none. */
export function touchesOf(change: ConfigurationChange, impact: Impact, now: number): Touch[] {
  const own =
    change.object === 'plan'
      ? planTouches(change, impact.standings, now)
      : change.object === 'setting'
        ? settingTouches(change, impact.standings, now)
        : [];
  const answers = [...impact.turns.values()]
    .filter((turn) => turn.change === change)
    .map(({ from, to, groups }) => {
      const who = groups ? 'Calls' : 'Calls without a key';
      return touch('answer', `${who} that got ${from} get ${to}.`, groups && [...groups]);
    });
  return [...own, ...answers].filter(({ customers }) => customers !== 0);
}

function touch(effect: Effect, detail: string, standings: Standing[] | null): Touch {
  return { effect, detail, ...count(standings, idsMax) };
}

function count(standings: Standing[] | null, max: number) {
  const all = standings ?? [];
  const customer_ids = all.flatMap(({ ids }) => ids).slice(0, max);
  const customers = standings && all.reduce((sum, standing) => sum + standing.customers, 0);
  return { customers, customer_ids };
}

/** Whether a change of this plan makes a version: what belongs to the plan itself does not. */
export function makesVersion({ object, action, fields }: ConfigurationChange): boolean {
  if (object !== 'plan') return false;
  return action === 'create' || fields.some(({ path }) => path !== 'public' && path !== 'archived');
}

function planTouches(change: ConfigurationChange, standings: Standing[], now: number): Touch[] {
  const { name, action } = change;
  const on = standings.filter(({ footing: { before } }) => before.plan?.key === name);
  const subscribers = on.filter(({ footing }) => !isWithoutSubscription(footing.before, now));
  const byDefault = on.filter(({ footing }) => isWithoutSubscription(footing.before, now));
  const stillDefault = byDefault.filter(({ footing }) => footing.after.plan?.key === name);
  const touches: Touch[] = [];
  if (action !== 'create' && makesVersion(change)) {
    const keeps = 'Subscribers keep the version they have until they are moved (PATCH /subscriptions/{id} with the same plan).'; // prettier-ignore
    touches.push(touch('keeps_version', keeps, subscribers));
    const moves = 'Whom it serves as the default plan gets the new version at once.';
    touches.push(touch('gets_version', moves, stillDefault));
  }
  if (action === 'archive') {
    const stays = 'Subscribers keep the plan; nobody else can subscribe to it.';
    touches.push(touch('no_longer_offered', stays, subscribers));
  }
  if (action === 'restore') {
    const again = 'Subscribers keep the plan; others can subscribe to it again.';
    touches.push(touch('offered', again, subscribers));
  }
  return touches;
}

type Rule = { who: (standing: Standing, now: number) => boolean; detail: string };

const late: Rule['who'] = ({ past_due }) => past_due;
const everybody: Rule['who'] = () => true;

/** Settings that somebody feels at once. */
const settings: Record<string, Rule> = {
  default_plan: {
    who: ({ footing, isMoved }, now) => isMoved && isWithoutSubscription(footing.after, now),
    detail: 'Whoever has no live subscription is decided as if on this plan from now on.',
  },
  pause_policy: { who: ({ paused }) => paused, detail: 'Their collection is paused now.' },
  refund_policy: {
    who: ({ refunded }) => refunded,
    detail: 'What they paid for the current period has been given back.',
  },
  dispute_policy: { who: ({ disputed }) => disputed, detail: 'They dispute a payment now.' },
  payment_retries: { who: late, detail: 'A payment of theirs is late now.' },
  payment_retry_hours: { who: late, detail: 'A payment of theirs is late now.' },
  usage_alert_thresholds: {
    who: everybody,
    detail: 'They are told at these shares of a limit from now on.',
  },
  renewal_notice_days: {
    who: ({ footing: { before } }, now) => !isWithoutSubscription(before, now),
    detail: 'Their next renewal is announced so long before.',
  },
};

function settingTouches(change: ConfigurationChange, standings: Standing[], now: number): Touch[] {
  const rule = settings[change.name];
  if (!rule) return [];
  return [
    touch(
      'setting',
      rule.detail,
      standings.filter((standing) => rule.who(standing, now)),
    ),
  ];
}

/** The losses as they are told, by plan version and answer. */
export function tellLosses({ losses, isComplete }: Impact) {
  const all = [...losses.values()];
  const groups = new Set(all.flatMap((loss) => [...loss.groups]));
  const standings = [...groups].filter((group) => group.customers > 1 || !isWithin(group, groups));
  return {
    customers: count(standings, 0).customers ?? 0,
    data: all.slice(0, lossesMax).map(tellLoss),
    is_complete: isComplete && all.length <= lossesMax,
  };
}

/** Whether a customer that was looked at alone is one of a group that loses anyway. */
function isWithin({ ids }: Standing, groups: Set<Standing>): boolean {
  return [...groups].some((group) => group.customers > 1 && group.ids.includes(ids[0]!));
}

function tellLoss({ groups, calls, plan, plan_version, status, code }: Loss) {
  const { customers, customer_ids } = count([...groups], lossIdsMax);
  return {
    plan,
    plan_version,
    status,
    code,
    calls: [...calls],
    customers: customers ?? 0,
    customer_ids,
  };
}
