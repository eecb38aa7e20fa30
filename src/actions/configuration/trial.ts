// Writes another configuration and takes it back: what it would do is read from the database as the check would read
// it, by the very statements that an apply runs. Nothing of it is seen by anybody else.
import { setImmediate as letOthersRun } from 'node:timers/promises';
import { loadCustomerGroups } from '../../adapters/customer-group.ts';
import type { CustomerGroup } from '../../adapters/customer-group.ts';
import { loadByCustomers } from '../../adapters/facts.ts';
import { loadRulesAndPlans } from '../../adapters/rules.ts';
import { inTransaction, queriesIn } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { WrittenConfiguration } from '../../domain/configuration/configuration.ts';
import { diffConfiguration, resolveConfiguration } from '../../domain/configuration/change.ts';
import type { Difference } from '../../domain/configuration/change.ts';
import { weighConfiguration } from '../../domain/configuration/impact.ts';
import type { Group, Impact, Rules } from '../../domain/configuration/impact.ts';
import { weighUsage } from '../../domain/configuration/usage.ts';
import { tellLosses, touchesOf } from '../../domain/configuration/touch.ts';
import type { CustomerFacts } from '../../domain/entitlement.ts';
import { AppError } from '../../domain/error.ts';
import { buildRouteTable } from '../../domain/route-policy.ts';
import { auditLoaded, loadAudited } from '../audit-configuration.ts';
import type { Loaded } from '../audit-configuration.ts';
import type { Caller } from '../caller.ts';
import { fingerprintOf, readConfiguration } from './running.ts';
import { loadUsers } from './usage.ts';
import { lockConfiguration, writeConfiguration } from './write.ts';

type Seen = { rules: Rules; customers: Map<string, CustomerFacts> };

type Trial = {
  fingerprint: string;
  difference: Difference;
  versions: Map<string, number>;
  groups: CustomerGroup[];
  isComplete: boolean;
  before: Seen;
  after: Seen;
  audited: Loaded;
};

/** What would happen, and whom it would touch: `expected` is the fingerprint of what must run (409 otherwise). */
export async function tryConfiguration(
  ctx: Context,
  caller: Caller,
  { configuration, expected }: { configuration: WrittenConfiguration; expected?: string | undefined },
) {
  const now = ctx.now();
  const trial = await rolledBack(ctx, (tx) => writeAndLook(tx, { now, caller, configuration, expected }));
  const { fingerprint, difference, versions } = trial;
  const impact = await weigh(ctx, trial, now.getTime());
  return {
    difference,
    outcome: {
      fingerprint,
      changes: difference.changes.map((change) => ({
        ...change,
        version: change.object === 'plan' ? (versions.get(change.name) ?? null) : null,
        touches: touchesOf(change, impact, now.getTime()),
      })),
      unchanged: difference.unchanged,
      losses: tellLosses(impact),
      findings: await auditLoaded(ctx, trial.audited),
    },
  };
} // prettier-ignore

export type Outcome = Awaited<ReturnType<typeof tryConfiguration>>['outcome'];

/** 409 where something else runs than what the caller has looked at. */
export function assertStillRuns(expected: string | undefined, fingerprint: string): void {
  if (expected === undefined || expected === fingerprint) return;
  throw new AppError(
    'configuration_changed',
    'Something else runs than what this was made for. Look at the difference again.',
    { fingerprint },
  );
}

async function writeAndLook(
  tx: Tx,
  { now, caller, configuration, expected }: {
    now: Date;
    caller: Caller;
    configuration: WrittenConfiguration;
    expected: string | undefined;
  },
): Promise<Trial> {
  await lockConfiguration(tx);
  const running = await readConfiguration(tx);
  const fingerprint = fingerprintOf(running);
  assertStillRuns(expected, fingerprint);
  const difference = diffConfiguration(running, resolveConfiguration(running, configuration));
  const isSame = difference.changes.length === 0;
  const { groups, isComplete } = isSame
    ? { groups: [], isComplete: true }
    : await loadCustomerGroups(queriesIn(tx), now);
  const before = await look(tx, groups);
  const versions = await writeConfiguration(tx, { now, caller, isTrial: true }, difference.changes);
  const after = await look(tx, groups);
  const audited = await loadAudited(tx, now);
  return { fingerprint, difference, versions, groups, isComplete, before, after, audited };
} // prettier-ignore

async function look(tx: Tx, groups: CustomerGroup[]): Promise<Seen> {
  const queries = queriesIn(tx);
  const { rules, plans } = await loadRulesAndPlans(queries);
  const { policies, defaultAccess, defaultPlan } = rules;
  const table = buildRouteTable(policies);
  const customers = await loadByCustomers(queries, groups.map(({ ids }) => ids[0]!)); // prettier-ignore
  return { rules: { policies, table, defaultAccess, defaultPlan, plans }, customers };
}

async function weigh(ctx: Context, trial: Trial, now: number): Promise<Impact> {
  const { groups, before, after, difference } = trial;
  const there = groups.flatMap((group): Group[] => {
    const [a, b] = [before, after].map(({ customers }) => customers.get(group.ids[0]!));
    return a && b ? [{ ...group, before: a, after: b }] : [];
  });
  const rules = { before: before.rules, after: after.rules };
  const impact = await inTurns(weighConfiguration({ groups: there, ...rules, changes: difference.changes }, now)); // prettier-ignore
  const { users, isComplete } = await loadUsers(ctx, impact, rules);
  await inTurns(weighUsage(impact, users, rules, now));
  return { ...impact, isComplete: impact.isComplete && isComplete && trial.isComplete };
}

/** A process that weighs must answer checks meanwhile. */
async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await letOthersRun();
  }
}

class RolledBack<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super('rolled back');
    this.result = result;
  }
}

async function rolledBack<T>(ctx: Context, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await inTransaction(ctx, async (tx) => {
      throw new RolledBack(await work(tx));
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.result as T;
    throw error;
  }
}
