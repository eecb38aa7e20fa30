// Delivers events to the endpoints that want them. An event is written with the change it tells of; this only
// carries it out of the house.
import { deliverWebhooks as deliverDue } from '../src/actions/webhook-endpoint/deliver.ts';
import type { Context } from '../src/context.ts';

export function deliverWebhooks(ctx: Context): Promise<Record<string, number>> {
  return deliverDue(ctx);
}
