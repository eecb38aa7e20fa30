// How a version of a plan comes to be: saved as a draft, confirmed by Stripe (Product, Price) with no
// transaction open, then offered. A crash between leaves a draft that the next attempt finishes or replaces.
import { isDeepStrictEqual } from 'node:util';
import { newId } from '../../adapters/id.ts';
import { withLease } from '../../adapters/lease.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { PlanContent } from '../../domain/configuration/configuration.ts';
import { AppError, invalid, notFound } from '../../domain/error.ts';
import { describePoolFaults } from '../../domain/plan.ts';
import type { Plan, PlanVersion, Prisma } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { contentOf, planView } from './view.ts';

/** What belongs to the plan whatever its version. */
export type PlanFlags = { public?: boolean | undefined; archived?: boolean | undefined };
export type PlanDraft = { plan: Plan; current: PlanVersion | null; version: PlanVersion };

/** Version 1 of a plan that is not there yet; 409 `plan_exists` where it is. */
export async function offerFirstVersion(
  ctx: Context,
  caller: Caller,
  { key, flags, content }: { key: string; flags: PlanFlags; content: PlanContent },
): Promise<void> {
  await offer(ctx, caller, { key, flags }, async (tx) => {
    const plan = await lockPlan(tx, key);
    if (plan && plan.current_version !== null) {
      throw new AppError('plan_exists', `There is a plan "${key}" already.`);
    }
    return draftPlan(tx, ctx.now(), { key, content });
  });
}

/** The next version, or only other flags where the content stays as it is. */
export async function offerNextVersion(
  ctx: Context,
  caller: Caller,
  {
    key,
    flags,
    change,
  }: { key: string; flags: PlanFlags; change: (now: PlanContent) => PlanContent },
): Promise<void> {
  await offer(ctx, caller, { key, flags }, async (tx) => {
    const { version } = await currentPlan(tx, key);
    return draftPlan(tx, ctx.now(), { key, content: change(contentOf(version)) });
  });
}

/** The plan as it is, or a new one that nobody sees yet, and the version of this content: the current one or a draft. */
export async function draftPlan(
  tx: Tx,
  now: Date,
  { key, content }: { key: string; content: PlanContent },
): Promise<PlanDraft> {
  assertPools(content);
  const plan =
    (await lockPlan(tx, key)) ??
    (await tx.plan.create({ data: { id: newId('plan'), key, created_at: now } }));
  const current = await currentVersion(tx, plan);
  if (current && isDeepStrictEqual(content, contentOf(current))) {
    return { plan, current, version: current };
  }
  return { plan, current, version: await draftVersion(tx, now, { plan, content }) };
}

/** The plan with the version it has. */
export async function currentPlan(tx: Tx, key: string): Promise<PlanDraft> {
  const plan = await lockPlan(tx, key);
  const current = plan && (await currentVersion(tx, plan));
  if (!current) throw notFound();
  return { plan, current, version: current };
}

async function currentVersion(tx: Tx, plan: Plan): Promise<PlanVersion | null> {
  const { id: plan_id, current_version: version } = plan;
  if (version === null) return null;
  return tx.planVersion.findUniqueOrThrow({ where: { plan_id_version: { plan_id, version } } });
}

/** One at a time per plan: two that both draft would take each other's number for ever. */
async function offer(
  ctx: Context,
  caller: Caller,
  { key, flags }: { key: string; flags: PlanFlags },
  draft: (tx: Tx) => Promise<PlanDraft>,
): Promise<void> {
  await withLease(ctx.pool, `plan ${key}`, async () => {
    const drafted = await inTransaction(ctx, draft);
    await makePrice(ctx, drafted);
    await nameProduct(ctx, drafted);
    await inTransaction(ctx, (tx) => publishDraft(tx, ctx.now(), caller, { ...drafted, flags }));
  });
}

/** A draft with this very content is finished; any other is in the way of its number and goes. */
async function draftVersion(
  tx: Tx,
  now: Date,
  { plan, content }: { plan: Plan; content: PlanContent },
): Promise<PlanVersion> {
  const current = plan.current_version ?? 0;
  const drafts = await tx.planVersion.findMany({
    where: { plan_id: plan.id, version: { gt: current } },
  });
  const same = drafts.find((draft) => isDeepStrictEqual(contentOf(draft), content));
  await tx.planVersion.deleteMany({
    where: { id: { in: drafts.filter((draft) => draft !== same).map(({ id }) => id) } },
  });
  if (same) return same;
  const { price, features, pools, ladder, ...plain } = content;
  return tx.planVersion.create({
    data: {
      id: newId('pv'),
      plan_id: plan.id,
      version: current + 1,
      ...plain,
      price_amount: price?.amount ?? null,
      price_currency: price?.currency ?? null,
      price_interval: price?.interval ?? null,
      features: features satisfies Prisma.InputJsonValue,
      pools: pools satisfies Prisma.InputJsonValue,
      ladder: ladder satisfies Prisma.InputJsonValue,
      created_at: now,
    },
  });
}

