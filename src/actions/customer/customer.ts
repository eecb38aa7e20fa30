// Customers: create, change, read, and whom a request is about. One external_id is one customer, however many
// requests race. Deleting is customer-delete.ts.
import { isDeepStrictEqual } from 'node:util';
import { newId } from '../../adapters/id.ts';
import { inTransaction, isUniqueViolation } from '../../adapters/postgres.ts';
import type { After, Db, Tx } from '../../adapters/postgres.ts';
import type { Context } from '../../context.ts';
import { AppError, invalid, notFound } from '../../domain/error.ts';
import type { Customer } from '../../generated/prisma/client.ts';
import { audit } from '../audit.ts';
import type { Caller } from '../caller.ts';
import { publishAccess } from '../event/access.ts';
import { assertStripeCustomer } from './link.ts';
import { afterCursor, pageArguments, toPage } from '../page.ts';
import type { Page } from '../page.ts';
import { want } from '../stripe/want.ts';
import { sendContact } from './stripe.ts';

type CustomerFields = {
  email: string | null;
  name: string | null;
  timezone: string;
  blocked: boolean;
  spend_cap: number | null;
  metadata: Record<string, string>;
  stripe_customer_id: string;
};
export type CustomerChange = { [K in keyof CustomerFields]?: CustomerFields[K] | undefined };
export type CustomerView = ReturnType<typeof customerView>;

/** The same external_id again answers the customer as it is, with `created` false. */
export async function createCustomer(
  ctx: Context,
  caller: Caller,
  input: { external_id: string } & CustomerChange,
): Promise<{ created: boolean; customer: CustomerView }> {
  const existing = await findByExternalId(ctx, input.external_id);
  if (existing) return { created: false, customer: customerView(existing) };
  if (input.stripe_customer_id) await assertStripeCustomer(ctx, input.stripe_customer_id);
  try {
    return { created: true, customer: await insertCustomer(ctx, caller, input) };
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    // Either somebody else created it just now, or the Stripe customer is taken.
    const other = await findByExternalId(ctx, input.external_id);
    if (!other) throw stripeCustomerTaken();
    return { created: false, customer: customerView(other) };
  }
}

/** 409 `stripe_customer_conflict` where the Stripe customer is another's, or this one has another. */
export async function changeCustomer(
  ctx: Context,
  caller: Caller,
  { id, change }: { id: string; change: CustomerChange },
): Promise<CustomerView> {
  const link = change.stripe_customer_id;
  const known = await findCustomer(ctx.db, id);
  if (link && link !== known.stripe_customer_id) await assertStripeCustomer(ctx, link);
  try {
    return await inTransaction(ctx, async (tx, after) => {
      await tx.$queryRaw`SELECT id FROM customer WHERE id = ${id} FOR UPDATE`;
      const before = await findCustomer(tx, id);
      if (link && before.stripe_customer_id && before.stripe_customer_id !== link) {
        throw new AppError(
          'stripe_customer_conflict',
          'This customer has a Stripe customer already.',
        );
      }
      const changed = await tx.customer.update({ where: { id }, data: toRow(change) });
      if (isDeepStrictEqual(before, changed)) return customerView(before);
      if (link && link !== before.stripe_customer_id) await readLinked(ctx, tx, after, link);
      const isRenamed = before.email !== changed.email || before.name !== changed.name;
      if (isRenamed) after(() => sendContact(ctx, changed));
      await audit(tx, ctx.now(), caller, {
        action: 'customer.change',
        objectId: id,
        customerId: id,
        before: customerView(before),
        after: customerView(changed),
      });
      if (before.blocked !== changed.blocked) await publishAccess(tx, ctx.now(), id);
      return customerView(changed);
    });
  } catch (error) {
    throw isUniqueViolation(error) ? stripeCustomerTaken() : error;
  }
}

export async function getCustomer(ctx: Context, id: string): Promise<CustomerView> {
  return customerView(await findCustomer(ctx.db, id));
}

export async function listCustomers(
  ctx: Context,
  { external_id, ...page }: Page & { external_id?: string | undefined },
) {
  const rows = await ctx.db.customer.findMany({
    where: { ...afterCursor(page), deleted_at: null, ...(external_id ? { external_id } : {}) },
    ...pageArguments(page),
  });
  return toPage(rows, page, customerView);
}

/** The customer, or 404 where there is none any more. */
export async function findCustomer(db: Pick<Db, 'customer'>, id: string): Promise<Customer> {
  const found = await db.customer.findUnique({ where: { id } });
  if (!found || found.deleted_at) throw notFound();
  return found;
}

/**
 * Whom a POST is about: a customer means itself and may name nobody else (404); an operator must name one
 * (422 where missing, 404 where unknown).
 */
export async function customerMeant(
  ctx: { db: Pick<Db, 'customer'> },
  caller: Caller,
  named: string | undefined,
): Promise<Customer> {
  const id = caller.kind === 'customer' ? caller.customerId : named;
  if (named !== undefined && named !== id) throw notFound();
  if (id === undefined)
    throw invalid({ pointer: '/customer_id', detail: 'is needed from an operator' });
  return findCustomer(ctx.db, id);
}

/** Whose things a list shows: a customer's own; for an operator everybody's, or those of the one named. */
export function customerFilter(
  caller: Caller,
  named: string | undefined,
): { customer_id?: string } {
  if (caller.kind !== 'customer') return named === undefined ? {} : { customer_id: named };
  if (named !== undefined && named !== caller.customerId) throw notFound();
  return { customer_id: caller.customerId };
}

export function customerView(row: Customer) {
  return {
    id: row.id,
    external_id: row.external_id,
    email: row.email,
    name: row.name,
    timezone: row.timezone,
    blocked: row.blocked,
    spend_cap: row.spend_cap === null ? null : Number(row.spend_cap),
    metadata: row.metadata as Record<string, string>,
    stripe_customer_id: row.stripe_customer_id,
    created_at: row.created_at.toISOString(),
  };
}

async function insertCustomer(
  ctx: Context,
  caller: Caller,
  { external_id, ...fields }: { external_id: string } & CustomerChange,
): Promise<CustomerView> {
  const link = fields.stripe_customer_id;
  return inTransaction(ctx, async (tx, after) => {
    const created = await tx.customer.create({
      data: { id: newId('cus'), external_id, ...toRow(fields), created_at: ctx.now() },
    });
    if (link) await readLinked(ctx, tx, after, link);
    await audit(tx, ctx.now(), caller, {
      action: 'customer.create',
      objectId: created.id,
      customerId: created.id,
      after: customerView(created),
    });
    return customerView(created);
  });
}

/** What a linked customer has at Stripe already is read soon: its subscriptions count from then on. */
async function readLinked(ctx: Context, tx: Tx, after: After, id: string): Promise<void> {
  await want(tx, { kind: 'customer', id });
  after(() => ctx.queue.wake('process-stripe-event'));
}

/** Without what was not given, so that Prisma leaves it alone or takes the column's default. */
function toRow(change: CustomerChange) {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<CustomerFields>;
}

function findByExternalId(ctx: Context, external_id: string): Promise<Customer | null> {
  return ctx.db.customer.findFirst({ where: { external_id, deleted_at: null } });
}

function stripeCustomerTaken(): AppError {
  return new AppError(
    'stripe_customer_conflict',
    'This Stripe customer belongs to another customer.',
  );
}
