// The routes of the jobs: how they do, what they could not settle, and another attempt. For operators only.
import { z } from 'zod';
import { listFailures, listJobs, openFailureCursor, retryFailure } from '../../actions/job.ts';
import { route } from '../route.ts';
import { instantView, list, pageQuery } from '../schema/common.ts';

const view = z.object({
  name: z.string(),
  schedule: z.string().meta({ examples: ['every 1 min'] }),
  last_run: instantView.nullable().meta({ description: 'Business time' }),
  last_result: z
    .record(z.string(), z.union([z.number(), z.string()]))
    .nullable()
    .meta({ description: 'Counts of what was done, or `error`' }),
  next_run: instantView.nullable().meta({ description: 'Machine time' }),
  backlog: z.int().min(0).meta({ description: 'Rows that are due now' }),
  oldest_due: instantView.nullable(),
});
const queueView = z.object({
  runs_on: z.enum(['postgres', 'redis']),
  reachable: z.boolean(),
  warning: z
    .string()
    .nullable()
    .meta({ description: 'What is wrong, and the command that mends it' }),
});
const failureView = z.object({
  id: z.string().meta({ examples: ['stripe_object.sub_1Q2w3E'] }),
  job: z.string(),
  kind: z.string().meta({ description: 'What the row is; `job` where a whole run failed' }),
  object_id: z.string(),
  attempts: z.int(),
  last_error: z.string().nullable(),
  next_attempt_at: instantView.nullable().meta({ description: 'Machine time' }),
});

const cursor = z
  .string()
  .max(500)
  .transform((text, at) => {
    const opened = openFailureCursor(text);
    if (opened === null) at.addIssue({ code: 'custom', message: 'is no cursor of this list' });
    return opened ?? '';
  })
  .optional()
  .meta({ description: 'The `next_cursor` of the page before' });

export const jobRoutes = [
  route({
    method: 'GET',
    path: '/jobs',
    tag: 'job',
    summary: 'Read how each job does, what waits for it, and how the queue is',
    who: ['operator'],
    status: 200,
    answer: z.object({ data: z.array(view), queue: queueView }),
    handle: async ({ ctx }) => ({ body: await listJobs(ctx) }),
  }),
  route({
    method: 'GET',
    path: '/jobs/failures',
    tag: 'job',
    summary: 'List what jobs could not settle: they go on trying, further and further apart',
    who: ['operator'],
    query: z.strictObject({ ...pageQuery, cursor }),
    status: 200,
    answer: list(failureView),
    handle: async ({ ctx, query }) => ({ body: await listFailures(ctx, query) }),
  }),
  route({
    method: 'POST',
    path: '/jobs/failures/:id/retry',
    tag: 'job',
    summary: 'Make a failed row due now and wake its job',
    who: ['operator'],
    params: z.object({ id: z.string().max(300) }),
    status: 202,
    answer: failureView,
    errors: ['not_found'],
    changesFacts: false,
    handle: async ({ ctx, caller, params }) => ({
      status: 202,
      body: await retryFailure(ctx, caller, params.id),
    }),
  }),
];