/**
 * Product and Price of a draft, made once however often this runs: the keys come from the draft's row. What is left
 * over where the draft is never published is sold to nobody.
 */
export async function makePrice(ctx: Context, { plan, version }: PlanDraft): Promise<void> {
  const { price } = contentOf(version);
  if (!price || version.stripe_price_id) return;
  const metadata = { tollgate_plan: plan.key, tollgate_plan_version: String(version.version) };
  await atStripe(ctx, plan.key, async () => {
    const product = plan.stripe_product_id ?? (await makeProduct(ctx, plan, version));
    const created = await ctx.stripe.prices.create(
      {
        product,
        unit_amount: price.amount,
        currency: price.currency,
        recurring: { interval: price.interval },
        metadata,
      },
      once(version, 'price'),
    );
    await ctx.db.planVersion.updateMany({
      where: { id: version.id },
      data: { stripe_price_id: created.id },
    });
  });
}

async function makeProduct(ctx: Context, plan: Plan, version: PlanVersion): Promise<string> {
  const created = await ctx.stripe.products.create(
    { ...productOf(version), metadata: { tollgate_plan: plan.key } },
    once(version, 'product'),
  );
  await ctx.db.plan.update({ where: { id: plan.id }, data: { stripe_product_id: created.id } });
  return created.id;
}

/** The product's name is seen by customers and belongs to no version: it is told last, before the version is published. */
export async function nameProduct(
  ctx: Context,
  { plan, current, version }: PlanDraft,
): Promise<void> {
  const { price, name, description } = contentOf(version);
  const product = plan.stripe_product_id;
  const isKnown = current && current.name === name && current.description === description;
  if (!price || !product || isKnown) return;
  await atStripe(ctx, plan.key, () =>
    ctx.stripe.products.update(product, productOf(version), once(version, 'name')),
  );
}

function productOf({ name, description }: PlanVersion) {
  return { name, ...(description ? { description } : {}) };
}

function once({ id }: PlanVersion, what: string) {
  return { idempotencyKey: `plan_version:${id}:${what}` };
}

async function atStripe(ctx: Context, plan: string, call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isRefused(error)) throw error;
    ctx.log.warn({ err: error, plan }, 'Stripe refused a price');
    throw invalid({ pointer: '/price', detail: 'Stripe does not take this price' });
  }
}

/**
 * What new subscribers get from now on. 409 where the draft no longer fits: only whose lease has run out meets that.
 * `isTrial`: to be rolled back, so that no price is needed yet.
 */
export async function publishDraft(
  tx: Tx,
  now: Date,
  caller: Caller,
  { flags, isTrial = false, ...draft }: PlanDraft & { flags: PlanFlags; isTrial?: boolean },
): Promise<void> {
  const before = await lockPlan(tx, draft.plan.key);
  const version = await tx.planVersion.findUnique({ where: { id: draft.version.id } });
  const fits = before && version && before.current_version === draft.plan.current_version;
  const isPriced = version?.price_amount === null || version?.stripe_price_id || isTrial;
  if (!fits || !isPriced) {
    throw new AppError('invalid_state', 'This plan was changed by others meanwhile. Try again.');
  }
  if (flags.archived) await assertNotDefault(tx, before.key);
  const after = {
    ...before,
    current_version: version.version,
    public: flags.public ?? before.public,
    archived: flags.archived ?? before.archived,
  };
  if (isDeepStrictEqual(before, after)) return;
  await tx.plan.update({ where: { id: before.id }, data: after });
  await audit(tx, now, caller, {
    action: draft.current ? 'plan.change' : 'plan.create',
    objectId: before.id,
    before: draft.current ? planView(before, draft.current, caller) : undefined,
    after: planView(after, version, caller),
  });
}

async function assertNotDefault(tx: Tx, key: string): Promise<void> {
  const setting = await tx.setting.findUnique({ where: { id: 1 } });
  if (setting?.default_plan !== key) return;
  throw new AppError('plan_in_use', `"${key}" is the default plan; name another one first.`);
}

async function lockPlan(tx: Tx, key: string): Promise<Plan | null> {
  await tx.$queryRaw`SELECT id FROM plan WHERE key = ${key} FOR UPDATE`;
  return tx.plan.findUnique({ where: { key } });
}

function assertPools(content: PlanContent): void {
  const faults = describePoolFaults(content);
  if (faults.length) throw invalid(...faults);
}
