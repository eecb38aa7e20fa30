// The difference between the configuration that runs and one that was written: a line for each plan, route policy and
// setting that would be another. Pure: neither reads what runs nor says whom a line touches.
import { routeIdentity, routeName } from './configuration.ts';
import type { Configuration, ConfiguredPlan, WrittenConfiguration } from './configuration.ts';
import type { LadderStep } from '../plan.ts';

export type ChangeAction = 'create' | 'change' | 'archive' | 'restore' | 'remove';
export type FieldChange = { path: string; before: unknown; after: unknown };

export type ConfigurationChange = {
  action: ChangeAction;
  object: 'plan' | 'route_policy' | 'setting';
  name: string;
  /** What is different, where both are there. */
  fields: FieldChange[];
  before: unknown;
  after: unknown;
};

export type Difference = {
  changes: ConfigurationChange[];
  unchanged: { plans: number; route_policies: number; settings: number };
};

/** What would run: what is left out stays, but plans that are not named are archived and policies removed. */
export function resolveConfiguration(
  running: Configuration,
  written: WrittenConfiguration,
): Configuration {
  const named = Object.entries(written.settings ?? {}).filter(([, value]) => value !== undefined);
  const settings = { ...running.settings, ...Object.fromEntries(named) };
  return {
    plans: inOrder(plansOf(running, written, settings['default_ladder'] as LadderStep[]), planName),
    route_policies: inOrder(written.route_policies ?? running.route_policies, policyOrder),
    settings,
  };
}

function plansOf(
  running: Configuration,
  { plans }: WrittenConfiguration,
  defaultLadder: LadderStep[],
): ConfiguredPlan[] {
  if (!plans) return running.plans;
  const keys = new Set(plans.map(planName));
  const left = running.plans.filter((plan) => !keys.has(plan.key));
  return [
    ...plans.map((plan) => ({ ...plan, ladder: plan.ladder ?? defaultLadder })),
    ...left.map((plan) => ({ ...plan, archived: true })),
  ];
}

const planName = ({ key }: { key: string }) => key;
const policyOrder = ({ path, method }: { path: string; method: string }) => `${path} ${method}`;

/** The same order whoever asks, whenever. */
export function inOrder<T>(entries: T[], nameOf: (entry: T) => string): T[] {
  const named = entries.map((entry) => ({ entry, name: nameOf(entry) }));
  return named
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ entry }) => entry);
}

export function inConfigurationOrder<S extends object>(found: Configuration<S>): Configuration<S> {
  return {
    plans: inOrder(found.plans, planName),
    route_policies: inOrder(found.route_policies, policyOrder),
    settings: found.settings,
  };
}

/** Every line that is different, plans first, in the order of their names. */
export function diffConfiguration(before: Configuration, after: Configuration): Difference {
  const plans = pair(before.plans, after.plans, planName).map(([name, a, b]) =>
    changeOf('plan', name, a, b),
  );
  const policies = pair(before.route_policies, after.route_policies, routeIdentity).map(
    ([, a, b]) => changeOf('route_policy', routeName((b ?? a)!), a, b),
  );
  const settings = Object.keys(after.settings).map((name) =>
    changeOf('setting', name, { value: before.settings[name] }, { value: after.settings[name] }),
  );
  const all = [plans, policies, settings];
  const [planCount, policyCount, settingCount] = all.map(
    (lines) => lines.filter((line) => line === null).length,
  );
  return {
    changes: all.flat().filter((line) => line !== null),
    unchanged: { plans: planCount!, route_policies: policyCount!, settings: settingCount! },
  };
}

function pair<T>(
  before: T[],
  after: T[],
  nameOf: (entry: T) => string,
): [string, T | null, T | null][] {
  const old = new Map(before.map((entry) => [nameOf(entry), entry]));
  const names = new Set(after.map(nameOf));
  return [
    ...after.map((entry): [string, T | null, T | null] => {
      const name = nameOf(entry);
      return [name, old.get(name) ?? null, entry];
    }),
    ...[...old].flatMap(([name, entry]): [string, T | null, T | null][] =>
      names.has(name) ? [] : [[name, entry, null]],
    ),
  ];
}

function changeOf(
  object: ConfigurationChange['object'],
  name: string,
  before: object | null,
  after: object | null,
): ConfigurationChange | null {
  const fields = before && after ? differences(before, after, []) : [];
  if (before && after && fields.length === 0) return null;
  return { action: actionOf(before, after), object, name, fields, ...wholes(object, before, after) };
} // prettier-ignore

/** A setting has one value: it is the whole. */
function wholes(object: string, before: object | null, after: object | null) {
  if (object !== 'setting') return { before, after };
  const value = (of: object | null) => (of as { value: unknown } | null)?.value ?? null;
  return { before: value(before), after: value(after) };
}

function actionOf(before: object | null, after: object | null): ChangeAction {
  if (!before) return 'create';
  if (!after) return 'remove';
  const wasArchived = 'archived' in before && before.archived;
  const isArchived = 'archived' in after && after.archived;
  if (wasArchived === isArchived) return 'change';
  return isArchived ? 'archive' : 'restore';
}

function differences(before: unknown, after: unknown, path: string[]): FieldChange[] {
  const [a, b] = [membersOf(before), membersOf(after)];
  if (!a || !b || path.at(-1) === 'price') {
    const name = path.join('.') || 'value';
    return isSame(before, after) ? [] : [{ path: name, before: before ?? null, after: after ?? null }]; // prettier-ignore
  }
  const names = [...new Set([...a.keys(), ...b.keys()])];
  return names.flatMap((name) =>
    differences(a.get(name), b.get(name), name === 'value' ? path : [...path, name]),
  );
}

/** The members of an object, or of a list whose entries have names of their own; null: it is compared as a whole. */
function membersOf(value: unknown): Map<string, unknown> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const named = value.map((entry: unknown): [string | null, unknown] => [nameOf(entry), entry]);
  return named.every((one): one is [string, unknown] => one[0] !== null) ? new Map(named) : null;
}

function nameOf(entry: unknown): string | null {
  const { feature, pool, window } = (entry ?? {}) as Record<string, unknown>;
  const name = feature ?? pool ?? window;
  return typeof name === 'string' ? name : null;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b || ((a ?? null) === null && (b ?? null) === null)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) =>
    isSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
}
