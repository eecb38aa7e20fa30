// Sends the mail that is due. A notice is written with the step it tells of; this only carries it out of the house.
import { deliverNotices as deliverDue } from '../src/actions/notice/deliver.ts';
import type { Context } from '../src/context.ts';

export function deliverNotices(ctx: Context): Promise<Record<string, number>> {
  return deliverDue(ctx);
}
