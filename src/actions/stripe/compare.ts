// What a look at an object would change, with every write taken back: the very code of the look, so that a dry
// run cannot find something else than a real one would mend.
import { inTransaction } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { drawTicket, fetchObject, save } from './object.ts';
import type { Root, Seen } from './object.ts';

class TakenBack extends Error {}

/** Changes nothing, here or at Stripe. Where somebody looked later than we did, there is nothing to tell. */
export async function compareNow(ctx: Context, root: Root): Promise<Seen> {
  const ticket = await drawTicket(ctx);
  const found = await fetchObject(ctx, root);
  let seen: Seen = { found, changes: [], alarm: null };
  try {
    await inTransaction(ctx, async (tx) => {
      const row = await tx.stripeObject.findUnique({ where: { id: root.id } });
      if (Number(row?.ticket ?? 0) > ticket) return;
      const wasDeleted = (root.deleted ?? false) || (row?.deleted_seen ?? false);
      seen = await save(ctx, tx, { object: root, found, wasDeleted });
      throw new TakenBack();
    });
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error;
  }
  return seen;
}
