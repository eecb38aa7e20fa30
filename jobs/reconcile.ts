// Compares everything with Stripe: once a day, after a time away, and whenever an operator asks. Does a slice of the
// comparison under way; the next run, here or elsewhere, goes on from there.
import { reconcile as compare } from '../src/actions/reconciliation/run.ts';
import type { Context } from '../src/context.ts';

export function reconcile(ctx: Context): Promise<{ ended: number }> {
  return compare(ctx);
}
