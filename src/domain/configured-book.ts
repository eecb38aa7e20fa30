// The rules that a written configuration stands for, as a check takes them: what would decide if just this ran. A
// setting that is not written has the value a new installation has.
import type { RuleBook } from './check.ts';
import type { ConfiguredRoutePolicy, WrittenConfiguration } from './configuration/configuration.ts';
import { routeName } from './configuration/configuration.ts';
import type { LadderStep, PlanFacts } from './plan.ts';
import { defaultLadder } from './plan.ts';
import type { RoutePolicy } from './route-policy.ts';
import { buildRouteTable } from './route-policy.ts';

type WrittenPlan = NonNullable<WrittenConfiguration['plans']>[number];

/** All that a configuration decides of a call and of a caller. */
export type ConfiguredRules = {
  book: RuleBook;
  /** Of all route policies, "GET /reports". */
  policies: ReadonlySet<string>;
  /** Whether a subscription whose collection is paused is denied. */
  pauseDenies: boolean;
};

export function rulesOf(configuration: WrittenConfiguration): ConfiguredRules {
  const { route_policies = [], settings = {} } = configuration;
  return {
    book: bookOf(configuration),
    policies: new Set(route_policies.map(routeName)),
    pauseDenies: settings['pause_policy'] !== 'serve',
  };
}

/** Every plan as a first version; ids are made of names. */
export function bookOf({
  plans = [],
  route_policies = [],
  settings = {},
}: WrittenConfiguration): RuleBook {
  const { default_access, default_plan, default_ladder } = settings as {
    default_access?: RuleBook['defaultAccess'];
    default_plan?: string | null;
    default_ladder?: LadderStep[];
  };
  const facts = plans.map((plan) => planFacts(plan, default_ladder ?? defaultLadder));
  return {
    table: buildRouteTable(route_policies.map(policyFacts)),
    defaultAccess: default_access ?? 'subscription',
    defaultPlan: default_plan ?? null,
    plans: {
      byVersion: new Map(facts.map((plan) => [plan.versionId, plan])),
      byKey: new Map(facts.map((plan) => [plan.key, plan])),
    },
  };
}

function planFacts(plan: WrittenPlan, unlessGiven: LadderStep[]): PlanFacts {
  const { key, name, price, features, pools, ladder = unlessGiven } = plan;
  const offered = plan.public && !plan.archived;
  return { versionId: key, key, version: 1, name, price, features, pools, ladder, offered };
}

function policyFacts(policy: ConfiguredRoutePolicy): RoutePolicy {
  const { method, path, access, feature, cost } = policy;
  return {
    id: routeName(policy),
    method,
    path,
    access,
    feature,
    cost,
    readOnly: policy.read_only,
    whenDown: policy.when_down,
    maxStaleMs: policy.max_stale_seconds * 1000,
  };
}
