// What is wrong with a test beside a configuration, apart from its form: it names what is not there, so that it would
// pass or fail for another reason than the one meant.
import type { RuleBook } from './check.ts';
import type { ConfiguredRules } from './configured-book.ts';
import type { Answer, EntitlementTest } from './entitlement-test.ts';
import { askedOf, decidingPolicy } from './entitlement-test.ts';
import type { FieldError } from './error.ts';

/** Pointers are relative to the test. */
export function describeTestFaults(
  test: EntitlementTest,
  { book, policies }: ConfiguredRules,
): FieldError[] {
  const plans = [...book.plans.byKey.values()];
  const features = new Set(plans.flatMap((plan) => plan.features.map(({ feature }) => feature)));
  const counted = new Set([
    ...features,
    ...plans.flatMap((plan) => plan.pools.map(({ pool }) => pool)),
  ]);
  const { expected } = test;
  const caps = test.key.kind === 'known' ? test.key.caps : [];
  return [
    ...unknown('/plan', test.plan, book.plans.byKey, 'plan'),
    ...('feature' in test.asked
      ? unknown('/feature', test.asked.feature, features, 'feature of a plan')
      : []),
    ...callFaults(test, book),
    ...Object.keys(test.used).flatMap((name) =>
      unknown(`/used/${name}`, name, counted, 'feature or pool of a plan'),
    ),
    ...caps.flatMap((cap, at) =>
      unknown(`/key/caps/${at}/feature`, cap.feature, counted, 'feature or pool of a plan'),
    ),
    ...unknown('/expect/plan', expected.plan, book.plans.byKey, 'plan'),
    ...unknown('/expect/policy', expected.policy, policies, 'route policy'),
  ];
}

function callFaults({ asked, expected }: EntitlementTest, book: RuleBook): FieldError[] {
  if ('feature' in asked || isExpectedUnlisted(expected)) return [];
  const { origin } = askedOf({ asked }) as { origin: unknown };
  if (typeof origin !== 'object' || decidingPolicy(book, askedOf({ asked })) !== null) return [];
  const detail = `no route policy describes "${asked.call}": the default access decides; if that is meant, expect policy: null`;
  return [{ pointer: '/call', detail }];
}

function isExpectedUnlisted(expected: Partial<Answer>): boolean {
  return expected.policy === null;
}

function unknown(
  pointer: string,
  name: string | null | undefined,
  known: { has: (name: string) => boolean },
  noun: string,
): FieldError[] {
  if (name === null || name === undefined || known.has(name)) return [];
  return [{ pointer, detail: `"${name}" is no ${noun} here` }];
}
