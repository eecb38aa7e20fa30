// The audit of the configuration: for operators only.
import { z } from 'zod';
import { getConfigurationAudit } from '../../actions/audit-configuration.ts';
import { findingsMax } from '../../domain/audit/audit.ts';
import { route } from '../route.ts';
import { instantView } from '../schema/common.ts';
import { findingView } from '../schema/configuration.ts';

export const auditConfigurationRoutes = [
  route({
    method: 'GET',
    path: '/audits/configuration',
    tag: 'audit',
    summary: 'What is wrong with the configuration, here and at Stripe; the gravest first',
    who: ['operator'],
    status: 200,
    answer: z.object({ data: z.array(findingView).max(findingsMax), checked_at: instantView }),
    handle: async ({ ctx }) => ({ body: await getConfigurationAudit(ctx) }),
  }),
];
