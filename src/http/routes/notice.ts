// The routes of notices: for operators, who see what was sent and what could not be.
import { z } from 'zod';
import { listNotices } from '../../actions/notice/notice.ts';
import type { NoticeKind } from '../../domain/notice.ts';
import { noticeKinds } from '../../domain/notice.ts';
import { route } from '../route.ts';
import { id, instantView, list, pageQuery } from '../schema/common.ts';

const kinds = Object.keys(noticeKinds) as [NoticeKind, ...NoticeKind[]];

const view = z.object({
  id: z.string(),
  kind: z.string(),
  key: z.string().meta({ description: 'The step it tells of: there is one notice per key' }),
  customer_id: z.string().nullable(),
  subscription_id: z.string().nullable(),
  to: z.string().nullable(),
  state: z.string().meta({ examples: ['sent'] }),
  attempts: z.int(),
  next_attempt_at: instantView.nullable(),
  last_error: z.string().nullable(),
  at: instantView,
  sent_at: instantView.nullable(),
  created_at: instantView,
});

export const noticeRoutes = [
  route({
    method: 'GET',
    path: '/notices',
    tag: 'notice',
    summary: 'List notices: what people were told, and what could not be sent',
    who: ['operator'],
    query: z.strictObject({
      ...pageQuery,
      customer_id: id('cus').optional(),
      kind: z.enum(kinds).optional(),
      state: z.enum(['pending', 'sent', 'unsendable', 'failed']).optional(),
    }),
    status: 200,
    answer: list(view),
    handle: async ({ ctx, query }) => ({ body: await listNotices(ctx, query) }),
  }),
];
