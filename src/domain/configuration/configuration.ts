// The configuration as a whole, as one can write it down: plans, route policies, settings, by the names they have over
// REST. Says what contradicts itself in one; knows neither the file it may come from nor what is stored.
import type { FieldError } from '../error.ts';
import type { LadderStep, PlanFeature, Pool, Price } from '../plan.ts';
import { describePoolFaults } from '../plan.ts';
import type { Access } from '../route-policy.ts';
import { routeShape } from '../route-policy.ts';

/** What a version is made of; a change to any of it makes a new one. */
export type PlanContent = {
  name: string;
  description: string | null;
  price: Price | null;
  trial_days: number;
  features: PlanFeature[];
  pools: Pool[];
  ladder: LadderStep[];
};

export type ConfiguredPlan = PlanContent & { key: string; public: boolean; archived: boolean };

export type ConfiguredRoutePolicy = {
  method: string;
  path: string;
  access: Access;
  feature: string | null;
  cost: number;
  read_only: boolean;
  when_down: 'closed' | 'open';
  max_stale_seconds: number;
};

/** All that runs, or would. */
export type Configuration<Settings extends object = Record<string, unknown>> = {
  plans: ConfiguredPlan[];
  route_policies: ConfiguredRoutePolicy[];
  settings: Settings;
};

/** As it may be written: a section that is left out is left as it is, and so is a setting. */
export type WrittenConfiguration = {
  plans?: (Omit<ConfiguredPlan, 'ladder'> & { ladder?: LadderStep[] | undefined })[] | undefined;
  route_policies?: ConfiguredRoutePolicy[] | undefined;
  settings?: Record<string, unknown> | undefined;
};

/** What tells one route policy from all others, whatever its parameters are called. */
export function routeIdentity({ method, path }: { method: string; path: string }): string {
  return `${method} ${routeShape(path)}`;
}

export function routeName({ method, path }: { method: string; path: string }): string {
  return `${method} ${path}`;
}

/**
 * What no single entry is wrong by, but several together are: a key given twice, routes that tie, what names a plan or
 * pool that is not there. Takes whatever has the shape, so that it can be asked of what is wrong elsewhere too.
 */
export function describeConfigurationFaults(written: unknown): FieldError[] {
  const { plans, route_policies: policies, settings } = asRecord(written);
  return [
    ...twice(asList(plans), '/plans', 'key', keyOf),
    ...asList(plans).flatMap((plan, at) =>
      describePoolFaults(plan).map(({ pointer, detail }) => ({
        pointer: `/plans/${at}${pointer}`,
        detail,
      })),
    ),
    ...twice(asList(policies), '/route_policies', 'path', identityOf),
    ...(plans === undefined ? [] : defaultPlanFaults(asList(plans), asRecord(settings))),
  ];
}

/** Route policies whose feature no plan here grants: no fault, since overrides and older versions may grant it. */
export function describeUngrantedFeatures(written: WrittenConfiguration): FieldError[] {
  const { plans, route_policies: policies } = written;
  if (!plans) return [];
  const granted = new Set(plans.flatMap(({ features }) => features.map(({ feature }) => feature)));
  return (policies ?? []).flatMap(({ feature }, at) =>
    feature === null || granted.has(feature)
      ? []
      : [
          {
            pointer: `/route_policies/${at}/feature`,
            detail: `no plan here grants "${feature}"`,
          },
        ],
  );
}

function twice(
  entries: unknown[],
  pointer: string,
  member: string,
  nameOf: (entry: Record<string, unknown>) => string | null,
): FieldError[] {
  const first = new Map<string, number>();
  return entries.flatMap((entry, at) => {
    const name = nameOf(asRecord(entry));
    if (name === null) return [];
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, at);
      return [];
    }
    const detail = `is the same as that of entry ${before + 1} of ${pointer.slice(1)}`;
    return [{ pointer: `${pointer}/${at}/${member}`, detail }];
  });
}

function keyOf({ key }: Record<string, unknown>): string | null {
  return typeof key === 'string' ? key : null;
}

function identityOf({ method, path }: Record<string, unknown>): string | null {
  return typeof method === 'string' && typeof path === 'string'
    ? routeIdentity({ method, path })
    : null;
}

function defaultPlanFaults(plans: unknown[], settings: Record<string, unknown>): FieldError[] {
  const { default_plan: key } = settings;
  if (typeof key !== 'string') return [];
  const named = plans.map(asRecord).find((plan) => plan['key'] === key);
  if (named && named['archived'] !== true) return [];
  const detail = named
    ? `names "${key}", which is archived`
    : `names "${key}", which is no plan here`;
  return [{ pointer: '/settings/default_plan', detail }];
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
