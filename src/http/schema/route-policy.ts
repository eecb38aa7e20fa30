// What a route policy looks like on the wire, coming and going. Ties with other policies are the action's.
import { z } from 'zod';
import { describePathFault, methods } from '../../domain/route-policy.ts';
import { featureName } from './plan.ts';

const costMax = 1_000_000;
const staleSecondsMax = 604_800;

const path = z
  .string()
  .max(2048)
  .superRefine((value, at) => {
    const fault = describePathFault(value);
    if (fault) at.addIssue({ code: 'custom', message: fault });
  })
  .meta({ examples: ['/reports/:id', '/files/*'] });

const fields = {
  method: z.enum(methods),
  path,
  access: z.enum(['free', 'key', 'subscription', 'feature', 'deny']),
  feature: featureName.nullable(),
  cost: z.int().min(0).max(costMax),
  read_only: z.boolean(),
  when_down: z.enum(['closed', 'open']),
  max_stale_seconds: z.int().min(0).max(staleSecondsMax),
};

export const routePolicyInput = z
  .strictObject({
    ...fields,
    feature: fields.feature.default(null),
    cost: fields.cost.default(1),
    read_only: fields.read_only.default(false),
    when_down: fields.when_down.default('closed'),
    max_stale_seconds: fields.max_stale_seconds.default(300),
  })
  .refine(({ access, feature }) => (access === 'feature') === (feature !== null), {
    path: ['feature'],
    error: 'must be named exactly when access is "feature"',
  });

export const routePolicyView = z.object({ id: z.string(), ...fields });
