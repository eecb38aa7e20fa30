// Does at Stripe what an operator has chosen in the settings: refunds that end a subscription, duplicates that are
// ended, invoices that are voided. With the defaults there is nothing to do.
import { applyPolicies as apply } from '../src/actions/subscription/policy.ts';
import type { Context } from '../src/context.ts';

export function applyPolicies(ctx: Context): Promise<Record<string, number>> {
  return apply(ctx);
}
