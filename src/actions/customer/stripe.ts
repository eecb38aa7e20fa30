// Our customer's counterpart at Stripe: made when first needed, exactly one however many ask at once.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError, notFound } from '../../domain/error.ts';
import type { Customer } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';

/** Its id at Stripe. The key is made from ours alone, so that a lost answer is replayed and not repeated. */
export async function ensureStripeCustomer(
  ctx: Context,
  caller: Caller,
  customerId: string,
): Promise<string> {
  const customer = await ctx.db.customer.findUnique({ where: { id: customerId } });
  if (!customer || customer.deleted_at) throw notFound();
  if (customer.stripe_customer_id) return customer.stripe_customer_id;
  // Nothing that may change goes in: the same key with other parameters would be refused for a day.
  const created = await callStripe(() =>
    ctx.stripe.customers.create(
      { metadata: { tollgate_customer: customer.id } },
      { idempotencyKey: `customer-${customer.id}` },
    ),
  );
  await callStripe(() => ctx.stripe.customers.update(created.id, contact(customer)));
  return link(ctx, caller, customer.id, created.id);
}

function contact({ email, name }: Customer): Stripe.CustomerUpdateParams {
  return { ...(email ? { email } : {}), ...(name ? { name } : {}) };
}

/** Whoever saved first has named the one. */
async function link(ctx: Context, caller: Caller, id: string, stripeId: string): Promise<string> {
  return inTransaction(ctx, async (tx) => {
    const { count } = await tx.customer.updateMany({
      where: { id, stripe_customer_id: null },
      data: { stripe_customer_id: stripeId },
    });
    if (count > 0) {
      const after = { stripe_customer_id: stripeId };
      await audit(tx, ctx.now(), caller, {
        action: 'customer.link',
        objectId: id,
        customerId: id,
        after,
      });
    }
    const row = await tx.customer.findUniqueOrThrow({ where: { id } });
    return row.stripe_customer_id!;
  });
}

/** How the customer stands at Stripe: the card that pays by default, and the currency that is fixed. */
export async function payerOf(
  ctx: Context,
  stripeCustomerId: string,
): Promise<{ paymentMethod: string | null; currency: string | null }> {
  const customer = await callStripe(() => ctx.stripe.customers.retrieve(stripeCustomerId));
  if (customer.deleted) {
    throw new AppError(
      'stripe_customer_conflict',
      'The linked customer has been deleted at Stripe.',
    );
  }
  const method = customer.invoice_settings.default_payment_method;
  return {
    paymentMethod: typeof method === 'string' ? method : (method?.id ?? null),
    currency: customer.currency ?? null,
  };
}
