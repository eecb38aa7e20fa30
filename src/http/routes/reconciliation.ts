// The routes of comparisons with Stripe: for operators only.
import { z } from 'zod';
import {
  getReconciliation,
  startReconciliation,
} from '../../actions/reconciliation/reconciliation.ts';
import { route } from '../route.ts';
import { id, instantView } from '../schema/common.ts';

const create = z.strictObject({
  dry_run: z.boolean().default(false).meta({ description: 'Reports what it would mend' }),
});

const value = z.unknown().nullable();
const difference = z.object({
  object: z.string().meta({ description: 'Its id at Stripe' }),
  field: z.string(),
  ours: value,
  stripes: value,
  done: z
    .enum(['repaired', 'reported', 'nothing'])
    .meta({ description: 'reported: an operator’s to mend; nothing: a dry run' }),
  why: z.enum(['missed_event', 'missing_at_stripe', 'duplicate_subscription', 'unknown_price']),
});

const view = z.object({
  id: z.string(),
  status: z.enum(['running', 'done', 'partial', 'failed']),
  dry_run: z.boolean(),
  scope: z.enum(['all', 'events']),
  checked: z.int(),
  unchecked: z.int().meta({ description: 'Objects that Stripe did not answer about' }),
  differences: z.array(difference).meta({ description: 'The first 1000' }),
  differences_total: z.int(),
  error: z.string().nullable(),
  created_at: instantView,
  finished_at: instantView.nullable(),
});

export const reconciliationRoutes = [
  route({
    method: 'POST',
    path: '/reconciliations',
    tag: 'reconciliation',
    summary: 'Compare everything with Stripe; while one is under way: that one',
    who: ['operator'],
    body: create,
    status: 202,
    answer: view,
    changesFacts: false,
    handle: async ({ ctx, caller, body }) => ({
      body: await startReconciliation(ctx, caller, { dryRun: body.dry_run }),
    }),
  }),
  route({
    method: 'GET',
    path: '/reconciliations/:id',
    tag: 'reconciliation',
    summary: 'Read a comparison and what it found',
    who: ['operator'],
    params: z.object({ id: id('rec') }),
    status: 200,
    answer: view,
    errors: ['not_found'],
    handle: async ({ ctx, params }) => ({ body: await getReconciliation(ctx, params.id) }),
  }),
];
