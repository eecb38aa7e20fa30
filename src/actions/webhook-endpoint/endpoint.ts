// The endpoints that hear of events: made, changed, given another secret, switched off, deleted. Sends nothing.
import { newId } from '../../adapters/id.ts';
import { inTransaction } from '../../adapters/postgres.ts';
import type { Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { AppError, invalid, notFound } from '../../domain/error.ts';
import { describeUrlFault } from '../../domain/webhook-endpoint.ts';
import type { WebhookEndpoint } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';
import { newSecret, sealSecret, withEnd } from './secret.ts';

const endpointsMax = 20;

export type EndpointInput = { url: string; description: string | null; events: string[] };
export type EndpointChange = {
  [K in keyof EndpointInput]?: EndpointInput[K] | undefined;
} & { enabled?: boolean | undefined };

/** Answers the secret once. 422 for an address that may not be called, 409 where there are too many. */
export async function createEndpoint(ctx: Context, caller: Caller, input: EndpointInput) {
  assertUrl(ctx, input.url);
  const secret = newSecret();
  return inTransaction(ctx, async (tx) => {
    if ((await tx.webhookEndpoint.count()) >= endpointsMax) {
      throw new AppError('invalid_state', `There are ${endpointsMax} endpoints already.`);
    }
    const created = await tx.webhookEndpoint.create({
      data: {
        ...input,
        id: newId('we'),
        secrets: [sealSecret(ctx, secret)],
        created_at: ctx.now(),
      },
    });
    await note(ctx, tx, caller, { action: 'webhook_endpoint.create', after: created });
    return { ...endpointView(created), secret };
  });
}

export async function changeEndpoint(
  ctx: Context,
  caller: Caller,
  { id, change }: { id: string; change: EndpointChange },
) {
  if (change.url !== undefined) assertUrl(ctx, change.url);
  return inTransaction(ctx, async (tx) => {
    await lockEndpoint(tx, id);
    const before = await findEndpoint(tx, id);
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    const isBack = change.enabled === true ? { disabled_reason: null, disabled_at: null } : {};
    const after = await tx.webhookEndpoint.update({
      where: { id },
      data: { ...Object.fromEntries(given), ...isBack },
    });
    if (before.enabled && !after.enabled) await cancelPending(tx, id);
    await note(ctx, tx, caller, { action: 'webhook_endpoint.change', before, after });
    return endpointView(after);
  });
}

/** Another secret, shown once. The one before signs too for `overlapSeconds`, in machine time. */
export async function rotateEndpointSecret(
  ctx: Context,
  caller: Caller,
  { id, overlapSeconds }: { id: string; overlapSeconds: number },
) {
  const secret = newSecret();
  return inTransaction(ctx, async (tx) => {
    await lockEndpoint(tx, id);
    const before = await findEndpoint(tx, id);
    const older = withEnd(before.secrets, Date.now(), overlapSeconds);
    const after = await tx.webhookEndpoint.update({
      where: { id },
      data: { secrets: [sealSecret(ctx, secret), ...older] },
    });
    await note(ctx, tx, caller, { action: 'webhook_endpoint.rotate', before, after });
    return { ...endpointView(after), secret };
  });
}

/** With all its deliveries. Again: nothing more happens. */
export async function deleteEndpoint(ctx: Context, caller: Caller, id: string): Promise<void> {
  await inTransaction(ctx, async (tx) => {
    const before = await tx.webhookEndpoint.findUnique({ where: { id } });
    if (!before) return;
    await tx.webhookEndpoint.delete({ where: { id } });
    await note(ctx, tx, caller, { action: 'webhook_endpoint.delete', before });
  });
}

export async function getEndpoint(ctx: Context, id: string) {
  return endpointView(await findEndpoint(ctx.db, id));
}

export async function listEndpoints(ctx: Context, page: Page) {
  const rows = await ctx.db.webhookEndpoint.findMany({
    where: afterCursor(page),
    ...pageArguments(page),
  });
  return toPage(rows, page, endpointView);
}

export async function findEndpoint(
  db: Pick<Tx, 'webhookEndpoint'>,
  id: string,
): Promise<WebhookEndpoint> {
  const found = await db.webhookEndpoint.findUnique({ where: { id } });
  if (!found) throw notFound();
  return found;
}

/** Held until the transaction ends, so that it is switched off once; events go on being written meanwhile. */
export async function lockEndpoint(tx: Tx, id: string): Promise<void> {
  await tx.$queryRaw`SELECT id FROM webhook_endpoint WHERE id = ${id} FOR NO KEY UPDATE`;
}

/** What was on its way to an endpoint that is switched off stays here; it can be sent again by its event's id. */
export async function cancelPending(tx: Tx, endpointId: string): Promise<void> {
  await tx.webhookDelivery.updateMany({
    where: { endpoint_id: endpointId, state: 'pending' },
    data: { state: 'canceled', next_attempt_at: null, lease_token: null, lease_until: null },
  });
}

function assertUrl(ctx: Context, url: string): void {
  const fault = describeUrlFault(url, ctx.config.webhookAllowPrivate);
  if (fault) throw invalid({ pointer: '/url', detail: fault });
}

type Note = { action: string; before?: WebhookEndpoint; after?: WebhookEndpoint };

async function note(ctx: Context, tx: Tx, caller: Caller, { action, before, after }: Note) {
  await audit(tx, ctx.now(), caller, {
    action,
    objectId: (before ?? after)!.id,
    ...(before ? { before: endpointView(before) } : {}),
    ...(after ? { after: endpointView(after) } : {}),
  });
}

function endpointView(row: WebhookEndpoint) {
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    events: row.events,
    enabled: row.enabled,
    disabled_reason: row.disabled_reason,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
  };
}
