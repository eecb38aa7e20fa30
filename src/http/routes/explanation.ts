// Why a call would be answered as it would be now: for operators, and for customers about themselves.
import { explainCall } from '../../actions/explanation.ts';
import { readOrigin } from '../../domain/origin.ts';
import { route } from '../route.ts';
import { explanationCreate, explanationView } from '../schema/explanation.ts';

export const explanationRoutes = [
  route({
    method: 'POST',
    path: '/explanations',
    tag: 'explanation',
    summary: 'What the check would answer now and why; counts nothing',
    who: ['operator', 'customer'],
    body: explanationCreate,
    status: 200,
    answer: explanationView,
    errors: ['not_found'],
    changesFacts: false,
    handle: async ({ ctx, caller, body }) => {
      const { method, path, feature, units = 1, ...named } = body;
      const asked =
        feature === undefined ? { origin: readOrigin(method, path) } : { feature, cost: units };
      return { body: await explainCall(ctx, caller, { asked, named }) };
    },
  }),
];
