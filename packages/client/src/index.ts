// What the package offers; everything else is its own business.
export { createTollgate } from './client.ts';
export type { Tollgate, TollgateOptions } from './client.ts';
export { expressCharge, expressGuard } from './express.ts';
export type { NodeMiddleware, NodeRequest, NodeResponse } from './express.ts';
export { fastifyCharge, fastifyGuard } from './fastify.ts';
export { fetchCharge, fetchGuard, honoCharge, honoGuard } from './fetch.ts';
export type { Charge, ChargeOptions, GuardOptions } from './guard.ts';
export type {
  Action,
  Call,
  Credential,
  Decision,
  Owner,
  Problem,
  Reservation,
  Source,
  UsageRecord,
} from './types.ts';
export { TollgateError } from './usage.ts';
export type { Reserve, Reserved } from './usage.ts';
export { verifyWebhook, WebhookSignatureError } from './webhook.ts';
export type { WebhookEvent, WebhookHeaders } from './webhook.ts';
