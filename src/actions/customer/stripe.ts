// Our customer's counterpart at Stripe: made when first needed, exactly one however many ask at once.
import type Stripe from 'stripe';
import { inTransaction } from '../../adapters/postgres.ts';
import { callStripe, isMissing, stripeFailure } from '../../adapters/stripe-error.ts';
import type { Context } from '../../context.ts';
import { AppError, notFound } from '../../domain/error.ts';
import type { Customer } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { syncNow } from '../stripe/object.ts';

const createsMax = 5;

/** Its id at Stripe. The key is made from ours alone, so that a lost answer is replayed and not repeated. */
export async function ensureStripeCustomer(
  ctx: Context,
  caller: Caller,
  customerId: string,
): Promise<string> {
  const customer = await ctx.db.customer.findUnique({ where: { id: customerId } });
  if (!customer || customer.deleted_at) throw notFound();
  if (customer.stripe_customer_id) return customer.stripe_customer_id;
  return link(ctx, caller, customer.id, await create(ctx, customer));
}

/** One that was made under a key and has been deleted since is answered again for a day: its id makes the next key. */
async function create(ctx: Context, customer: Customer): Promise<string> {
  let idempotencyKey = `customer-${customer.id}`;
  for (let attempt = 0; attempt < createsMax; attempt += 1) {
    // Nothing that may change goes in: the same key with other parameters would be refused for a day.
    const metadata = { tollgate_customer: customer.id };
    const made = await callStripe(() =>
      ctx.stripe.customers.create({ metadata }, { idempotencyKey }),
    );
    try {
      await ctx.stripe.customers.update(made.id, contact(customer));
      return made.id;
    } catch (error) {
      if (!isMissing(error)) throw stripeFailure(error);
      idempotencyKey = `customer-${customer.id}-${made.id}`;
    }
  }
  throw new AppError(
    'stripe_customer_conflict',
    'The customer is deleted at Stripe again and again.',
  );
}

/** Who pays, and how. A customer that was deleted at Stripe, of which we had not heard, is replaced by a new one. */
export async function ensurePayer(ctx: Context, caller: Caller, customerId: string) {
  const stripeCustomer = await ensureStripeCustomer(ctx, caller, customerId);
  try {
    return { stripeCustomer, ...(await payerOf(ctx, stripeCustomer)) };
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'stripe_customer_conflict';
    if (!isGone) throw error;
    await syncNow(ctx, 'customer', stripeCustomer);
    const next = await ensureStripeCustomer(ctx, caller, customerId);
    return { stripeCustomer: next, ...(await payerOf(ctx, next)) };
  }
}

/** Name and e-mail as they are now, at the linked customer. Without one, nothing. */
export async function sendContact(ctx: Context, customer: Customer): Promise<void> {
  const { stripe_customer_id: id, email, name } = customer;
  if (id) await ctx.stripe.customers.update(id, { email: email ?? '', name: name ?? '' });
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
