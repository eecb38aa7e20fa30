// Tells of access that the clock alone has changed: a step of the ladder, a scheduled end or change. Access itself
// has followed already; this makes the event follow.
import { publishDueAccess } from '../src/actions/event/access.ts';
import type { Context } from '../src/context.ts';

export function followAccess(ctx: Context): Promise<Record<string, number>> {
  return publishDueAccess(ctx);
}
