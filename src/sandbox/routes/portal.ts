// /v1/billing_portal sessions and configurations (https://docs.stripe.com/api/customer_portal).
import { z } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { page } from '../api/list.ts';
import { bool, mergeMetadata, metadata, paging, text } from '../api/params.ts';
import { defaultConfiguration } from '../billing/portal.ts';
import { add, announce, change } from '../delivery/event.ts';
import type { PortalSession } from '../store/entity-session.ts';
import { newId, nowOn, randomText, type World } from '../world.ts';

const webAddress = z
  .string()
  .regex(/^https?:\/\/\S+$/, 'Not a valid URL')
  .max(5000);
const bySubscription = z.strictObject({
  subscription: text,
  retention: z.looseObject({}).optional(),
});
const flowData = z.strictObject({
  type: z.enum(['payment_method_update', 'subscription_cancel', 'subscription_update']),
  after_completion: z
    .strictObject({
      type: z.enum(['hosted_confirmation', 'portal_homepage', 'redirect']),
      redirect: z.strictObject({ return_url: webAddress }).optional(),
      hosted_confirmation: z.looseObject({}).optional(),
    })
    .optional(),
  subscription_cancel: bySubscription.optional(),
  subscription_update: z.strictObject({ subscription: text }).optional(),
});
const createParams = z.strictObject({
  customer: text,
  configuration: text.optional(),
  flow_data: flowData.optional(),
  locale: text.optional(),
  return_url: webAddress.optional(),
});
const configurationParams = z.strictObject({
  business_profile: z.looseObject({}).optional(),
  default_return_url: text.optional(),
  features: z.looseObject({}).optional(),
  metadata: metadata.optional(),
  name: text.optional(),
});

const create = (world: World, asked: z.output<typeof createParams>): PortalSession => {
  const customer = findCustomer(world, asked.customer);
  const configuration =
    asked.configuration === undefined
      ? defaultConfiguration(world)
      : find(world, 'billing_portal.configuration', asked.configuration, 'configuration');
  const id = newId('bps');
  const secret = randomText(40);
  const flow = asked.flow_data;
  return add(
    world,
    'billing_portal.session',
    {
      id,
      object: 'billing_portal.session',
      configuration: configuration.id,
      created: customerNow(world, customer),
      customer: customer.id,
      return_url: asked.return_url ?? null,
      url: `${world.publicUrl}/portal/${id}/${secret}`,
      _flow:
        flow === undefined
          ? null
          : {
              type: flow.type,
              subscription:
                flow.subscription_cancel?.subscription ??
                flow.subscription_update?.subscription ??
                null,
              return_url: flow.after_completion?.redirect?.return_url ?? null,
            },
      _secret: secret,
    },
    'billing_portal.session.created',
  );
};

const url = '/v1/billing_portal/configurations';

export const portalEndpoints: Endpoint[] = [
  endpoint('POST', '/v1/billing_portal/sessions', createParams, ({ world, params }) =>
    create(world, params),
  ),
  endpoint('POST', url, configurationParams, ({ world, params }) => {
    const now = nowOn(world, null);
    const made = world.store.put('billing_portal.configuration', {
      id: newId('bpc'),
      object: 'billing_portal.configuration',
      active: true,
      created: now,
      updated: now,
      is_default: false,
      metadata: mergeMetadata({}, params.metadata),
    });
    announce(world, 'billing_portal.configuration.created', made);
    return made;
  }),
  endpoint(
    'GET',
    url,
    z.strictObject({ ...paging, active: bool.optional(), is_default: bool.optional() }),
    ({ world, params }) => {
      defaultConfiguration(world);
      return page(
        world,
        'billing_portal.configuration',
        url,
        params,
        (row) =>
          row.active === (params.active ?? row.active) &&
          row.is_default === (params.is_default ?? row.is_default),
      );
    },
  ),
  endpoint('GET', `${url}/:id`, z.strictObject({}), ({ world, ids }) =>
    find(world, 'billing_portal.configuration', ids['id']),
  ),
  endpoint(
    'POST',
    `${url}/:id`,
    configurationParams.extend({ active: bool.optional() }),
    ({ world, params, ids }) => {
      const row = find(world, 'billing_portal.configuration', ids['id']);
      const patch = {
        active: params.active ?? row.active,
        metadata: mergeMetadata(row.metadata, params.metadata),
        updated: nowOn(world, null),
      };
      const type = 'billing_portal.configuration.updated';
      return change(world, 'billing_portal.configuration', row.id, patch, type);
    },
  ),
];
