// The routes of customers and their sessions: for operators only.
import { z } from 'zod';
import {
  changeCustomer,
  createCustomer,
  getCustomer,
  listCustomers,
} from '../../actions/customer/customer.ts';
import { deleteCustomer } from '../../actions/customer/delete.ts';
import { createSession } from '../../actions/customer/session.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';
import { customerChange, customerCreate, customerView, externalId } from '../schema/customer.ts';

const params = z.object({ id: id('cus') });

export const customerRoutes = [
  route({
    method: 'GET',
    path: '/customers',
    tag: 'customer',
    summary: 'List customers, or find one by external_id',
    who: ['operator'],
    query: z.strictObject({ ...pageQuery, external_id: externalId.optional() }),
    status: 200,
    answer: list(customerView),
    handle: async ({ ctx, query }) => ({ body: await listCustomers(ctx, query) }),
  }),
  route({
    method: 'POST',
    path: '/customers',
    tag: 'customer',
    summary: 'Create a customer; the same external_id again: 200 and the customer as it is',
    who: ['operator'],
    body: customerCreate,
    status: 201,
    answer: customerView,
    errors: ['stripe_customer_conflict', 'stripe_unavailable'],
    handle: async ({ ctx, caller, body }) => {
      const { created, customer } = await createCustomer(ctx, caller, body);
      return { status: created ? 201 : 200, body: customer };
    },
  }),
  route({
    method: 'GET',
    path: '/customers/:id',
    tag: 'customer',
    summary: 'Read a customer',
    who: ['operator'],
    params,
    status: 200,
    answer: customerView,
    errors: ['not_found'],
    handle: async ({ ctx, params }) => ({ body: await getCustomer(ctx, params.id) }),
  }),
  route({
    method: 'PATCH',
    path: '/customers/:id',
    tag: 'customer',
    summary: 'Change a customer',
    who: ['operator'],
    params,
    body: customerChange,
    status: 200,
    answer: customerView,
    errors: ['not_found', 'stripe_customer_conflict', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params, body }) => ({
      body: await changeCustomer(ctx, caller, { id: params.id, change: body }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/customers/:id',
    tag: 'customer',
    summary: 'Delete a customer: cancels its subscriptions, ends its keys and sessions',
    who: ['operator'],
    params,
    status: 204,
    errors: ['stripe_unavailable'],
    handle: async ({ ctx, caller, params }) => {
      await deleteCustomer(ctx, caller, params.id);
      return {};
    },
  }),
  route({
    method: 'POST',
    path: '/customers/:id/sessions',
    tag: 'customer',
    summary: 'Open a session of one hour, to act as this customer',
    who: ['operator'],
    params,
    status: 201,
    answer: z.object({ token: z.string(), expires_at: instantView }),
    errors: ['not_found'],
    secret: true,
    handle: async ({ ctx, caller, params }) => ({
      body: await createSession(ctx, caller, params.id),
    }),
  }),
];
