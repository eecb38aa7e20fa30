// The choices an operator makes for the whole system: one row.
import { isDeepStrictEqual } from 'node:util';
import { inTransaction } from '../adapters/postgres.ts';
import type { Tx } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { invalid } from '../domain/error.ts';
import type { LadderStep } from '../domain/plan.ts';
import type { Setting } from '../generated/prisma/client.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';
import { lookAtAccessOfUnsubscribed } from './event/access.ts';
import { findPlan } from './plan/view.ts';

/** What can be read and changed, by the names of its columns; how each is checked stands with the route. */
const names = [
  'default_access',
  'default_plan',
  'usage_late_seconds',
  'renewal_notice_days',
  'usage_alert_thresholds',
  'payment_retries',
  'payment_retry_hours',
  'usage_retention_days',
  'event_retention_days',
  'decision_share_allowed',
  'decision_share_denied',
  'decision_retention_days',
  'decision_count_retention_days',
  'default_ladder',
  'pause_policy',
  'refund_policy',
  'dispute_policy',
  'duplicate_policy',
  'open_invoice_policy',
] as const;

export type Settings = Omit<Pick<Setting, (typeof names)[number]>, 'default_ladder'> & {
  default_ladder: LadderStep[];
};
export type SettingChange = { [Name in keyof Settings]?: Settings[Name] | undefined };

export async function getSettings(ctx: Context) {
  return settingView(await ctx.db.setting.findUniqueOrThrow({ where: { id: 1 } }));
}

/** 422 where `default_plan` names no plan, or an archived one. */
export async function changeSettings(ctx: Context, caller: Caller, change: SettingChange) {
  return inTransaction(ctx, (tx) => changeSettingsIn(tx, ctx.now(), caller, change));
}

/** As `changeSettings`, together with what else the transaction does. */
export async function changeSettingsIn(
  tx: Tx,
  now: Date,
  caller: Caller,
  change: SettingChange,
): Promise<Settings> {
  await lockSettings(tx);
  const before = settingView(await tx.setting.findUniqueOrThrow({ where: { id: 1 } }));
  const wanted = withDefaults(change, before);
  if (isDeepStrictEqual(wanted, before)) return before;
  const { default_plan } = wanted;
  if (default_plan !== null) {
    const found = await findPlan(tx, default_plan);
    if (!found || found.plan.archived) {
      throw invalid({ pointer: '/default_plan', detail: 'names no plan that is offered' });
    }
  }
  const row = await tx.setting.update({ where: { id: 1 }, data: { ...wanted, updated_at: now } });
  const after = settingView(row);
  if (before.default_plan !== default_plan) await lookAtAccessOfUnsubscribed(tx, now);
  await audit(tx, now, caller, {
    action: 'setting.change',
    objectId: 'setting',
    before,
    after,
  });
  return after;
}

/** One change of the settings at a time. */
export async function lockSettings(tx: Tx): Promise<void> {
  await tx.$queryRaw`SELECT id FROM setting FOR UPDATE`;
}

function withDefaults(change: SettingChange, before: Settings): Settings {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(given) };
}

export function settingView(row: Setting): Settings {
  return Object.fromEntries(names.map((name) => [name, row[name]])) as Settings;
}
