// The routes of the settings: for operators only.
import { changeSettings, getSettings } from '../../actions/setting.ts';
import { route } from '../route.ts';
import { settingChange, settingView } from '../schema/setting.ts';

export const settingRoutes = [
  route({
    method: 'GET',
    path: '/settings',
    tag: 'setting',
    summary: 'Read the settings',
    who: ['operator'],
    status: 200,
    answer: settingView,
    handle: async ({ ctx }) => ({ body: await getSettings(ctx) }),
  }),
  route({
    method: 'PATCH',
    path: '/settings',
    tag: 'setting',
    summary: 'Change settings',
    who: ['operator'],
    body: settingChange,
    status: 200,
    answer: settingView,
    handle: async ({ ctx, caller, body }) => ({ body: await changeSettings(ctx, caller, body) }),
  }),
];
