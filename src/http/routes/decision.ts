// The routes of decisions: what the check answered and why, and how often. A customer may read their own, by id.
import { z } from 'zod';
import { countDecisions } from '../../actions/decision/count.ts';
import { getDecision, listDecisions } from '../../actions/decision/decision.ts';
import { listNearLimits } from '../../actions/decision/near-limit.ts';
import { countPayments } from '../../actions/decision/payment-demand.ts';
import { readRange } from '../../actions/decision/range.ts';
import { route } from '../route.ts';
import { id, list } from '../schema/common.ts';
import {
  decisionQuery,
  decisionStats,
  decisionView,
  kept,
  statsQuery,
} from '../schema/decision.ts';

const tag = 'decision';

export const decisionRoutes = [
  route({
    method: 'GET',
    path: '/decisions',
    tag,
    summary: 'List the decisions that were kept, newest first',
    who: ['operator'],
    query: decisionQuery,
    status: 200,
    answer: list(kept),
    handle: async ({ ctx, query }) => ({ body: await listDecisions(ctx, query) }),
  }),
  route({
    method: 'GET',
    path: '/decisions/:id',
    tag,
    summary: 'Read a decision that was kept, and why it was so',
    who: ['operator', 'customer'],
    params: z.object({ id: id('dec') }),
    status: 200,
    answer: decisionView,
    errors: ['not_found'],
    handle: async ({ ctx, caller, params }) => ({
      body: await getDecision(ctx, caller, params.id),
    }),
  }),
  route({
    method: 'GET',
    path: '/stats/decisions',
    tag,
    summary: 'How many checks were answered how, who is near a limit, and who paid after a 402',
    who: ['operator'],
    query: statsQuery,
    status: 200,
    answer: decisionStats,
    handle: async ({ ctx, query }) => {
      const range = readRange(query, ctx.now());
      const [counted, near_limits, payments] = await Promise.all([
        countDecisions(ctx, range),
        listNearLimits(ctx),
        countPayments(ctx, range),
      ]);
      const { bucket, since, until } = range;
      const span = { bucket, since: since.toISOString(), until: until.toISOString() };
      return { body: { ...span, ...counted, near_limits, payments } };
    },
  }),
];
