// The audit of the configuration: for operators only.
import { z } from 'zod';
import { getConfigurationAudit } from '../../actions/audit-configuration.ts';
import { findingsMax } from '../../domain/audit.ts';
import { findingCodes } from '../../domain/audit-finding.ts';
import { route } from '../route.ts';
import { instantView } from '../schema/common.ts';

const view = z.object({
  code: z.enum(findingCodes),
  severity: z.enum(['error', 'warning', 'info']),
  subject: z.string().meta({ description: 'The route, plan, key or address that is meant' }),
  detail: z.string().meta({ description: 'What is the case' }),
  why: z.string().meta({ description: 'Why it matters' }),
  mend: z.string().meta({ description: 'The change that mends it' }),
});

export const auditConfigurationRoutes = [
  route({
    method: 'GET',
    path: '/audits/configuration',
    tag: 'audit',
    summary: 'What is wrong with the configuration, here and at Stripe; the gravest first',
    who: ['operator'],
    status: 200,
    answer: z.object({ data: z.array(view).max(findingsMax), checked_at: instantView }),
    handle: async ({ ctx }) => ({ body: await getConfigurationAudit(ctx) }),
  }),
];
