// The routes of subscriptions: for customers and, in their name, operators. A verb is a resource that is put
// or deleted: a cancellation, a pause.
import { z } from 'zod';
import { startPurchase } from '../../actions/purchase/purchase.ts';
import { cancelSubscription, undoCancellation } from '../../actions/subscription/cancel.ts';
import { changeSubscription } from '../../actions/subscription/change.ts';
import { pauseSubscription, resumeSubscription } from '../../actions/subscription/pause.ts';
import { previewChange } from '../../actions/subscription/preview.ts';
import { getSubscription, listSubscriptions } from '../../actions/subscription/subscription.ts';
import { route } from '../route.ts';
import { id, list, pageQuery } from '../schema/common.ts';
import {
  cancellation,
  changePreview,
  ownerFilter,
  subscriptionChange,
  subscriptionCreate,
  subscriptionView,
} from '../schema/subscription.ts';

const tag = 'subscription';
const who: ('customer' | 'operator')[] = ['customer', 'operator'];
const params = z.object({ id: id('sub') });

export const subscriptionRoutes = [
  route({
    method: 'GET',
    path: '/subscriptions',
    tag,
    summary: 'List subscriptions',
    who,
    query: z.strictObject({ ...pageQuery, customer_id: ownerFilter }),
    status: 200,
    answer: list(subscriptionView),
    handle: async ({ ctx, caller, query }) => ({
      body: await listSubscriptions(ctx, caller, query),
    }),
  }),
  route({
    method: 'POST',
    path: '/subscriptions',
    tag,
    summary: 'Subscribe, or move up from a free plan',
    who,
    body: subscriptionCreate,
    status: 201,
    answer: subscriptionView,
    errors: [
      'payment_failed', 'not_found', 'subscription_exists', 'purchase_in_flight', 'currency_mismatch', 'stripe_unavailable',
    ], // prettier-ignore
    handle: async ({ ctx, caller, body }) => ({ body: await startPurchase(ctx, caller, body) }),
  }),
  route({
    method: 'GET',
    path: '/subscriptions/:id',
    tag,
    summary: 'Read a subscription',
    who,
    params,
    status: 200,
    answer: subscriptionView,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => ({
      body: await getSubscription(ctx, caller, params.id),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/subscriptions/:id',
    tag,
    summary: 'Change plan or quantity, now or at the end of the period',
    who,
    params,
    body: subscriptionChange,
    status: 200,
    answer: subscriptionView,
    errors: [
      'payment_failed', 'not_found', 'invalid_state', 'currency_mismatch', 'stripe_unavailable', 'unavailable',
    ], // prettier-ignore
    handle: async ({ ctx, caller, params, body }) => ({
      body: await changeSubscription(ctx, caller, { id: params.id, change: body }),
    }),
  }),
  route({
    method: 'POST',
    path: '/subscriptions/:id/preview',
    tag,
    summary: 'What a change would cost',
    who,
    params,
    body: subscriptionChange,
    status: 200,
    answer: changePreview,
    errors: ['not_found', 'invalid_state', 'currency_mismatch', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params, body }) => ({
      body: await previewChange(ctx, caller, { id: params.id, change: body }),
    }),
  }),
  route({
    method: 'PUT',
    path: '/subscriptions/:id/cancellation',
    tag,
    summary: 'Cancel now, at the end of the period, or at an instant',
    who,
    params,
    body: cancellation,
    status: 200,
    answer: subscriptionView,
    errors: ['not_found', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params, body }) => ({
      body: await cancelSubscription(ctx, caller, { id: params.id, cancellation: body }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/subscriptions/:id/cancellation',
    tag,
    summary: 'Take a cancellation back before it takes effect',
    who,
    params,
    status: 204,
    errors: ['not_found', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params }) => {
      await undoCancellation(ctx, caller, params.id);
      return {};
    },
  }),
  route({
    method: 'PUT',
    path: '/subscriptions/:id/pause',
    tag,
    summary: 'Pause: no money is collected, and access stops',
    who,
    params,
    body: z.strictObject({}),
    status: 200,
    answer: subscriptionView,
    errors: ['not_found', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params }) => ({
      body: await pauseSubscription(ctx, caller, params.id),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/subscriptions/:id/pause',
    tag,
    summary: 'Resume a paused subscription',
    who,
    params,
    status: 204,
    errors: ['not_found', 'invalid_state', 'stripe_unavailable'],
    handle: async ({ ctx, caller, params }) => {
      await resumeSubscription(ctx, caller, params.id);
      return {};
    },
  }),
];
