// The configuration as a whole, as code keeps it: for operators only.
import { applyConfiguration, previewConfiguration } from '../../actions/configuration/apply.ts';
import { getConfiguration } from '../../actions/configuration/running.ts';
import { route } from '../route.ts';
import {
  configurationApply,
  configurationApplyView,
  configurationPreview,
  configurationPreviewView,
  configurationView,
} from '../schema/configuration.ts';

export const configurationRoutes = [
  route({
    method: 'GET',
    path: '/configuration',
    tag: 'configuration',
    summary: 'Export plans, route policies and settings as they run',
    who: ['operator'],
    status: 200,
    answer: configurationView,
    handle: async ({ ctx }) => ({ body: await getConfiguration(ctx) }),
  }),
  route({
    method: 'POST',
    path: '/configuration/preview',
    tag: 'configuration',
    summary: 'What a configuration would change, whom it would touch, and what an audit would find in it',
    who: ['operator'],
    body: configurationPreview,
    status: 200,
    answer: configurationPreviewView,
    errors: ['plan_in_use', 'invalid_state'],
    changesFacts: false,
    handle: async ({ ctx, caller, body }) => ({
      body: await previewConfiguration(ctx, caller, body.configuration),
    }),
  }),
  route({
    method: 'PUT',
    path: '/configuration',
    tag: 'configuration',
    summary: 'Apply a configuration: all of it in one transaction, or nothing',
    who: ['operator'],
    body: configurationApply,
    status: 200,
    answer: configurationApplyView,
    errors: [
      'access_loss',
      'configuration_changed',
      'plan_in_use',
      'invalid_state',
      'stripe_unavailable',
    ],
    handle: async ({ ctx, caller, body }) => ({ body: await applyConfiguration(ctx, caller, body) }),
  }),
]; // prettier-ignore
