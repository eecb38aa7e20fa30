// The routes of the settings: for operators only.
import { z } from 'zod';
import { changeSettings, getSettings } from '../../actions/setting.ts';
import { route } from '../route.ts';
import { planKey } from '../schema/plan.ts';

const fields = {
  default_access: z.enum(['free', 'key', 'subscription', 'deny']),
  default_plan: planKey.nullable(),
};
const view = z.object(fields);

export const settingRoutes = [
  route({
    method: 'GET',
    path: '/settings',
    tag: 'setting',
    summary: 'Read the settings',
    who: ['operator'],
    status: 200,
    answer: view,
    handle: async ({ ctx }) => ({ body: await getSettings(ctx) }),
  }),
  route({
    method: 'PATCH',
    path: '/settings',
    tag: 'setting',
    summary: 'Change settings',
    who: ['operator'],
    body: z.strictObject(fields).partial(),
    status: 200,
    answer: view,
    handle: async ({ ctx, caller, body }) => ({ body: await changeSettings(ctx, caller, body) }),
  }),
];
