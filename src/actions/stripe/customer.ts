// What a customer at Stripe tells us: that it is gone, that it is ours although our commit was lost, and which
// subscriptions and invoices it has that we have not seen. Takes over no personal data.
import type Stripe from 'stripe';
import { invoiceFacts } from '../../adapters/stripe-invoice.ts';
import type { InvoiceFacts } from '../../adapters/stripe-invoice.ts';
import type { Tx } from '../../adapters/postgres.ts';
import { assertIs } from '../../adapters/stripe-answer.ts';
import { audit, stripeActor } from '../audit.ts';
import type { Customer } from '../../generated/prisma/client.ts';
import { saveInvoices } from './invoice.ts';
import { defaultPaymentMethod, savePaymentMethod } from './payment-method.ts';
import type { PaymentMethodFacts } from './payment-method.ts';
import { want } from './want.ts';
import type { Change, Reader } from './want.ts';

const pageSize = 100;
const listedMax = 500;

type Found = {
  deleted: boolean;
  /** Set by us at creation: whose it is. */
  owner: string | null;
  paymentMethod: PaymentMethodFacts | null;
  subscriptions: { id: string; status: string }[];
  /** Those that belong to no subscription. */
  invoices: InvoiceFacts[];
};

export const stripeCustomerReader: Reader<Found> = {
  fetch: fetchCustomer,
  async save(tx, { id, now, found, changes }) {
    const customer = await ownerOf(tx, { id, now, found }, changes);
    if (!customer) return null;
    if (found === null || found.deleted) {
      await wantSubscriptions(tx, await linkedSubscriptions(tx, customer.id));
      await unlink(tx, now, { customer, id, changes });
      return 'customer_deleted';
    }
    const { subscriptions, invoices } = found;
    await wantSubscriptions(tx, await unseen(tx, subscriptions));
    await saveInvoices(tx, {
      now,
      customerId: customer.id,
      subscriptionId: null,
      invoices,
      changes,
    });
    await savePaymentMethod(tx, customer, { method: found.paymentMethod, now });
    return null;
  },
};

async function fetchCustomer(stripe: Stripe, id: string): Promise<Found> {
  const customer = await stripe.customers.retrieve(id, {
    expand: ['invoice_settings.default_payment_method'],
  });
  assertIs(customer, 'customer', id);
  if (customer.deleted) {
    return { deleted: true, owner: null, paymentMethod: null, subscriptions: [], invoices: [] };
  }
  const listed = { customer: id, limit: pageSize };
  const bound = { limit: listedMax };
  const [subscriptions, invoices] = await Promise.all([
    stripe.subscriptions.list({ ...listed, status: 'all' }).autoPagingToArray(bound),
    stripe.invoices.list(listed).autoPagingToArray(bound),
  ]);
  return {
    deleted: false,
    owner: customer.metadata['tollgate_customer'] ?? null,
    paymentMethod: defaultPaymentMethod(customer),
    subscriptions: subscriptions.map((subscription) => ({
      id: subscription.id,
      status: subscription.status,
    })),
    invoices: invoices
      .filter((invoice) => !invoice.parent?.subscription_details)
      .map((invoice) => invoiceFacts(invoice)),
  };
}

type Look = { id: string; now: Date; found: Found | null };

/** One that we made, and died before we could write down that it is ours. */
async function ownerOf(tx: Tx, look: Look, changes: Change[]) {
  const { id, now, found } = look;
  const linked = await tx.customer.findUnique({ where: { stripe_customer_id: id } });
  if (linked || !found?.owner) return linked;
  const { count } = await tx.customer.updateMany({
    where: { id: found.owner, stripe_customer_id: null },
    data: { stripe_customer_id: id },
  });
  if (count > 0) {
    changes.push({ object: id, field: 'customer_id', ours: null, stripes: found.owner });
    await audit(tx, now, stripeActor, {
      action: 'customer.link',
      objectId: found.owner,
      customerId: found.owner,
      after: { stripe_customer_id: id },
    });
  }
  return tx.customer.findUnique({ where: { stripe_customer_id: id } });
}

/** Gone for good at Stripe: whoever buys again becomes a new customer there. */
async function unlink(
  tx: Tx,
  now: Date,
  { customer, id, changes }: { customer: Customer; id: string; changes: Change[] },
): Promise<void> {
  const nothing = { stripe_customer_id: null, payment_method: null, card_expires_at: null };
  await tx.customer.update({ where: { id: customer.id }, data: nothing });
  changes.push({ object: id, field: 'stripe_customer_id', ours: id, stripes: null });
  await audit(tx, now, stripeActor, {
    action: 'customer.unlink',
    objectId: customer.id,
    customerId: customer.id,
    before: { stripe_customer_id: id },
    after: { stripe_customer_id: null },
  });
}

async function linkedSubscriptions(tx: Tx, customerId: string): Promise<string[]> {
  const rows = await tx.subscription.findMany({
    where: { customer_id: customerId, stripe_subscription_id: { not: null } },
    select: { stripe_subscription_id: true },
  });
  return rows.map((row) => row.stripe_subscription_id!);
}

/** Those of which we have no row, or one that says something else. */
async function unseen(tx: Tx, subscriptions: Found['subscriptions']): Promise<string[]> {
  const rows = await tx.subscription.findMany({
    where: { stripe_subscription_id: { in: subscriptions.map(({ id }) => id) } },
    select: { stripe_subscription_id: true, status: true },
  });
  const known = new Map(rows.map((row) => [row.stripe_subscription_id, row.status]));
  return subscriptions.filter(({ id, status }) => known.get(id) !== status).map(({ id }) => id);
}

async function wantSubscriptions(tx: Tx, ids: string[]): Promise<void> {
  for (const id of ids.toSorted()) await want(tx, { kind: 'subscription', id });
}
