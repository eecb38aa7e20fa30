// Writes another configuration over the one that runs, in the caller's transaction: all of it or nothing. Calls nobody;
// prices at Stripe were made before, for drafts that nobody sees.
import { newId } from '../../adapters/id.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { routeIdentity } from '../../domain/configuration/configuration.ts';
import type {
  ConfiguredPlan,
  ConfiguredRoutePolicy,
} from '../../domain/configuration/configuration.ts';
import type { ConfigurationChange } from '../../domain/configuration/change.ts';
import { within } from '../../domain/error.ts';
import { makesVersion } from '../../domain/configuration/touch.ts';
import type { RoutePolicy } from '../../generated/prisma/client.ts';
import { auditAll } from '../audit.ts';
import type { AuditEntry } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { currentPlan, draftPlan, publishDraft } from '../plan/version.ts';
import type { PlanDraft } from '../plan/version.ts';
import { deletion, routePolicyRow, routePolicyView } from '../route-policy.ts';
import { changeSettingsIn, lockSettings } from '../setting.ts';

type Write = { now: Date; caller: Caller; isTrial: boolean };

/** No other configuration, setting or route policy is written until the transaction ends; checks go on. */
export async function lockConfiguration(tx: Tx): Promise<void> {
  await lockSettings(tx);
  await tx.$executeRaw`LOCK TABLE route_policy IN SHARE ROW EXCLUSIVE MODE`;
}

/** Plans first, so that settings can name new ones; what is archived last, so that they can name others before. */
export async function writeConfiguration(
  tx: Tx,
  write: Write,
  changes: ConfigurationChange[],
): Promise<Map<string, number>> {
  const plans = changes.filter(({ object }) => object === 'plan');
  const [archived, offered] = split(plans, ({ after }) => (after as ConfiguredPlan).archived);
  const versions = new Map<string, number>();
  for (const change of offered) await writePlan(tx, write, change, versions);
  await writeSettings(tx, write, changes);
  for (const change of archived) await writePlan(tx, write, change, versions);
  await writePolicies(
    tx,
    write,
    changes.filter(({ object }) => object === 'route_policy'),
  );
  return versions;
}

/** The drafts of all plans that get a new version. */
export async function draftPlans(
  tx: Tx,
  now: Date,
  changes: ConfigurationChange[],
): Promise<PlanDraft[]> {
  const drafts: PlanDraft[] = [];
  for (const change of changes) if (makesVersion(change)) drafts.push(await draft(tx, now, change));
  return drafts;
}

function draft(tx: Tx, now: Date, { after }: ConfigurationChange): Promise<PlanDraft> {
  const { key, public: _public, archived: _archived, ...content } = after as ConfiguredPlan;
  return draftPlan(tx, now, { key, content });
}

async function writePlan(
  tx: Tx,
  { now, caller, isTrial }: Write,
  change: ConfigurationChange,
  versions: Map<string, number>,
): Promise<void> {
  const { public: isPublic, archived } = change.after as ConfiguredPlan;
  const isNew = makesVersion(change);
  const drafted = await (isNew ? draft(tx, now, change) : currentPlan(tx, change.name));
  const flags = { public: isPublic, archived };
  await publishDraft(tx, now, caller, { ...drafted, flags, isTrial });
  if (isNew) versions.set(change.name, drafted.version.version);
}

async function writeSettings(tx: Tx, { now, caller }: Write, changes: ConfigurationChange[]) {
  const named = changes.filter(({ object }) => object === 'setting');
  const change = Object.fromEntries(named.map(({ name, after }) => [name, after]));
  if (named.length === 0) return;
  try {
    await changeSettingsIn(tx, now, caller, change);
  } catch (error) {
    throw within('/configuration/settings', error);
  }
}

async function writePolicies(
  tx: Tx,
  { now, caller }: Write,
  changes: ConfigurationChange[],
): Promise<void> {
  if (changes.length === 0) return;
  const rows = await tx.routePolicy.findMany();
  const known = new Map(rows.map((row) => [routeIdentity(row), row]));
  const entries: AuditEntry[] = [];
  const created: RoutePolicy[] = [];
  const removed: string[] = [];
  const replaced: RoutePolicy[] = [];
  for (const { before, after } of changes) {
    const policy = (after ?? before) as ConfiguredRoutePolicy;
    const row = known.get(routeIdentity(policy));
    if (!row) {
      created.push({ id: newId('rp'), ...routePolicyRow(policy), created_at: now });
    } else if (after) {
      const next = { ...row, ...routePolicyRow(policy) };
      replaced.push(next);
      entries.push(entry('route_policy.replace', row, next));
    } else {
      removed.push(row.id);
      entries.push(entry(deletion, row, null));
    }
  }
  await replacePolicies(tx, replaced);
  await tx.routePolicy.createMany({ data: created });
  await tx.routePolicy.deleteMany({ where: { id: { in: removed } } });
  entries.push(...created.map((row) => entry('route_policy.create', null, row)));
  await auditAll(tx, now, caller, entries);
}

/** In one statement: a thousand of them are to fit into one transaction. */
async function replacePolicies(tx: Tx, rows: RoutePolicy[]): Promise<void> {
  await tx.$executeRaw`
    UPDATE route_policy p SET path = n.path, access = n.access, feature = n.feature, cost = n.cost,
      read_only = n.read_only, when_down = n.when_down, max_stale_seconds = n.max_stale_seconds
    FROM jsonb_populate_recordset(NULL::route_policy, ${JSON.stringify(rows)}::jsonb) n WHERE p.id = n.id`;
}

function entry(action: string, before: RoutePolicy | null, after: RoutePolicy | null): AuditEntry {
  return {
    action,
    objectId: (after ?? before)!.id,
    ...(before ? { before: routePolicyView(before) } : {}),
    ...(after ? { after: routePolicyView(after) } : {}),
  };
}

function split<T>(all: T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
