// A page at Stripe where the customer changes the card. No card data ever comes near us.
import { callStripe } from '../adapters/stripe-error.ts';
import type { Context } from '../context.ts';
import type { Caller } from './caller.ts';
import { ensurePayer } from './customer/stripe.ts';
import { customerToServe } from './subscription/subscription.ts';

/** The page's address; the customer comes back to `return_url`. Makes the customer at Stripe when needed. */
export async function createPaymentMethodSession(
  ctx: Context,
  caller: Caller,
  input: { customer_id?: string | undefined; return_url?: string | undefined },
): Promise<{ url: string }> {
  const customerId = await customerToServe(ctx, caller, input.customer_id);
  const { stripeCustomer: customer } = await ensurePayer(ctx, caller, customerId);
  const session = await callStripe(() =>
    ctx.stripe.billingPortal.sessions.create({
      customer,
      return_url: input.return_url ?? `${ctx.config.publicUrl}/checkout/done`,
      flow_data: { type: 'payment_method_update' },
    }),
  );
  return { url: session.url };
}
