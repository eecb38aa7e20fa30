// The routes of invoices, and of the page on which a card is changed: for customers and, in their name, operators.
import { z } from 'zod';
import { getInvoice, listInvoices, payInvoice } from '../../actions/invoice.ts';
import { createPaymentMethodSession } from '../../actions/payment-method.ts';
import { route } from '../route.ts';
import { id, list, pageQuery } from '../schema/common.ts';
import { invoiceView, ownerFilter, paymentMethodSessionCreate } from '../schema/subscription.ts';

const tag = 'invoice';
const who: ('customer' | 'operator')[] = ['customer', 'operator'];
const params = z.object({ id: id('inv') });

export const invoiceRoutes = [
  route({
    method: 'GET',
    path: '/invoices',
    tag,
    summary: 'List invoices',
    who,
    query: z.strictObject({ ...pageQuery, customer_id: ownerFilter }),
    status: 200,
    answer: list(invoiceView),
    handle: async ({ ctx, caller, query }) => ({ body: await listInvoices(ctx, caller, query) }),
  }),
  route({
    method: 'GET',
    path: '/invoices/:id',
    tag,
    summary: 'Read an invoice',
    who,
    params,
    status: 200,
    answer: invoiceView,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => ({ body: await getInvoice(ctx, caller, params.id) }),
  }),
  route({
    method: 'POST',
    path: '/invoices/:id/payment',
    tag,
    summary: 'Pay an invoice with the card on file; access opens at once',
    who,
    params,
    body: z.strictObject({}),
    status: 200,
    answer: invoiceView,
    errors: ['payment_failed', 'not_found', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params }) => ({ body: await payInvoice(ctx, caller, params.id) }),
  }),
  route({
    method: 'POST',
    path: '/payment-method-sessions',
    tag: 'payment method',
    summary: 'Open a page at Stripe where the customer changes the card',
    who,
    body: paymentMethodSessionCreate,
    status: 201,
    answer: z.object({ url: z.string() }),
    errors: ['not_found', 'stripe_unavailable'],
    handle: async ({ ctx, caller, body }) => ({
      body: await createPaymentMethodSession(ctx, caller, body),
    }),
  }),
];
