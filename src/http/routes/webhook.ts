// Where Stripe delivers. Any 2xx says "durably stored", nothing more: verify the raw bytes, store, answer,
// wake the worker. Never acts on what an event claims; a failure of ours is a 5xx, so that Stripe tries again.
import type { RequestHandler } from 'express';
import { receiveStripeEvent } from '../../actions/stripe/event.ts';
import type { Context } from '../../context.ts';

/** For `POST /webhooks/stripe`; `request.body` must be the raw Buffer (express.raw, 1 MiB). */
export function receiveWebhook(ctx: Context): RequestHandler {
  return async (request, response) => {
    const raw: unknown = request.body;
    const signatures = request.headersDistinct['stripe-signature'] ?? [];
    await receiveStripeEvent(ctx, {
      raw: Buffer.isBuffer(raw) ? raw : Buffer.alloc(0),
      signature: signatures.length === 1 ? signatures[0] : undefined,
    });
    response.status(200).json({ received: true });
  };
}
