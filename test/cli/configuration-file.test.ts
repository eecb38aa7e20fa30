// tollgate.yaml as a person writes it: what is wrong is told with line and column, all at once; what is written reads
// back as the same configuration.
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { format, resolveConfig } from 'prettier';
import { readConfigurationFile, writeConfigurationFile } from '../../src/cli/configuration-file.ts';
import { describeFault, readYaml } from '../../src/cli/yaml.ts';
import { defaultLadder } from '../../src/domain/plan.ts';
import { configurationJsonSchema } from '../../src/http/schema/configuration-json.ts';
import { configurationSections } from '../../src/http/schema/configuration.ts';
import { settingView } from '../../src/http/schema/setting.ts';
import { demoPlans, demoPolicies } from '../../src/local/demo-plans.ts';
import { valid } from '../support/schema-arbitrary.ts';
import type { Schema } from '../support/schema-arbitrary.ts';

function faultsOf(text: string): string[] {
  const { faults = [] } = readConfigurationFile(text);
  return faults.map((fault) => describeFault('tollgate.yaml', fault));
}

describe('what is wrong in a file is told with file, line, column and what was expected', () => {
  test.each<[string, string, string]>([
    ['a bracket that does not close', 'plans: [', 'tollgate.yaml:1:9: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['a tab', 'plans:\n\t- key: a', 'tollgate.yaml:2:1: Tabs are not allowed as indentation'],
    ['a member twice', 'plans: []\nplans: []', 'tollgate.yaml:2:1: Map keys must be unique'],
    ['nothing', '', 'tollgate.yaml:1:1: Invalid input: expected object, received null'],
    ['a list', '- 1', 'tollgate.yaml:1:1: Invalid input: expected object, received array'],
    ['an empty section', 'plans:', 'tollgate.yaml:1:7: plans: Invalid input: expected array, received null'],
    ['an unknown section', 'surprise: 1', 'tollgate.yaml:1:1: surprise: is unknown here; expected one of: plans, route_policies, settings, tests'],
    ['a misspelt member', 'route_policies:\n  - { method: GET, path: /, acces: free, access: free }', 'tollgate.yaml:2:29: route_policies[0].acces: is unknown here; expected one of: method, path, access, feature, cost, read_only, when_down, max_stale_seconds'],
    ['what is missing', 'plans:\n  - key: pro\n', 'tollgate.yaml:2:5: plans[0].name: is missing: expected string'],
    ['a wrong type, deep inside', 'plans:\n  - key: pro\n    name: Pro\n    features:\n      - feature: maps\n        limits:\n          - { window: day, max: many }', 'tollgate.yaml:7:33: plans[0].features[0].limits[0].max: Invalid input: expected number, received string'],
    ['a word that is none of those', 'settings: { pause_policy: maybe }', 'tollgate.yaml:1:27: settings.pause_policy: Invalid option: expected one of "deny"|"serve"'],
    ['a plan twice', 'plans:\n  - { key: a, name: A }\n  - { key: a, name: B }', 'tollgate.yaml:3:12: plans[1].key: is the same as that of entry 1 of plans'],
    ['routes that tie', 'route_policies:\n  - { method: GET, path: "/a/:x", access: free }\n  - { method: GET, path: "/a/:y", access: key }', 'tollgate.yaml:3:26: route_policies[1].path: is the same as that of entry 1 of route_policies'],
    ['a default plan that is not there', 'plans: []\nsettings: { default_plan: gone }', 'tollgate.yaml:2:27: settings.default_plan: names "gone", which is no plan here'],
    ['a default plan that is archived', 'plans: [{ key: old, name: Old, archived: true }]\nsettings: { default_plan: old }', 'tollgate.yaml:2:27: settings.default_plan: names "old", which is archived'],
    ['a pool that is not there', 'plans: [{ key: a, name: A, features: [{ feature: f, pool: { pool: p } }] }]', 'tollgate.yaml:1:67: plans[0].features[0].pool.pool: names no pool of this plan'],
    ['a feature that a route needs and does not name', 'route_policies: [{ method: GET, path: /a, access: feature }]', 'tollgate.yaml:1:18: route_policies[0].feature: must be named exactly when access is "feature"'],
    ['a pattern with a star inside', 'route_policies: [{ method: GET, path: "/a*b", access: free }]', 'tollgate.yaml:1:39: route_policies[0].path: "*" must be the whole last segment'],
    ['an alias of nothing', 'plans:\n  - *nobody', 'tollgate.yaml:2:5: no anchor "&nobody" stands before this'],
    ['an alias of itself', 'plans: &a [*a]', 'tollgate.yaml:1:12: "*a" stands within what it names'],
    ['a key that is a list', '? [a]\n: 1', 'tollgate.yaml:1:3: a key must be a text'],
    ['a tag', 'plans: !!js/function "x"', 'tollgate.yaml:1:8: Unresolved tag: tag:yaml.org,2002:js/function'],
    ['a second document', 'plans: []\n---\nplans: []', 'tollgate.yaml:2:1: Source contains multiple documents; please use YAML.parseAllDocuments()'],
    ['a prototype', '__proto__: { plans: [] }', 'tollgate.yaml:1:1: __proto__: is unknown here; expected one of: plans, route_policies, settings, tests'],
  ])('%s', (_, text, told) => expect(faultsOf(text)).toEqual([told])); // prettier-ignore

  test('all that is wrong is told at once, in the order of the lines', () => {
    const told = faultsOf(
      'settings: { default_plan: b }\nplans:\n  - key: A\n  - { key: a, name: 1 }\n  - { key: a, name: x, prize: 1 }',
    );
    expect(told.map((line) => line.split(': ')[1])).toEqual([
      'settings.default_plan',
      'plans[0].name',
      'plans[0].key',
      'plans[1].name',
      'plans[2].key',
      'plans[2].prize',
    ]);
  });

  test('and not more than anybody reads', () => {
    const many = Array.from({ length: 150 }, () => '  - { key: 1 }').join('\n');
    expect(faultsOf(`plans:\n${many}`)).toHaveLength(50);
  });

  test.each<[string, string]>([
    ['brackets without end', '['.repeat(100_000)],
    ['dashes without end', '- '.repeat(100_000)],
    ['indents without end', Array.from({ length: 1_300 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
    ['a billion laughs', ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefghij'.split('').map((name, n) => `${name}: &${name} [${`*${'abcdefghi'[n]!},`.repeat(9)}]`)].join('\n')],
    ['aliases without end', `a: &a 1\nb: [${'*a,'.repeat(5_000)}]`],
    ['more than a megabyte', `# ${'x'.repeat(1_048_576)}`],
  ])('%s: refused, not tried', (_, text) => expect(faultsOf(text)).toHaveLength(1)); // prettier-ignore

  test('whatever the text, there is an answer, and each place is in the file', () => {
    const token = fc.constantFrom('plans:', 'settings:', '- ', '\n', '  ', 'key: a', '{', '}', '[', ']', '&a ', '*a', ': ', '"', '|', '#', '!!x ', ',', '<<', 'null', '1e999'); // prettier-ignore
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), (tokens) => {
        const text = tokens.join('');
        const lines = text.split('\n');
        for (const { line, column } of readYaml(text).faults) {
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
        }
        expect(readConfigurationFile(text)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });
});

test('a feature that no plan here grants is a warning: an override may grant it', () => {
  const read = readConfigurationFile(
    'plans: []\nroute_policies:\n  - { method: GET, path: /a, access: feature, feature: maps }',
  );
  expect(read).toMatchObject({
    warnings: [
      { line: 3, column: 56, path: 'route_policies[0].feature', detail: 'no plan here grants "maps"' },
    ],
  });
}); // prettier-ignore

const jsonSchema = configurationJsonSchema();
const { plans: anyPlans, route_policies: anyPolicies } = jsonSchema['properties'] as Record<string, Schema>; // prettier-ignore
const settings = {
  ...Object.fromEntries(Object.keys(settingView.shape).map((name) => [name, 1])),
  default_ladder: defaultLadder,
};

test('what is written is read as the same configuration', () => {
  const several = (section: Schema | undefined) => fc.array(valid(section!['items']), { maxLength: 8 });
  let plansSeen = 0;
  fc.assert(
    fc.property(several(anyPlans), several(anyPolicies), (plans, policies) => {
      const parsed = {
        plans: plans.flatMap((plan) => configurationSections.safeParse({ plans: [plan] }).data?.plans ?? []),
        route_policies: policies.flatMap((policy) => configurationSections.safeParse({ route_policies: [policy] }).data?.route_policies ?? []),
      };
      const whole = (all: typeof parsed.plans) => all.map((plan) => ({ ...plan, ladder: plan.ladder ?? defaultLadder }));
      const configuration = { plans: whole(parsed.plans), route_policies: parsed.route_policies, settings };
      const { value, faults } = readYaml(writeConfigurationFile(configuration, 'https://x.example/s.json'));
      expect(faults).toEqual([]);
      const { settings: read, ...sections } = value as any;
      const again = configurationSections.parse(sections);
      expect({ plans: whole(again.plans!), route_policies: again.route_policies, settings: read }).toEqual(configuration);
      plansSeen += parsed.plans.length;
    }),
  );
  expect(plansSeen).toBeGreaterThan(50);
}); // prettier-ignore

describe('the JSON Schema for editors', () => {
  test('is committed as it is', async () => {
    const file = 'docs/tollgate.schema.json';
    const text = await format(JSON.stringify(jsonSchema), { ...(await resolveConfig(file)), parser: 'json' });
    if (process.env['UPDATE_SCHEMA']) writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  }); // prettier-ignore

  test('describes each member', () => {
    const { properties } = jsonSchema as { properties: Record<string, Schema> };
    expect(Object.keys(properties)).toEqual(['plans', 'route_policies', 'settings', 'tests']);
    expect(Object.keys(properties['settings']!['properties'])).toEqual(Object.keys(settingView.shape)); // prettier-ignore
    expect(jsonSchema['additionalProperties']).toBe(false);
  });
});

test('the example in the documentation is the demo', () => {
  const read = readConfigurationFile(readFileSync('docs/tollgate.example.yaml', 'utf8'));
  expect(read).toMatchObject({ warnings: [] });
  const { plans, route_policies } = 'configuration' in read ? read.configuration : {};
  const demo = configurationSections.parse({ plans: demoPlans, route_policies: demoPolicies });
  expect({ plans, route_policies }).toEqual(demo);
});
