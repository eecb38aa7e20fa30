// /v1/billing_portal sessions and configurations (https://docs.stripe.com/api/customer_portal).
import { z } from 'zod';
import { customerNow, endpoint, find, findCustomer, type Endpoint } from '../api/endpoint.ts';
import { invalid } from '../api/error.ts';
import { page } from '../api/list.ts';
import { bool, mergeMetadata, paging, text } from '../api/params.ts';
import { defaultConfiguration } from '../billing/portal.ts';
import { add, announce, change } from '../delivery/event.ts';
import { featuresOf, mergeFeatures, noFeatures } from '../billing/portal-feature.ts';
import { configurationParams, configurationUpdate } from './portal-params.ts';
import type { PortalConfiguration, PortalSession } from '../store/entity-session.ts';
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

const create = (world: World, asked: z.output<typeof createParams>): PortalSession => {
  const customer = findCustomer(world, asked.customer);
  const configuration =
    asked.configuration === undefined
      ? defaultConfiguration(world)
      : find(world, 'billing_portal.configuration', asked.configuration, 'configuration');
  const id = newId('bps');
  const secret = randomText(40);
  const flow = asked.flow_data;
  if (flow !== undefined) requireEnabled(configuration, flow.type);
  return add(
    world,
    'billing_portal.session',
    {
      id,
      object: 'billing_portal.session',
      configuration: configuration.id,
      created: customerNow(world, customer),
      customer: customer.id,
      return_url: asked.return_url ?? configuration.default_return_url ?? null,
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

type FlowType = z.output<typeof flowData>['type'];
const verbs: Record<FlowType, string> = {
  payment_method_update: 'This payment method cannot be updated because the payment method update',
  subscription_cancel: 'This subscription cannot be canceled because the subscription cancellation',
  subscription_update: 'This subscription cannot be updated because the subscription update',
};

/** A flow into what the configuration does not let people do is refused. */
const requireEnabled = (configuration: PortalConfiguration, type: FlowType): void => {
  if (featuresOf(configuration)[type].enabled) return;
  throw invalid(`${verbs[type]} feature in the portal configuration is disabled.`, {
    param: 'flow_data[type]',
  });
};

type Described = Pick<
  z.output<typeof configurationUpdate>,
  'business_profile' | 'default_return_url' | 'name'
>;
const noProfile = { headline: null, privacy_policy_url: null, terms_of_service_url: null };

/** What is said about the business; what was not said stays. */
const described = (
  before: Partial<PortalConfiguration>,
  asked: Described,
): Partial<PortalConfiguration> => {
  const profile = Object.entries(asked.business_profile ?? {});
  const { default_return_url = null, name = null } = before;
  const said = Object.fromEntries(profile.filter(([, value]) => value !== undefined));
  return {
    business_profile: { ...noProfile, ...before.business_profile, ...said },
    default_return_url:
      asked.default_return_url === undefined ? default_return_url : asked.default_return_url,
    name: asked.name === undefined ? name : asked.name,
  };
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
      features: mergeFeatures(world, noFeatures, params.features),
      ...described({}, params),
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
  endpoint('POST', `${url}/:id`, configurationUpdate, ({ world, params, ids }) => {
    const row = find(world, 'billing_portal.configuration', ids['id']);
    const patch = {
      active: params.active ?? row.active,
      metadata: mergeMetadata(row.metadata, params.metadata),
      ...(params.features === undefined
        ? {}
        : { features: mergeFeatures(world, featuresOf(row), params.features) }),
      ...described(row, params),
      updated: nowOn(world, null),
    };
    const type = 'billing_portal.configuration.updated';
    return change(world, 'billing_portal.configuration', row.id, patch, type);
  }),
];
