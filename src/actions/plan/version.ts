// How a version of a plan comes to be: saved as a draft, confirmed by Stripe (Product, Price) with no
// transaction open, then offered. A crash between leaves a draft that the next attempt finishes or replaces.
import { isDeepStrictEqual } from 'node:util';
import { newId } from '../../adapters/id.ts';
import { withLease } from '../../adapters/lease.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import type { PlanContent } from '../../domain/configuration.ts';
import { AppError, invalid, notFound } from '../../domain/error.ts';
import { describePoolFaults } from '../../domain/plan.ts';
import type { Plan, PlanVersion, Prisma } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { contentOf, planView } from './view.ts';

/** What belongs to the plan whatever its version. */
type Flags = { public?: boolean | undefined; archived?: boolean | undefined };
type Draft = { plan: Plan; current: PlanVersion | null; version: PlanVersion };

/** Version 1 of a plan that is not there yet; 409 `plan_exists` where it is. */
export async function offerFirstVersion(
  ctx: Context,
  caller: Caller,
  { key, flags, content }: { key: string; flags: Flags; content: PlanContent },
): Promise<void> {
  assertPools(content);
  await offer(ctx, caller, { key, flags }, async (tx) => {
    const plan = (await lockPlan(tx, key)) ?? (await tx.plan.create({ data: newPlan(ctx, key) }));
    if (plan.current_version !== null) {
      throw new AppError('plan_exists', `There is a plan "${key}" already.`);
    }
    return { plan, current: null, version: await draftVersion(tx, ctx.now(), { plan, content }) };
  });
}

/** The next version, or only other flags where the content stays as it is. */
export async function offerNextVersion(
  ctx: Context,
  caller: Caller,
  { key, flags, change }: { key: string; flags: Flags; change: (now: PlanContent) => PlanContent },
): Promise<void> {
  await offer(ctx, caller, { key, flags }, async (tx) => {
    const plan = await lockPlan(tx, key);
    if (!plan || plan.current_version === null) throw notFound();
    const current = await tx.planVersion.findUniqueOrThrow({
      where: { plan_id_version: { plan_id: plan.id, version: plan.current_version } },
    });
    const content = change(contentOf(current));
    assertPools(content);
    if (isDeepStrictEqual(content, contentOf(current))) return { plan, current, version: current };
    return { plan, current, version: await draftVersion(tx, ctx.now(), { plan, content }) };
  });
}

/** One at a time per plan: two that both draft would take each other's number for ever. */
async function offer(
  ctx: Context,
  caller: Caller,
  { key, flags }: { key: string; flags: Flags },
  draft: (tx: Tx) => Promise<Draft>,
): Promise<void> {
  await withLease(ctx.pool, `plan ${key}`, async () => {
    const drafted = await inTransaction(ctx, draft);
    if (drafted.version !== drafted.current) await confirmAtStripe(ctx, drafted);
    await inTransaction(ctx, (tx) => publish(tx, ctx.now(), caller, drafted, flags));
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

/** Product and Price, made once however often this runs: the keys come from the draft's row. */
async function confirmAtStripe(ctx: Context, { plan, current, version }: Draft): Promise<void> {
  const { price, name, description } = contentOf(version);
  if (!price || version.stripe_price_id) return;
  const metadata = { tollgate_plan: plan.key, tollgate_plan_version: String(version.version) };
  const about = { name, ...(description ? { description } : {}) };
  const idempotencyKey = (what: string) => ({
    idempotencyKey: `plan_version:${version.id}:${what}`,
  });
  try {
    let product = plan.stripe_product_id;
    if (!product) {
      const { tollgate_plan } = metadata;
      const created = await ctx.stripe.products.create(
        { ...about, metadata: { tollgate_plan } },
        idempotencyKey('product'),
      );
      product = created.id;
      await ctx.db.plan.update({ where: { id: plan.id }, data: { stripe_product_id: product } });
    } else if (!current || current.name !== name || current.description !== description) {
      await ctx.stripe.products.update(product, about, idempotencyKey('name'));
    }
    const created = await ctx.stripe.prices.create(
      {
        product,
        unit_amount: price.amount,
        currency: price.currency,
        recurring: { interval: price.interval },
        metadata,
      },
      idempotencyKey('price'),
    );
    await ctx.db.planVersion.updateMany({
      where: { id: version.id },
      data: { stripe_price_id: created.id },
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
    ctx.log.warn({ err: error, plan: plan.key }, 'Stripe refused a price');
    throw invalid({ pointer: '/price', detail: 'Stripe does not take this price' });
  }
}

/** 409 where the draft no longer fits: only whose lease has run out meets that. */
async function publish(
  tx: Tx,
  now: Date,
  caller: Caller,
  draft: Draft,
  flags: Flags,
): Promise<void> {
  const before = await lockPlan(tx, draft.plan.key);
  const version = await tx.planVersion.findUnique({ where: { id: draft.version.id } });
  const fits = before && version && before.current_version === draft.plan.current_version;
  if (!fits || (version.price_amount !== null && !version.stripe_price_id)) {
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

function newPlan(ctx: Context, key: string) {
  return { id: newId('plan'), key, created_at: ctx.now() };
}
