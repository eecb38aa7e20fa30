// The routes of the test clock: 404 unless business time may be moved here.
import { z } from 'zod';
import { moveClock, readClock } from '../../actions/clock.ts';
import { route } from '../route.ts';
import { instant, instantView } from '../schema/common.ts';

const view = z.object({ now: instantView });

export const clockRoutes = [
  route({
    method: 'GET',
    path: '/test/clock',
    tag: 'test clock',
    summary: 'Read business time',
    who: ['operator'],
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx }) => ({ body: readClock(ctx) }),
  }),
  route({
    method: 'PUT',
    path: '/test/clock',
    tag: 'test clock',
    summary: 'Move business time forward; answers once each scheduled job has run',
    who: ['operator'],
    body: z.strictObject({ now: instant }),
    status: 200,
    answer: view,
    errors: ['not_found', 'clock_backwards', 'unavailable'],
    handle: async ({ ctx, caller, body }) => ({ body: await moveClock(ctx, caller, body.now) }),
  }),
];
