// The choices an operator makes for the whole system: one row.
import { isDeepStrictEqual } from 'node:util';
import { inTransaction } from '../adapters/postgres.ts';
import type { Context } from '../context.ts';
import { invalid } from '../domain/error.ts';
import type { Setting } from '../generated/prisma/client.ts';
import { audit } from './audit.ts';
import type { Caller } from './caller.ts';
import { findPlan } from './plan/view.ts';

export type SettingChange = {
  default_access?: 'free' | 'key' | 'subscription' | 'deny' | undefined;
  default_plan?: string | null | undefined;
  usage_late_seconds?: number | undefined;
};

export async function getSettings(ctx: Context) {
  return view(await ctx.db.setting.findUniqueOrThrow({ where: { id: 1 } }));
}

/** 422 where `default_plan` names no plan, or an archived one. */
export async function changeSettings(ctx: Context, caller: Caller, change: SettingChange) {
  return inTransaction(ctx, async (tx) => {
    await tx.$queryRaw`SELECT id FROM setting FOR UPDATE`;
    const before = await tx.setting.findUniqueOrThrow({ where: { id: 1 } });
    const wanted = withDefaults(change, view(before));
    if (isDeepStrictEqual(wanted, view(before))) return view(before);
    const { default_plan } = wanted;
    if (default_plan !== null) {
      const found = await findPlan(tx, default_plan);
      if (!found || found.plan.archived) {
        throw invalid({ pointer: '/default_plan', detail: 'names no plan that is offered' });
      }
    }
    const after = await tx.setting.update({
      where: { id: 1 },
      data: { ...wanted, updated_at: ctx.now() },
    });
    await audit(tx, ctx.now(), caller, {
      action: 'setting.change',
      objectId: 'setting',
      before: view(before),
      after: view(after),
    });
    return view(after);
  });
}

function withDefaults(change: SettingChange, before: ReturnType<typeof view>) {
  return {
    default_access: change.default_access ?? before.default_access,
    default_plan: change.default_plan === undefined ? before.default_plan : change.default_plan,
    usage_late_seconds: change.usage_late_seconds ?? before.usage_late_seconds,
  };
}

function view({ default_access, default_plan, usage_late_seconds }: Setting) {
  return { default_access, default_plan, usage_late_seconds };
}
