// Looks whether a Stripe customer that somebody wants to link is there. Changes nothing at Stripe.
import { isMissing, isRefused } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { invalid } from '../../domain/error.ts';

/** 422 where Stripe has no such customer, or it is deleted there; 503 where Stripe cannot be asked. */
export async function assertStripeCustomer(ctx: Context, id: string): Promise<void> {
  const fault = () => invalid({ pointer: '/stripe_customer_id', detail: 'is not at Stripe' });
  try {
    const found = await ctx.stripe.customers.retrieve(id);
    if (found.deleted) throw fault();
  } catch (error) {
    throw isMissing(error) || isRefused(error) ? fault() : error;
  }
}
