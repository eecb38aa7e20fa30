// Applies a configuration: tried first, prices at Stripe made for drafts that nobody sees, then all of it written in one
// transaction. A crash anywhere before leaves drafts, which the next apply of the same finishes and any other replaces.
import { withLease } from '../../adapters/lease.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import type { WrittenConfiguration } from '../../domain/configuration/configuration.ts';
import type { Difference } from '../../domain/configuration/change.ts';
import { AppError, within } from '../../domain/error.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { makePrice, nameProduct } from '../plan/version.ts';
import type { PlanDraft } from '../plan/version.ts';
import { fingerprintOf, readConfiguration } from './running.ts';
import { assertStillRuns, tryConfiguration } from './trial.ts';
import { draftPlans, lockConfiguration, writeConfiguration } from './write.ts';

export type ConfigurationApply = {
  configuration: WrittenConfiguration;
  allow_loss: boolean;
  /** Of what must still run. */
  fingerprint?: string | undefined;
};

/** One configuration, as it would be if it were applied: what changes, whom it touches, what an audit would find. */
export async function previewConfiguration(
  ctx: Context,
  caller: Caller,
  configuration: WrittenConfiguration,
) {
  return (await tryConfiguration(ctx, caller, { configuration })).outcome;
}

/**
 * All of it or nothing; what runs already is left alone. 409 `access_loss` where paying customers would lose access and
 * that is not allowed, 409 `configuration_changed` where something else runs than `fingerprint` says.
 */
export async function applyConfiguration(ctx: Context, caller: Caller, input: ConfigurationApply) {
  return withLease(ctx.pool, 'configuration', async () => {
    const { configuration, allow_loss, fingerprint: expected } = input;
    const { outcome, difference } = await tryConfiguration(ctx, caller, { configuration, expected });
    if (difference.changes.length === 0) return { ...outcome, applied: false };
    const { customers, is_complete } = outcome.losses;
    if (!allow_loss && (customers > 0 || !is_complete)) throw accessLoss(outcome.losses);
    const { fingerprint } = outcome;
    const write = { configuration, difference, fingerprint, losses: customers };
    return { ...outcome, fingerprint: await withPlanLeases(ctx, difference, () => writeAll(ctx, caller, write)), applied: true };
  });
} // prettier-ignore

function accessLoss(losses: { customers: number; is_complete: boolean }): AppError {
  const detail = losses.is_complete
    ? `${losses.customers} paying customers would lose access. Send allow_loss to apply it all the same.`
    : 'There is more than one look can take in: paying customers may lose access. Send allow_loss to apply it all the same.';
  return new AppError('access_loss', detail, { losses });
}

/** Nobody else makes versions of these plans meanwhile; always in the order of their names. */
function withPlanLeases<T>(ctx: Context, { changes }: Difference, work: () => Promise<T>): Promise<T> {
  const keys = changes.filter(({ object }) => object === 'plan').map(({ name }) => name).sort();
  return keys.reduceRight<() => Promise<T>>(
    (inner, key) => () => withLease(ctx.pool, `plan ${key}`, inner),
    work,
  )();
} // prettier-ignore

type Write = {
  configuration: WrittenConfiguration;
  difference: Difference;
  fingerprint: string;
  losses: number;
};

async function writeAll(
  ctx: Context,
  caller: Caller,
  { configuration, difference, fingerprint, losses }: Write,
): Promise<string> {
  const { changes } = difference;
  const drafts = await inTransaction(ctx, (tx) => draftPlans(tx, ctx.now(), changes));
  for (const draft of drafts) await makePriceOf(ctx, configuration, draft);
  for (const draft of drafts) await nameProduct(ctx, draft);
  return inTransaction(ctx, async (tx) => {
    const now = ctx.now();
    await lockConfiguration(tx);
    assertStillRuns(fingerprint, fingerprintOf(await readConfiguration(tx)));
    await writeConfiguration(tx, { now, caller, isTrial: false }, changes);
    const after = fingerprintOf(await readConfiguration(tx));
    await audit(tx, now, caller, {
      action: 'configuration.apply',
      objectId: 'configuration',
      before: { fingerprint },
      after: {
        fingerprint: after,
        changes: changes.map(({ action, object, name }) => ({ action, object, name })),
        customers_losing_access: losses,
      },
    });
    return after;
  });
}

async function makePriceOf(
  ctx: Context,
  { plans = [] }: WrittenConfiguration,
  draft: PlanDraft,
): Promise<void> {
  try {
    await makePrice(ctx, draft);
  } catch (error) {
    const at = plans.findIndex(({ key }) => key === draft.plan.key);
    throw within(`/configuration/plans/${at}`, error);
  }
}
