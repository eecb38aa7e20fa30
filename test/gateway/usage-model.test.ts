// Checks, records, reservations, changes of plan and the passing of time in any order, against a naive model: the
// same answers and the same counts after every step. USAGE_SEED repeats a run; USAGE_RUNS makes it longer.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expireReservations } from '../../jobs/expire-reservations.ts';
import { startMetered } from '../support/metered.ts';
import type { Metered, Subscriber } from '../support/metered.ts';
import { createUsageModel } from '../support/usage-model.ts';
import type { ModelLimit, ModelPlan } from '../support/usage-model.ts';

const seed = Number(process.env['USAGE_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = Number(process.env['USAGE_RUNS'] ?? 15);

const plans: Record<string, ModelPlan> = {
  small: {
    features: [
      {
        feature: 'tokens',
        limits: [
          { window: 'billing_period', max: 40 },
          { window: 'minute', max: 12, on_exceed: 'wait' },
        ],
      },
      { feature: 'images', limits: [], pool: { pool: 'credits', cost: 5 } },
      {
        feature: 'texts',
        limits: [{ window: 'day', max: 15, on_exceed: 'wait' }],
        pool: { pool: 'credits', cost: 2 },
      },
      { feature: 'open', limits: [] },
    ],
    pools: [{ pool: 'credits', limits: [{ window: 'month', max: 60 }] }],
  },
  large: {
    features: [
      { feature: 'tokens', limits: [{ window: 'billing_period', max: 90 }] },
      {
        feature: 'images',
        limits: [{ window: 'hour', max: 6, on_exceed: 'wait' }],
        pool: { pool: 'credits', cost: 3 },
      },
      { feature: 'texts', limits: [], pool: { pool: 'credits', cost: 1 } },
      { feature: 'open', limits: [{ window: 'month', max: 30 }] },
    ],
    pools: [
      {
        pool: 'credits',
        limits: [
          { window: 'month', max: 120 },
          { window: 'hour', max: 40, on_exceed: 'wait' },
        ],
      },
    ],
  },
};
const caps: (ModelLimit & { feature: string })[] = [
  { feature: 'tokens', window: 'hour', max: 20 },
  { feature: 'credits', window: 'day', max: 35 },
];

const of = {
  feature: fc.constantFrom('tokens', 'images', 'texts', 'open'),
  units: fc.integer({ min: 1, max: 12 }),
  byKey: fc.boolean(),
};
const seconds = fc.oneof(
  fc.integer({ min: 1, max: 90 }),
  fc.integer({ min: 1_800, max: 90_000 }),
  fc.constant(12 * 86_400),
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('check' as const), ...of }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('record' as const), ...of, id: fc.nat(9), late: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 86_400 })) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('reserve' as const), ...of, expiresIn: fc.integer({ min: 1, max: 4_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), index: fc.nat(20), units: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), index: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('plan' as const), to: fc.constantFrom('small', 'large') }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'job' as const }) },
); // prettier-ignore
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Model = ReturnType<typeof createUsageModel>;
type Run = { model: Model; who: Subscriber; plan: string; reserved: string[] };

let m: Metered;
beforeAll(async () => {
  // The last evening of a long month: periods that begin on a 31st are clamped in shorter ones.
  m = await startMetered({ frozen: new Date('2027-01-31T23:30:00Z') });
  for (const [key, { features, pools }] of Object.entries(plans)) {
    await m.plan(key, features, { pools });
  }
});
afterAll(() => m.close());

describe(`usage against a naive model, seed ${seed}`, () => {
  test(
    'gives the same answers and counts after every step',
    async () => {
      const told = { allowed: 0, denied: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), async (steps) => {
          const who = await m.subscriber('small', { key: { caps: caps } });
          const anchor = m.ctx.now().getTime();
          const model = createUsageModel({ plan: plans['small']!, caps, anchor });
          const run: Run = { model, who, plan: 'small', reserved: [] };
          for (const one of steps) {
            const [ours, theirs] = await take(run, one);
            expect(ours).toEqual(theirs);
            if (one.kind === 'check') told[ours === null ? 'allowed' : 'denied'] += 1;
            await compareCounts(run);
          }
        }),
        { seed, numRuns, endOnFailure: true },
      );
      expect(Math.min(told.allowed, told.denied)).toBeGreaterThan(0);
    },
    60_000 + numRuns * 1_000,
  );
});

/** One step, done by the service and by the model: both answers. */
async function take(run: Run, one: Step): Promise<[unknown, unknown]> {
  const { model, who, reserved } = run;
  const now = m.ctx.now().getTime();
  const named = 'byKey' in one ? (one.byKey ? { api_key: who.key } : { customer_id: who.id }) : {};
  switch (one.kind) {
    case 'check': {
      const { feature, units: cost, byKey } = one;
      const { body } = await m.gateway('POST', '/entitlements/check', { ...named, feature, cost });
      return [body.code, model.check(feature, byKey, cost, now)];
    }
    case 'record': {
      const { feature, units, byKey } = one;
      const at = now - one.late * 1000;
      const id = String(one.id);
      const sent = { ...named, feature, units, id, at: new Date(at).toISOString() };
      const { body } = await m.gateway('POST', '/usage', sent);
      return [body.status === 'recorded', model.record(id, feature, byKey, units, at)];
    }
    case 'reserve': {
      const { feature, units, byKey, expiresIn: expires_in } = one;
      const sent = { ...named, feature, units, expires_in };
      const { status, body } = await m.gateway('POST', '/usage/reservations', sent);
      if (status === 201) reserved.push(body.id);
      const code = status === 201 ? null : body.code;
      return [code, model.reserve(feature, byKey, units, now, expires_in)];
    }
    case 'settle': {
      if (reserved.length === 0) return [0, 0];
      const index = one.index % reserved.length;
      const path = `/usage/reservations/${reserved[index]!}/settlement`;
      const { body } = await m.gateway('POST', path, { units: one.units });
      return [body.settled_units, model.settle(index, one.units)];
    }
    case 'release': {
      if (reserved.length === 0) return [0, 0];
      const index = one.index % reserved.length;
      const { status } = await m.gateway('DELETE', `/usage/reservations/${reserved[index]!}`);
      model.release(index);
      return [status, 204];
    }
    case 'wait':
      await m.moveTo(new Date(now + one.seconds * 1000));
      return [0, 0];
    case 'plan': {
      const path = `/subscriptions/${who.subscription}`;
      const { status } = await m.operator('PATCH', path, { plan: one.to });
      run.plan = one.to;
      model.moveTo(plans[one.to]!);
      return [status, 200];
    }
    case 'job':
      await expireReservations(m.ctx);
      return [0, 0];
  }
}

/** Everything that GET /usage shows of the customer. */
async function compareCounts({ model, who }: Run): Promise<void> {
  const now = m.ctx.now().getTime();
  const { body } = await m.operator('GET', `/usage?customer_id=${who.id}`);
  const name = (row: any) => (row.key_id ? `key ${row.feature}` : row.feature);
  const ours = body.data.map((row: any) => [name(row), row.window, row.used, row.held]);
  const theirs = body.data.map((row: any) => {
    const { used, held } = model.counts(name(row), row.window, now);
    return [name(row), row.window, used, held];
  });
  expect(ours).toEqual(theirs);
}
