// The line a denial is sent as, put together from kept texts, against the problem made from scratch.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { asciiJson, buildProblem, linkOf } from '../../src/actions/denial.ts';
import type { Denied } from '../../src/actions/denial.ts';
import { createActionLinks, keepActionLinks } from '../../src/adapters/action-link.ts';
import { denials } from '../../src/domain/denial.ts';
import type { DenialCode } from '../../src/domain/denial.ts';
import type { Plans } from '../../src/domain/entitlement.ts';
import type { LimitCheck } from '../../src/domain/limit.ts';
import type { PlanFacts } from '../../src/domain/plan.ts';
import { createProblemText } from '../../src/gateway/problem-text.ts';

const publicUrl = 'https://billing.example.com';
const config = { publicUrl, keyPepper: 'a pepper that is long enough for a test' };

const plan: fc.Arbitrary<PlanFacts> = fc.record({
  versionId: fc.constantFrom('pv_1', 'pv_2', 'pv_3'),
  key: fc.constantFrom('free', 'pro', 'scale-1_x'),
  version: fc.constant(1),
  name: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('@0@', '"{}"', 'Größe 2')),
  price: fc.constantFrom(null, { amount: 2_000, currency: 'eur', interval: 'month' } as const),
  features: fc.constant<PlanFacts['features']>([{ feature: 'search', limits: [] }]),
  pools: fc.constant<PlanFacts['pools']>([]),
  ladder: fc.constant<PlanFacts['ladder']>([]),
  offered: fc.boolean(),
});

const plansOf = (all: PlanFacts[]): Plans => ({
  byVersion: new Map(all.map((one) => [one.versionId, one])),
  byKey: new Map(all.map((one) => [one.key, one])),
});

const limit: LimitCheck = {
  ...{
    feature: 'search',
    scope: 'feature',
    counter: 'search',
    window: 'day',
    max: 10,
    ceiling: 10,
  },
  ...{ start: 0, end: 86_400_000, onExceed: 'wait', weight: 1, spend: null },
};

test('a denial put together from kept texts is the one made from scratch, byte for byte', () => {
  const links = keepActionLinks(createActionLinks(config));
  const write = createProblemText({ publicUrl, links });
  const books = fc.array(plan, { maxLength: 3 }).map(plansOf);
  fc.assert(
    fc.property(
      fc.array(books, { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.nat()),
      (all, chance) => {
        const pick = <T>(list: T[]): T => list[chance.next().value! % list.length]!;
        for (let call = 0; call < 40; call += 1) {
          const plans = pick([null, ...all]);
          const denied: Denied = {
            verdict: {
              allowed: false,
              code: pick(Object.keys(denials) as DenialCode[]),
              customerId: pick([null, 'cus_1', 'cus_2']),
              plan: pick([null, ...(plans?.byVersion.values() ?? [])]),
              feature: pick([null, 'search', 'export']),
              subscriptionId: null,
            },
            ...pick([
              { full: null, used: null, held: null },
              { full: limit, used: call, held: pick([0, 3]) },
            ]),
            decisionId: `dec_${call}`,
            asOf: pick([0, 1_700_000_000_000, 1_700_000_000_001]),
            plans,
          };
          const problem = buildProblem(publicUrl, links, denied);
          const { status } = problem;
          expect(write(denied)).toEqual({
            status,
            json: asciiJson(problem),
            link: linkOf(problem),
          });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a link is handed out again for five minutes, and each is good for most of its hour', () => {
  let now = Date.now();
  const links = keepActionLinks(createActionLinks(config), () => now);
  const link = { action: 'upgrade', customerId: 'cus_1', plan: 'pro' } as const;
  const first = links.href(link);
  now += 299_000;
  expect(links.href(link)).toBe(first);
  expect(links.href({ ...link, customerId: 'cus_2' })).not.toBe(first);
  now += 1_000;
  expect(links.href(link)).not.toBe(first);
  expect(links.read(first.split('/').pop()!)).toEqual(link);
});
