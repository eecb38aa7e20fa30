// /v1/events and /v1/webhook_endpoints (https://docs.stripe.com/api/events).
import { z } from 'zod';
import { endpoint, find, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import {
  bool,
  clearable,
  created,
  isWithin,
  mergeMetadata,
  metadata,
  paging,
  text,
} from '../api/params.ts';
import { showWebhookEndpoint } from '../shape/session.ts';
import type { WebhookEndpoint } from '../store/entity-session.ts';
import { apiVersion, newId, nowOn, randomText, type World } from '../world.ts';

const listParams = z.strictObject({
  ...paging,
  created,
  delivery_success: bool.optional(),
  type: text.optional(),
  types: z.array(text).max(20).optional(),
});

const events = z
  .array(z.string().regex(/^(\*|[a-z0-9_.]+)$/, 'Invalid event type'))
  .min(1)
  .max(200);
const address = z.url({ protocol: /^https?$/ }).max(2048);
const createParams = z.strictObject({
  url: address,
  enabled_events: events,
  api_version: text.optional(),
  connect: bool.optional(),
  description: clearable(text).optional(),
  metadata: metadata.optional(),
});
const updateParams = z.strictObject({
  url: address.optional(),
  enabled_events: events.optional(),
  description: clearable(text).optional(),
  disabled: bool.optional(),
  metadata: metadata.optional(),
});
const endpointsMax = 16;

/** Adds an endpoint; the secret is shown once, in the answer that makes it. */
export const addWebhookEndpoint = (
  world: World,
  asked: {
    url: string;
    enabled_events: string[];
    description?: string | null | undefined;
    metadata?: Record<string, string> | null | undefined;
    secret?: string;
  },
): WebhookEndpoint => {
  if (world.store.size('webhook_endpoint') >= endpointsMax) {
    throw invalid(`You have reached the maximum of ${endpointsMax} test webhook endpoints.`);
  }
  return world.store.put('webhook_endpoint', {
    id: newId('we'),
    object: 'webhook_endpoint',
    api_version: apiVersion,
    created: nowOn(world, null),
    description: asked.description ?? null,
    enabled_events: asked.enabled_events,
    livemode: false,
    metadata: mergeMetadata({}, asked.metadata),
    status: 'enabled',
    url: asked.url,
    _secret: asked.secret ?? `whsec_${randomText(32)}`,
  });
};

export const eventEndpoints: Endpoint[] = [
  endpoint('GET', '/v1/events', listParams, ({ world, params }) =>
    page(
      world,
      'event',
      '/v1/events',
      params,
      (row) =>
        (params.type === undefined || matchesType(row.type, params.type)) &&
        (params.types === undefined || params.types.some((type) => matchesType(row.type, type))) &&
        isWithin(row.created, params.created),
    ),
  ),
  endpoint('GET', '/v1/events/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'event', ids['id']),
  ),
  endpoint('POST', '/v1/webhook_endpoints', createParams, ({ world, params }) => {
    const made = addWebhookEndpoint(world, params);
    return { raw: { ...showWebhookEndpoint(made), secret: made._secret } };
  }),
  endpoint('GET', '/v1/webhook_endpoints', z.strictObject({ ...paging }), ({ world, params }) =>
    page(world, 'webhook_endpoint', '/v1/webhook_endpoints', params, () => true),
  ),
  endpoint('GET', '/v1/webhook_endpoints/:id', z.strictObject({}), ({ world, ids }) =>
    find(world, 'webhook_endpoint', ids['id'], 'webhook_endpoint'),
  ),
  endpoint('POST', '/v1/webhook_endpoints/:id', updateParams, ({ world, params, ids }) => {
    const row = find(world, 'webhook_endpoint', ids['id'], 'webhook_endpoint');
    const { disabled, metadata: changes, url, enabled_events: wanted, description } = params;
    return world.store.update('webhook_endpoint', row.id, {
      ...(url === undefined ? {} : { url }),
      ...(wanted === undefined ? {} : { enabled_events: wanted }),
      ...(description === undefined ? {} : { description }),
      ...(disabled === undefined ? {} : { status: disabled ? 'disabled' : 'enabled' }),
      metadata: mergeMetadata(row.metadata, changes),
    });
  }),
  endpoint('DELETE', '/v1/webhook_endpoints/:id', z.strictObject({}), ({ world, ids }) => {
    const row = find(world, 'webhook_endpoint', ids['id'], 'webhook_endpoint');
    world.store.remove('webhook_endpoint', row.id);
    return { raw: { id: row.id, object: 'webhook_endpoint', deleted: true } };
  }),
];

/** `invoice.*` asks for a family, as in Stripe's list. */
const matchesType = (type: string, wanted: string): boolean =>
  wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
