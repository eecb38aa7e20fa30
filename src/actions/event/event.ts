// Events as operators read them: what was told, to catch up after an outage or to look something up.
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import type { Event } from '../../generated/prisma/client.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';

/** Newest first. Within one customer `sequence` tells the order. */
export async function listEvents(
  ctx: Context,
  query: Page & { customer_id?: string | undefined; type?: string | undefined },
) {
  const { customer_id, type } = query;
  const rows = await ctx.db.event.findMany({
    where: {
      ...afterCursor(query),
      ...(customer_id ? { customer_id } : {}),
      ...(type ? { type } : {}),
    },
    ...pageArguments(query),
  });
  return toPage(rows, query, view);
}

export async function getEvent(ctx: Context, id: string) {
  const row = await ctx.db.event.findUnique({ where: { id } });
  if (!row) throw notFound();
  return view(row);
}

function view(row: Event) {
  return {
    id: row.id,
    type: row.type,
    timestamp: row.at.toISOString(),
    customer_id: row.customer_id,
    subscription_id: row.subscription_id,
    sequence: Number(row.sequence),
    data: row.data,
  };
}
