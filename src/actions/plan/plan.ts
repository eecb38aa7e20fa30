// The verbs of plans: create, change, read. How a version comes to be, with its price at Stripe, is
// plan-version.ts; who sees which plan is decided here.
import type { Context } from '../../context.ts';
import type { PlanContent } from '../../domain/configuration/configuration.ts';
import { notFound } from '../../domain/error.ts';
import type { LadderStep } from '../../domain/plan.ts';
import type { Caller } from '../caller.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';
import { findPlan, planView } from './view.ts';
import type { PlanView } from './view.ts';
import { offerFirstVersion, offerNextVersion } from './version.ts';

type Optional<T> = { [K in keyof T]?: T[K] | undefined };
export type PlanCreate = Omit<PlanContent, 'ladder'> & {
  key: string;
  public: boolean;
  /** Unless given, that of the settings. */
  ladder?: LadderStep[] | undefined;
};
export type PlanChange = Optional<PlanContent & { public: boolean; archived: boolean }>;

/** Saves the intent, makes Product and Price at Stripe, then offers the plan. 409 `plan_exists`, 503 `stripe_unavailable`. */
export async function createPlan(
  ctx: Context,
  caller: Caller,
  input: PlanCreate,
): Promise<PlanView> {
  const { key, public: isPublic, ladder = await defaultLadder(ctx), ...rest } = input;
  const content = { ...rest, ladder };
  await offerFirstVersion(ctx, caller, { key, flags: { public: isPublic }, content });
  return getPlan(ctx, caller, key);
}

async function defaultLadder(ctx: Context): Promise<LadderStep[]> {
  const { default_ladder } = await ctx.db.setting.findUniqueOrThrow({ where: { id: 1 } });
  return default_ladder as LadderStep[];
}

/** A change of content makes a new version, `public` and `archived` change the plan itself; no change, no version. */
export async function changePlan(
  ctx: Context,
  caller: Caller,
  { key, change }: { key: string; change: PlanChange },
): Promise<PlanView> {
  const { public: isPublic, archived, ...content } = change;
  await offerNextVersion(ctx, caller, {
    key,
    flags: { public: isPublic, archived },
    change: (current) => ({ ...current, ...withoutUndefined(content) }),
  });
  return getPlan(ctx, caller, key);
}

/** Operators see every plan; a customer the offered ones and their own; the rest is 404. */
export async function getPlan(ctx: Context, caller: Caller, key: string): Promise<PlanView> {
  const found = await findPlan(ctx.db, key);
  if (!found) throw notFound();
  const { plan, version } = found;
  const isOffered = plan.public && !plan.archived;
  if (caller.kind === 'operator' || isOffered) return planView(plan, version, caller);
  if (caller.kind === 'customer' && (await isSubscribed(ctx, caller.customerId, plan.id))) {
    return planView(plan, version, caller);
  }
  throw notFound();
}

/** Newest first; whoever is no operator sees what is offered. */
export async function listPlans(ctx: Context, caller: Caller, page: Page) {
  const rows = await ctx.db.plan.findMany({
    where: {
      ...afterCursor(page),
      current_version: { not: null },
      ...(caller.kind === 'operator' ? {} : { public: true, archived: false }),
    },
    ...pageArguments(page),
  });
  const versions = await ctx.db.planVersion.findMany({
    where: { OR: rows.map((plan) => ({ plan_id: plan.id, version: plan.current_version! })) },
  });
  const byPlan = new Map(versions.map((version) => [version.plan_id, version]));
  return toPage(rows, page, (plan) => planView(plan, byPlan.get(plan.id)!, caller));
}

async function isSubscribed(ctx: Context, customerId: string, planId: string): Promise<boolean> {
  const found = await ctx.db.subscription.findFirst({
    where: {
      customer_id: customerId,
      status: { notIn: ['canceled', 'incomplete_expired'] },
      plan_version: { plan_id: planId },
    },
    select: { id: true },
  });
  return found !== null;
}

function withoutUndefined<T extends object>(
  change: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}
