// The configuration as a file, tollgate.yaml: reads what somebody wrote, and writes what runs so that a person likes to
// read it. The same configuration is the same file. Opens no file and asks no service.
import { Document, isMap, isSeq } from 'yaml';
import type { Node, Scalar, YAMLMap } from 'yaml';
import { isDeepStrictEqual } from 'node:util';
import {
  describeConfigurationFaults,
  describeUngrantedFeatures,
} from '../domain/configuration/configuration.ts';
import type { Configuration, WrittenConfiguration } from '../domain/configuration/configuration.ts';
import type { z } from 'zod';
import { configurationFile } from '../http/schema/configuration-json.ts';
import { configurationSections } from '../http/schema/configuration.ts';
import type { entitlementTests } from '../http/schema/entitlement-test.ts';
import { faultAt, parseYaml } from './yaml.ts';
import type { Locate, YamlFault } from './yaml.ts';

const lineWidth = 110;

export type ConfigurationFile = {
  configuration: WrittenConfiguration;
  tests: z.output<typeof entitlementTests>;
  warnings: YamlFault[];
  locate: Locate;
  faults?: undefined;
};

/** What the file says, with what is worth a second look; or all that is wrong with it, in the order of its lines. */
export function readConfigurationFile(text: string): ConfigurationFile | { faults: YamlFault[] } {
  const read = parseYaml(text, configurationFile, describeConfigurationFaults);
  if ('faults' in read) return read;
  const { locate } = read;
  const { tests = [], ...configuration } = read.value;
  const warnings = describeUngrantedFeatures(configuration).map((error) => faultAt(locate, error));
  return { configuration, tests, warnings, locate };
}

const heading = (schemaUrl: string) => ` yaml-language-server: $schema=${schemaUrl}

 The configuration of Tollgate. What is left out of an entry has its default; a plan without a ladder has the
 default_ladder of the settings. Applying this file archives plans and removes route policies that it does not name.`;

/** The file for what runs; `schemaUrl` is for editors. Read again it is the same configuration. */
export function writeConfigurationFile(
  { plans, route_policies, settings }: Configuration,
  schemaUrl: string,
): string {
  const { default_ladder: defaultLadder } = settings;
  const document = new Document({
    plans: plans.map((plan) => {
      const { ladder, ...rest } = { ...plan, features: plan.features.map(tidyLimits), pools: plan.pools.map(tidyLimits) }; // prettier-ignore
      return {
        ...without(rest, bare.plan),
        ...(isDeepStrictEqual(ladder, defaultLadder) ? {} : { ladder }),
      };
    }),
    route_policies: route_policies.map((policy) => without(policy, bare.policy)),
    settings,
  });
  document.commentBefore = heading(schemaUrl);
  arrange(document.contents);
  return document.toString({ lineWidth, flowCollectionPadding: true });
}

/** What the schemas fill in where nothing is said: that is not written. */
const bare = makeBare();

function makeBare() {
  const parsed = configurationSections.parse({
    plans: [{ key: 'x', name: 'x', features: [{ feature: 'x', limits: [{ window: 'day', max: 0 }] }] }],
    route_policies: [{ method: 'GET', path: '/', access: 'free' }],
  });
  const [plan] = parsed.plans!;
  const [feature] = plan!.features;
  return {
    plan: { ...plan!, features: [] },
    feature: { ...feature!, limits: [] },
    limit: feature!.limits[0]!,
    policy: parsed.route_policies![0]!,
  };
} // prettier-ignore

/** What is worth telling of an object that is new. */
export function withoutDefaults(
  object: 'plan' | 'route_policy' | 'setting',
  value: object,
): object {
  if (object === 'route_policy') return without(value, bare.policy);
  return object === 'plan' ? without(value, bare.plan) : value;
}

function tidyLimits<T extends { limits: object[] }>(counted: T) {
  const limits = counted.limits.map((limit) => without(limit, bare.limit, ['window', 'max']));
  return without({ ...counted, limits }, bare.feature);
}

const always = ['key', 'name', 'feature', 'pool', 'method', 'path', 'access'];

/** The members that are not what `defaults` says. A policy's feature and a feature's pool are null there. */
function without<T extends object>(value: T, defaults: object, kept: string[] = always): Partial<T> {
  const given = Object.entries(value).filter(
    ([name, member]) =>
      (member !== null && member !== undefined && kept.includes(name)) ||
      !isDeepStrictEqual(member ?? null, (defaults as Record<string, unknown>)[name] ?? null),
  );
  return Object.fromEntries(given) as Partial<T>;
} // prettier-ignore

/** Air between the sections and the plans; what is short stands on one line. */
function arrange(contents: Node | null): void {
  if (!isMap(contents)) return;
  for (const [index, pair] of contents.items.entries()) {
    const key = pair.key as Scalar;
    if (index > 0) key.spaceBefore = true;
    if (key.value === 'plans' && isSeq(pair.value)) {
      for (const [at, plan] of pair.value.items.entries()) {
        (plan as YAMLMap).spaceBefore = at > 0;
        flatten(plan as Node, ['price', 'limits', 'ladder', 'pool']);
      }
    }
    if (key.value === 'route_policies' && isSeq(pair.value)) pair.value.items.forEach(toOneLine);
    if (key.value === 'settings') {
      flatten(pair.value as Node, ['default_ladder', 'usage_alert_thresholds', 'payment_retry_hours']); // prettier-ignore
    }
  }
}

/** Below these names: lists of objects keep a line each, anything else one in all. */
function flatten(node: Node, names: string[]): void {
  if (isSeq(node)) for (const item of node.items) flatten(item as Node, names);
  if (!isMap(node)) return;
  for (const { key, value } of node.items) {
    if (!names.includes(String((key as Scalar).value))) flatten(value as Node, names);
    else if (isSeq(value) && value.items.some((item) => isMap(item))) value.items.forEach(toOneLine);
    else toOneLine(value);
  }
} // prettier-ignore

function toOneLine(node: unknown): void {
  if (isMap(node) || isSeq(node)) node.flow = true;
}
