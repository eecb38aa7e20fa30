// Which calls another configuration might answer otherwise: each with what it needs under what runs and under what
// would, and the lines of the change that decide it. Bounded in calls. Decides no call itself.
import type { Asked } from '../check.ts';
import { rulingOf } from '../check.ts';
import { routeIdentity, routeName } from './configuration.ts';
import type { ConfigurationChange } from './change.ts';
import type { Rules } from './impact.ts';
import type { Need } from '../entitlement.ts';
import type { Origin } from '../origin.ts';
import { callsOf, otherMethod, showCall } from '../route-call.ts';
import type { RoutePolicy } from '../route-policy.ts';

/** All calls of one kind: with the same needs before and after. */
export type Question = {
  /** One of them. */
  name: string;
  asked: Asked;
  before: Need;
  after: Need;
  isSame: boolean;
  changes: Set<ConfigurationChange>;
  /** The place of each change among all. */
  index: Map<ConfigurationChange, number>;
};

export const callsMax = 100_000;
const questionsMax = 1_000;
const callsAtOnce = 500;
const segmentsBeyondAny = 65;

export function* questionsOf(
  before: Rules,
  after: Rules,
  changes: ConfigurationChange[],
): Generator<undefined, { questions: Question[]; isComplete: boolean }> {
  const index = new Map(changes.map((change, at) => [change, at]));
  const asked = new Map<string, Question>();
  let calls = 0;
  for (const { name, what, change } of askAll(before, after, changes)) {
    calls += 1;
    if (calls % callsAtOnce === 0) yield;
    if (calls > callsMax || asked.size > questionsMax) break;
    const needs = { before: needOf(before, what), after: needOf(after, what) };
    const isSame = JSON.stringify(needs.before) === JSON.stringify(needs.after);
    const key = JSON.stringify(needs);
    const known = asked.get(key) ?? {
      name,
      asked: what,
      ...needs,
      isSame,
      changes: new Set(),
      index,
    };
    if (change && !isSame) known.changes.add(change);
    asked.set(key, known);
  }
  const isComplete = calls <= callsMax && asked.size <= questionsMax;
  return { questions: [...asked.values()], isComplete };
}

type Ask = { name: string; what: Asked; change: ConfigurationChange | null };

/** What a changed line decides, what no policy does, and whatever else somebody may call or use. */
function* askAll(before: Rules, after: Rules, changes: ConfigurationChange[]): Generator<Ask> {
  const all = new Map<string, RoutePolicy>();
  for (const policy of [...before.policies, ...after.policies]) {
    all.set(routeIdentity(policy), policy);
  }
  const everyPolicy = [...all.values()];
  for (const policy of everyPolicy) {
    const [own] = callsOf([policy], [policy]);
    if (own) yield { name: routeName(policy), what: { origin: own.call }, change: null };
  }
  const features = [...before.plans.byVersion.values()].flatMap((plan) => plan.features);
  for (const feature of new Set(features.map((one) => one.feature))) {
    yield { name: `the feature ${feature}`, what: { feature, cost: 1 }, change: null };
  }
  const access = changes.find(({ object, name }) => object === 'setting' && name === 'default_access'); // prettier-ignore
  yield { name: 'what no policy names', what: { origin: nowhere }, change: access ?? null };
  for (const change of changes) {
    if (change.object !== 'route_policy') continue;
    const policy = all.get(routeIdentity((change.after ?? change.before) as RoutePolicy));
    if (!policy) continue;
    for (const { call } of callsOf([policy], everyPolicy)) {
      yield { name: showCall(call), what: { origin: call }, change };
    }
  }
}

/** Longer than any pattern without a star. */
const nowhere: Origin = {
  method: otherMethod,
  segments: Array<string>(segmentsBeyondAny).fill(' '),
};

function needOf(rules: Rules, asked: Asked): Need {
  const { access, feature, cost, readOnly } = rulingOf(rules, asked);
  return { access, feature, cost, readOnly };
}
